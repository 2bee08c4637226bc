"""The scripts that complete kshell's options, run by the shells themselves where they are installed."""

from __future__ import annotations

import shutil
import subprocess

import pexpect
import pytest

from kshell.errors import UsageError
from kshell.terminal.options import parser
from kshell.terminal.shell_completion import SHELLS, main, script

OPTIONS = {name for action in parser()._actions for name in action.option_strings}


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(params=sorted(SHELLS))
def made(request, tmp_path):
    """A shell's name, and the file with its script."""
    path = tmp_path / f"_kshell.{request.param}"
    path.write_text(script(request.param))
    return request.param, path


def test_every_option_of_the_parser_is_in_every_script(made):
    name, path = made
    text = path.read_text()
    for option in OPTIONS:
        word = option if name != "fish" else f"-l {option[2:]} " if option[:2] == "--" else f"-s {option[1:]} "
        assert word in text, option


def test_the_shell_takes_the_script(made):
    name, path = made
    done = subprocess.run([shell(name), "-n", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


BASH = """
source "$1"; shift
COMP_WORDS=(kshell "$@"); COMP_CWORD=$#
compopt() { :; }
_kshell
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["--prof"], {"--profile"}),
        (["-o", "p"], {"parquet"}),
        (["--output", "js"], {"json", "jsonl"}),
        (["-X", "sasl.pass"], {"sasl.password="}),
        (["--profile", ""], {"prod", "test"}),
        (["co"], {"config", "completion"}),
        (["config", ""], {"init", "show", "validate"}),
        (["completion", "f"], {"fish"}),
        (["-e", ""], set()),
    ],
)
def test_what_bash_offers(words, offered, tmp_path, monkeypatch):
    (tmp_path / "kshell").mkdir()
    (tmp_path / "kshell" / "config.toml").write_text("[profile.prod]\n[profile.test]\n[profile.prod.topic.x]\n")
    (tmp_path / "script").write_text(script("bash"))
    done = subprocess.run(
        [shell("bash"), "-c", BASH, "bash", str(tmp_path / "script"), *words], capture_output=True, text=True,
        env={"XDG_CONFIG_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("kshell --prof", {"--profile"}),
        ("kshell -o par", {"parquet"}),
        ("kshell -X sasl.pass", {"sasl.password="}),
        ("kshell conf", {"config"}),
        ("kshell config v", {"validate"}),
    ],
)
def test_what_fish_offers(line, offered, tmp_path):
    (tmp_path / "k.fish").write_text(script("fish"))
    done = subprocess.run(
        [shell("fish"), "-N", "-c", f"source {tmp_path}/k.fish; complete -C '{line}'"], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert {row.split("\t")[0] for row in done.stdout.splitlines()} >= offered


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("kshell --prof", "kshell --profile "),
        ("kshell -o parq", "kshell -o parquet "),
        ("kshell -X sasl.passw", "kshell -X sasl.password="),
        ("kshell comp", "kshell completion "),
        ("kshell config val", "kshell config validate "),
    ],
)
def test_what_zsh_completes(typed, completed, tmp_path):
    (tmp_path / "_kshell").write_text(script("zsh"))
    home = {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb", "PATH": "/usr/bin:/bin"}
    with pexpect.spawn(shell("zsh"), ["-f", "-i"], env=home, encoding="utf-8", timeout=20, dimensions=(40, 200)) as zsh:
        zsh.sendline(f"PS1='>'; fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u; print rea''dy")
        zsh.expect("ready")
        zsh.send(typed + "\t")
        zsh.expect_exact(completed)


def test_another_shell_is_a_usage_error(capsys):
    with pytest.raises(UsageError, match="name of a shell"):
        main(["tcsh"])
    assert main(["bash"]) == 0
    assert capsys.readouterr().out == script("bash")
