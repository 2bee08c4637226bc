"""The contract that `make check` holds goes red where it should: circles, and modules without a layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = """
[tool.importlinter]
root_packages = ["made"]
exclude_type_checking_imports = false
contract_types = ["no_circles: tests.imports.NoCircles"]

[[tool.importlinter.contracts]]
name = "no circle"
type = "no_circles"
"""
LOWER = "from made.upper import TABLE\n"


def lint(folder: Path, *arguments: str) -> tuple[int, str]:
    """What lint-imports says of the folder's package; the contract type is this repository's."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]; sys.argv[1:3] = []\n"
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(ROOT), "--no-cache", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def package(folder: Path, **modules: str) -> Path:
    (folder / "pyproject.toml").write_text(CONTRACT)
    for name, text in {"__init__": "", **modules}.items():
        file = folder / "made" / f"{name.replace('__', '/') if name != '__init__' else name}.py"
        file.parent.mkdir(exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    "upper",
    [
        "import made.lower\nTABLE = 1\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import made.lower\nTABLE = 1\n",
        "def later():\n    import made.lower\nTABLE = 1\n",
        "TABLE = {'x': 'made.lower:name'}\n",
        "TABLE = {'x': ('kind', 'lower:name')}\n",
        "import importlib\nTABLE = importlib.import_module('made.lower')\n",
    ],
    ids=["import", "for types", "later", "table", "table without the package", "import_module"],
)
def test_a_circle_is_told(tmp_path, upper):
    code, told = lint(package(tmp_path, upper=upper, lower=LOWER))
    assert code == 1
    assert "made.upper -> made.lower -> made.upper" in told or (
        "made.lower -> made.upper -> made.lower" in told
    )


def test_a_circle_by_way_of_a_package_below_is_told(tmp_path):
    made = package(tmp_path, upper="TABLE = 'lower:name'\n", parts__lower=LOWER)
    code, told = lint(made)
    assert code == 1
    assert "made.parts.lower" in told


@pytest.mark.parametrize("upper", ["TABLE = 'lower: a word'\n", "TABLE = 'other:name'\n", "TABLE = 'made:word'\n"])
def test_text_that_names_no_module_is_no_import(tmp_path, upper):
    code, told = lint(package(tmp_path, upper=upper, lower=LOWER))
    assert code == 0, told


def test_a_module_that_no_layer_names_is_told(tmp_path):
    """The contracts of this repository, over a copy of its package with one module more."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for file in (ROOT / "kshell").rglob("*.py"):
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    code, told = lint(tmp_path)
    assert code == 0, told
    (tmp_path / "kshell" / "stray.py").touch()
    code, told = lint(tmp_path)
    assert code == 1
    assert "kshell.stray" in told
