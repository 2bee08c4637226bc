"""Says which secrets others can see: in a file that they may read, or on the way to the brokers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kshell.config.properties import is_secret
from kshell.config.setting import Setting

__all__ = ["exposed", "is_this_machine"]

# What a login without TLS shows; SCRAM and Kerberos show no secret.
_SHOWN = {"PLAIN": "the password", "OAUTHBEARER": "the token"}


def exposed(
    properties: Mapping[str, str], settings: Iterable[Setting], files: Iterable[Path]
) -> Iterator[str]:
    """A sentence for each secret that others can see; `files` may have set some of the settings."""
    secret = [s for s in settings if is_secret(s.name)]
    for path in files:
        name = next((s.name for s in secret if s.origin.startswith(f"{path}:")), "")
        if name and path.expanduser().stat().st_mode & 0o044:
            yield f"{path} holds {name}, and other users may read it: chmod 600 {path}"
    what = _SHOWN.get(properties["sasl.mechanism"])
    if what is None or properties["security.protocol"] != "SASL_PLAINTEXT":
        return
    servers = properties.get("bootstrap.servers", "").split(",")
    away = [host for host in map(_host, servers) if host and not is_this_machine(host)]
    if away:
        yield (
            f"{what} goes to {away[0]} in plain text, by security.protocol=SASL_PLAINTEXT:"
            " SASL_SSL is the same with TLS"
        )


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine.

    >>> is_this_machine("127.0.0.2"), is_this_machine("broker-1")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _host(server: str) -> str:
    """The host of a bootstrap server.

    >>> _host("[::1]:9092"), _host(" a:1"), _host("a")
    ('::1', 'a', 'a')
    """
    host, colon, port = server.strip().rpartition(":")
    return (host if colon and port.isdigit() else server.strip()).strip("[]")
