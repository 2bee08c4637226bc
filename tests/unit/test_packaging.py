"""The wheel works away from the checkout: code, compiled parts or their twins, and package data."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # it compiles a wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, so that nothing of this folder is left in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(
        ROOT, source,
        ignore=shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.so", "*.c", "*.egg-info",
                                      "__pycache__", ".*cache", ".hypothesis"),
    )  # fmt: skip
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = folder.glob("*.whl")
    return built


def test_every_data_file_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = (p for kind in ("toml", "sql") for p in (ROOT / "kshell").rglob(f"*.{kind}"))
    data = [p.relative_to(ROOT).as_posix() for p in files]
    assert set(data) <= names
    assert "kshell/py.typed" in names
    assert "kshell/terminal/cli.py" in names
    assert not [n for n in names if n.startswith("tests")]


def test_it_runs_from_another_folder(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The checkout must not be found: only the wheel and the installed libraries are on the path.
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.argv[1:2] = []\n"
        "import kshell; assert kshell.__file__.startswith(sys.path[0]), kshell.__file__\n"
        "from kshell.__main__ import main; main()"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", code, str(site), *arguments],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    assert run("--version").stdout.startswith("kshell 0.")
    done = run("--demo", "-o", "csv", "-e", "SELECT COUNT(*) AS n FROM users WHERE ROWTIME >= 0")
    assert done.returncode == 0, done.stderr
    header, count = done.stdout.splitlines()
    assert header == "n"
    assert int(count) >= 200
