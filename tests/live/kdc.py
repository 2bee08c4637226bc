"""A Kerberos realm for tests: MIT's KDC (krb5-kdc, krb5-admin-server) on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .realkafka import Unavailable, free_port

REALM = "TEST.LOCAL"
_TOOLS = ("kdb5_util", "kadmin.local", "krb5kdc")
_CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""
_KDC = """[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/db
  key_stash_file = {folder}/stash
 }}
[logging]
 kdc = FILE:{folder}/kdc.log
"""


@dataclass(frozen=True, slots=True)
class Kdc:
    """A KDC that runs: its configuration, its keytabs, and what alice's process has set."""

    conf: Path
    keytab: Path
    alice: Mapping[str, str]


@contextlib.contextmanager
def kdc() -> Iterator[Kdc]:
    """A realm with the service kafka/localhost and the user alice; raises Unavailable."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    tools = {name: shutil.which(name, path=path) for name in _TOOLS}
    if missing := [name for name, found in tools.items() if found is None]:
        raise Unavailable(f"{' and '.join(missing)} not installed")
    folder = Path(tempfile.mkdtemp(prefix="kshell-kdc-"))
    port = free_port()
    conf, profile = folder / "krb5.conf", folder / "kdc.conf"
    conf.write_text(_CONF.format(realm=REALM, port=port))
    profile.write_text(_KDC.format(realm=REALM, port=port, folder=folder))
    env = {**os.environ, "KRB5_CONFIG": str(conf), "KRB5_KDC_PROFILE": str(profile)}

    def run(tool: str, *arguments: str) -> None:
        command = [str(tools[tool]), "-r", REALM, *arguments]
        subprocess.run(command, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    server: subprocess.Popen[bytes] | None = None
    try:
        run("kdb5_util", "-P", "master", "create", "-s")
        for principal, name in (("kafka/localhost", "kafka"), ("alice", "alice")):
            run("kadmin.local", "-q", f"addprinc -randkey {principal}")
            run("kadmin.local", "-q", f"ktadd -k {folder}/{name}.keytab {principal}")
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(tools["krb5kdc"]), "-n", "-r", REALM],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _wait(port)
        alice = {
            "KRB5_CONFIG": str(conf), "KRB5_CLIENT_KTNAME": f"{folder}/alice.keytab",
            "KRB5CCNAME": f"FILE:{folder}/tickets",
        }  # fmt: skip
        yield Kdc(conf, folder / "kafka.keytab", alice)
    finally:
        if server is not None:
            server.terminate()
            server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise Unavailable("the KDC does not answer")
