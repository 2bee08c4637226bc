"""`kshell config init | show | validate`, as a person runs them."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kshell.config import PROPERTIES, Properties
from kshell.config.sample import sample
from kshell.config.sources import COMMANDS_DEFAULTS, read_config

ROOT = Path(__file__).parents[3]


@pytest.fixture
def kshell(tmp_path):
    """Runs kshell with a configuration of its own."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("KSHELL_")}
        return subprocess.run(
            [sys.executable, "-m", "kshell", *arguments], cwd=ROOT, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, env={**kept, "XDG_CONFIG_HOME": str(tmp_path), **variables}, timeout=60,
        )  # fmt: skip

    return run


def config(tmp_path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "kshell" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_init_writes_a_sample_for_its_owner_and_nothing_over_it(kshell, tmp_path):
    done = kshell("config", "init")
    path = tmp_path / "kshell" / "config.toml"
    assert (done.returncode, done.stdout) == (0, "")
    assert str(path) in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tomllib.loads(path.read_text()) == {}
    path.write_text("client.id = 'mine'\n")
    again = kshell("config", "init")
    assert again.returncode == 2
    assert "exists, and was left as it is" in again.stderr
    assert path.read_text() == "client.id = 'mine'\n"
    assert kshell("config", "init", "-").stdout == sample()


def test_the_samples_lines_are_valid_when_they_are_uncommented(tmp_path):
    lines = [re.sub(r"^# (\[|[\w.\"]+ = )", r"\1", line) for line in sample().splitlines()]
    path = tmp_path / "config.toml"
    path.write_text("\n".join(lines))
    profiles = read_config(path)
    assert {s.name for s in profiles[""]} == set(PROPERTIES)
    assert set(profiles) == {"", "prod"}
    for setting in (s for settings in profiles.values() for s in settings):
        if setting.name in PROPERTIES or setting.name.startswith("topic."):
            made = setting.onto(Properties())
            known = PROPERTIES.get(setting.name)
            default = COMMANDS_DEFAULTS.get(setting.name, known.default if known else None)
            assert default is None or setting in profiles.get("prod", ()) or made[setting.name] == default


def test_show_has_each_value_and_its_place_and_no_secret(kshell, tmp_path):
    path = config(tmp_path, 'client.id = "c"\n[profile.p]\nsasl.password = "hunter2"\nschema.registry.url = "http://u:hunter2@r"\n')
    client = tmp_path / "client.properties"
    client.write_text("sasl.mechanisms=PLAIN\nsasl.username=al\nssl.key.pem=hunter2\nsasl.pasword=hunter2\n")
    done = kshell("config", "show", "--profile", "p", "-F", str(client), "-X", "isolation.level=read_uncommitted",
                  "-b", "h:1", KSHELL_SASL_OAUTHBEARER_TOKEN="hunter2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {row["property"]: (row["value"], row["set by"]) for row in map(json.loads, done.stdout.splitlines())}
    stars = "********"
    assert {n: row for n, row in rows.items() if row[1] != "default"} == {
        "client.id": ("c", f"{path}:1"),
        "sasl.password": (stars, f"{path}:3"),
        "schema.registry.url": (f"http://{stars}@r", f"{path}:4"),
        "sasl.mechanism": ("PLAIN", f"{client}:1"),
        "sasl.username": ("al", f"{client}:2"),
        "ssl.key.pem": (stars, f"{client}:3"),
        "isolation.level": ("read_uncommitted", "-X"),
        "bootstrap.servers": ("h:1", "--bootstrap"),
        "sasl.oauthbearer.token": (stars, "KSHELL_SASL_OAUTHBEARER_TOKEN"),
    }
    assert rows["auto.offset.reset"] == ("latest", "default")
    assert done.stderr == f"{client} sets 1 name that kshell has no use for: sasl.pasword (sasl.password?)\n"
    assert "hunter2" not in done.stdout + done.stderr


def test_validate_says_everything_that_is_wrong(kshell, tmp_path):
    path = config(
        tmp_path,
        """\
client.id = "c"
sasl.pasword = "hunter2"
[profile.a]
colour = "red"
sasl.password = "hunter2"
[profile.b]
kshell.sample.records = "hunter"
ssl.ca.location = "/nowhere/ca.pem"
""",
        0o644,
    )
    client = tmp_path / "client.properties"
    client.write_text("linger.ms=5\nbootstrap.server.s=h:1\nsecurity.protocol=TLS\n")
    done = kshell("config", "validate", "-F", str(client), KSHELL_CLIENTID="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition(" or ")[0].rstrip("?") for line in done.stderr.splitlines()] == [
        f"Error: {path} is open to other users, and holds sasl.password", f"Try: chmod 600 {path}",
        f"Error: {path}:2: no property named sasl.pasword", "Try: did you mean sasl.password",
        f"Error: {path}:4: no property named colour", "Try: did you mean color",
        f"Error: {path}:7: kshell.sample.records is a whole number, not 'hunter'",
        f"Error: {path}:8: ssl.ca.location: there is no file /nowhere/ca.pem",
        f"Error: {client}:3: security.protocol cannot be 'TLS'", "Try: one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        "Error: KSHELL_CLIENTID: no property has this variable", "Try: did you mean KSHELL_CLIENT_ID",
    ]  # fmt: skip
    client.write_text("linger.ms=5\nbootstrap.server.s=h:1\n")
    done = kshell("config", "validate", "-F", str(client))
    assert f"Error: {client}: kshell has no use for bootstrap.server.s\nTry: did you mean bootstrap.servers?\n" in done.stderr
    assert "linger.ms" not in done.stderr


def test_validate_names_the_line_that_sets_a_file(kshell, tmp_path):
    path = config(
        tmp_path,
        """\
ssl.truststore.location = "/nowhere"
client.id = "/nowhere"
[profile.both]
ssl.certificate.location = "/nowhere"
[profile.pem]
ssl.ca.location = "/elsewhere"
ssl.ca.pem = "x"
""",
    )
    done = kshell("config", "validate")
    assert [line for line in done.stderr.splitlines() if "there is no file" in line] == [
        f"Error: {path}:1: ssl.ca.location: there is no file /nowhere",
        f"Error: {path}:4: ssl.certificate.location: there is no file /nowhere",
    ]
    assert "Traceback" not in done.stderr


def test_validate_of_an_open_file_with_a_colon_in_its_path(kshell, tmp_path):
    path = tmp_path / "a:b.toml"
    path.write_text('sasl.password = "x"\n')
    path.chmod(0o644)
    said = f"Error: {path} is open to other users, and holds sasl.password\nTry: chmod 600 {path}\n"
    assert kshell("config", "validate", str(path)).stderr == said


def test_validate_knows_a_secret_by_its_other_names(kshell, tmp_path):
    path = config(tmp_path, 'basic.auth.user.info = "u:p"\n', 0o644)
    done = kshell("config", "validate")
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {path} is open to other users, and holds basic.auth.user.info\n")


def test_validate_of_what_is_right(kshell, tmp_path):
    assert kshell("config", "validate", KSHELL_PURE="1").returncode == 0
    config(tmp_path, '[profile.a]\nsasl.password = "x"\n')
    done = kshell("config", "validate")
    assert (done.returncode, done.stderr) == (0, "Nothing is wrong.\n")


def test_validate_of_a_file_that_is_no_toml(kshell, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("a = 1\nb = \n")
    done = kshell("config", "validate", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {path}:2: Invalid value")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["vaildate"], "did you mean validate?"), (["show", "--profil", "x"], "--profile"), (["init", "--force"], "--force")],
)
def test_other_words_are_usage_errors(arguments, said, kshell):
    done = kshell("config", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
