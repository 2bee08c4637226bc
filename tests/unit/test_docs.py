"""What the docs show is in the grammar, passes, or is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import kshell
from kshell.cases.model import Status
from kshell.cases.read import read_cases
from kshell.cases.run import run_case
from kshell.catalog.model import PSEUDO_COLUMNS
from kshell.catalog.options import ASSERT_TOPIC, CREATE, CREATE_AS, INSERT, OPTIONS
from kshell.session import HELP
from kshell.sql.parse import parse

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [p.relative_to(ROOT).as_posix() for p in ROOT.glob("[kstb]*/**/*") if ".venv" not in p.parts]
MODULE = re.compile(r"(?:batch|cases|catalog|engines|formats|kafka|moments|screenshots|sql|stream|terminal|tests)/[\w/.]+")


def fenced(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", fenced("sql"))
def test_statements_of_the_readme_are_in_the_grammar(block):
    statements = parse("\n".join(line for line in block.splitlines() if not line.startswith("$")))
    assert len(statements) == len(re.findall(r";[ ]*(?:--|\n)", block))


@pytest.mark.parametrize("text", [README, (ROOT / "docs" / "semantics.md").read_text(), HELP])
def test_the_pseudo_columns_are_named(text):
    names = list(PSEUDO_COLUMNS)
    written = ", ".join(names[:-1]) + f"(, | and ){names[-1]}"
    assert re.search(f"record.* has {written}", re.sub(r"\s+", " ", text.replace("`", "")))


def test_the_readmes_case_passes(tmp_path):
    (text,) = fenced("json")
    (tmp_path / "case.json").write_text(text)
    (case,) = read_cases(str(tmp_path / "case.json"))
    outcome = run_case(case)
    assert (outcome.status, outcome.reason) == (Status.PASS, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_modules_that_are_named_exist(page):
    for span in re.findall(r"`([^`\n]+)`", page.read_text()):
        if MODULE.fullmatch(span):
            assert any(f"/{span.rstrip('/')}" in f"/{source}" for source in SOURCES), span


def test_every_picture_is_made_and_shown():
    made = set(re.findall(r'Shot\(\s*"(\w+)"', (ROOT / "screenshots" / "make.py").read_text()))
    assert made == {p.stem for p in (ROOT / "screenshots").glob("*.svg")}
    assert made == set(re.findall(r"\(screenshots/(\w+)\.svg\)", README))


def test_every_option_of_with_is_in_its_table():
    shown = {}
    for line in (ROOT / "docs" / "with.md").read_text().splitlines():
        cells = line.split("|")
        if len(cells) == 5:
            shown |= dict.fromkeys(re.findall(r"`([A-Z_]+)`", cells[1]), cells[2])
    assert set(shown) == set(OPTIONS)
    heads = {CREATE: "CREATE", CREATE_AS: "AS SELECT", ASSERT_TOPIC: "ASSERT TOPIC", INSERT: "INSERT INTO"}
    for name, where in shown.items():
        assert {h.strip() for h in where.split(",")} == {heads[s] for s in OPTIONS[name].statements}, name


def test_the_changelogs_topmost_part_is_of_this_version():
    """`kshell/__init__.py` is the one place for the version; pyproject reads it there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "kshell.__version__"}
    assert "version" not in project["project"]
    headings = re.findall(r"^## (\S+)(?: \(unreleased\))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == kshell.__version__
    assert len(headings) == len(set(headings)) == len(re.findall(r"^## ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE))


def test_what_ci_runs_and_what_the_pages_name_are_targets():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    run = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (\w+)", run, re.MULTILINE) == ["check", "test"]
    for page in PAGES:
        assert set(re.findall(r"`make (\w+)`", page.read_text())) <= targets, page.name


def test_pytest_runs_the_examples_of_docstrings(request):
    assert request.config.getoption("doctestmodules")
    assert "kshell" in request.config.getini("testpaths")
