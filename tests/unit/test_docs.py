"""What the docs show is in the grammar, passes, or is there; docstrings name what exists."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from functools import cache
from pathlib import Path

import pytest

import kshell
from kshell.cases.model import Status
from kshell.cases.read import read_cases
from kshell.cases.run import run_case
from kshell.catalog.model import PSEUDO_COLUMNS
from kshell.catalog.options import ASSERT_TOPIC, CREATE, CREATE_AS, INSERT, OPTIONS
from kshell.config import PROPERTIES
from kshell.sql.help import HELP
from kshell.sql.parse import parse

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = [p.relative_to(ROOT).as_posix() for p in ROOT.glob("[kstb]*/**/*") if ".venv" not in p.parts]
MODULE = re.compile(r"(?:batch|cases|catalog|engines|formats|kafka|moments|screenshots|sql|stream|terminal|tests)/[\w/.]+")


def test_the_properties_of_results_have_their_defaults():
    rows = re.findall(r"^\| `(kshell\.[\w.]+)` \| `?(\w+)`? \|", (ROOT / "docs/results.md").read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == {n for n in PROPERTIES if re.match(r"kshell\.(times|max|pager|result)", n)}
    assert all(PROPERTIES[name].default == default for name, default in rows)


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
    made = set(re.findall(r'(?:Shot|Recording)\(\s*"(\w+)"', (ROOT / "screenshots" / "make.py").read_text()))
    assert made == {p.stem for p in (ROOT / "screenshots").glob("*.svg")}
    assert made == set(re.findall(r"\(screenshots/(\w+)\.svg\)", README))


def counted(lines: list[str]) -> int:
    """Lines that are neither empty nor a comment."""
    return sum(bool(text) and not text.startswith(("//", "/*", "*", "--")) for text in map(str.strip, lines))


def test_the_lines_of_the_two_programs_are_counted():
    part = README.partition("## Two programs of Kafka Streams")[2].partition("\n## ")[0]
    statements = re.findall(r"```sql\n(.*?)```", part, re.DOTALL)[0].split(";\n")[:2]
    rows = re.findall(r"1 statement, (\d+) lines \| \[(\d+) lines of Java\]\((\S+)\)", part)
    assert [int(row[0]) for row in rows] == [counted(statement.splitlines()) for statement in statements]
    assert [int(row[1]) for row in rows] == [counted((ROOT / row[2]).read_text().splitlines()) for row in rows]


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


KSHELL = ROOT / "kshell"
FILES = sorted(p for p in KSHELL.rglob("*.py") if p.stat().st_size)
FILE = re.compile(r"[\w/]+\.(?:pyx?|h|toml)")
DOTTED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
CAPS = re.compile(r"_?[A-Z]+(?:_[A-Z]+)*")
WORD = re.compile(r"[A-Za-z_]\w*")
USERS_FILES = {"config.toml", "functions.py"}
# Names of others: Kafka Connect's keys in a JSON Schema, a keyword of proto3.
FOREIGN = {"connect.type", "connect.index", "optional"}


def dotted_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def docstrings(path: Path) -> list[tuple[ast.Expr, str]]:
    """The docstrings of a module, its classes and its functions, and the statements that hold them."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [n for n in ast.walk(tree_of(path)) if isinstance(n, kinds)]
    return [(n.body[0], text) for n in nodes if (text := ast.get_docstring(n))]  # type: ignore[misc]


def public(node: ast.Module | ast.ClassDef) -> list[ast.Module | ast.ClassDef | ast.FunctionDef]:
    """The node, and the public classes, functions and methods in it."""
    found: list = [node]
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            found += public(child)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            found.append(child)
    return found


def methods(path: Path) -> dict[int, tuple[ast.ClassDef, ast.FunctionDef]]:
    classes = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ClassDef)]
    return {id(f): (c, f) for c in classes for f in c.body if isinstance(f, ast.FunctionDef)}


def members(body: list[ast.stmt]) -> set[str]:
    """The names that a module's or a class's statements define, fields set on `self` included."""
    names: set[str] = set()
    for statement in body:
        nodes = list(ast.walk(statement))
        names.update(n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store))
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(statement.name)
            names |= members(statement.body) if isinstance(statement, ast.ClassDef) else set()
        else:
            names.update(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return names


@cache
def defined() -> dict[str, set[str]]:
    """The names defined in each module and class, by its dotted name; packages have none."""
    names: dict[str, set[str]] = {}
    for path in FILES:
        names[dotted_name(path)] = members(tree_of(path).body)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                names[f"{dotted_name(path)}.{node.name}"] = members(node.body)
    for path in KSHELL.rglob("*.pyx"):
        found = re.findall(r"^(?:def|cdef class|class) (\w+)", path.read_text(), re.MULTILINE)
        names[dotted_name(path)] = set(found)
    for module in list(names):
        parts = module.split(".")
        names |= {".".join(parts[:n]): set() for n in range(1, len(parts)) if ".".join(parts[:n]) not in names}
    return names


@cache
def imports(path: Path) -> frozenset[str]:
    """What a module imports, the modules of `module:name` strings too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in re.findall(r"^(?:py:)?([a-z_.]+):\w+$|^(kshell[\w.]+)$", node.value):
                found.update(m for m in defined() if any(n and f".{m}".endswith(f".{n}") for n in name))
    return frozenset(found)


@cache
def near(path: Path) -> frozenset[str]:
    """The modules that a module imports, that import it, or that lie beside it, and their names."""
    own = dotted_name(path)
    modules = {own, *imports(path), *(dotted_name(p) for p in FILES if own in imports(p))}
    modules |= {m for m in defined() if m.rpartition(".")[0] == own.rpartition(".")[0]}
    modules |= {".".join(m.split(".")[:n]) for m in modules for n in range(1, m.count(".") + 1)}
    names = {m.rpartition(".")[2] for m in modules}
    for module, inside in defined().items():
        if module in modules or module.rpartition(".")[0] in modules:
            names |= inside
    return frozenset(names)


@cache
def words(path: Path) -> frozenset[str]:
    """The words of a module's code and strings, without its docstrings and comments."""
    docs = {(statement.lineno, statement.col_offset) for statement, _ in docstrings(path)}
    kinds = {tokenize.NAME, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    found = [WORD.findall(t.string) for t in tokens if t.type in kinds and t.start not in docs]
    return frozenset(word for line in found for word in line)


def is_file(name: str) -> bool:
    return name in USERS_FILES or any(KSHELL.rglob(name))


def resolves(span: str, path: Path) -> bool:
    """Whether the words in backticks, in a docstring of this file, name something."""
    if span in FOREIGN or span in PROPERTIES:
        return True
    if FILE.fullmatch(span):
        return is_file(span)
    if DOTTED.fullmatch(span):
        owner, _, name = span.rpartition(".")
        known = [m for m in defined() if f".{m}".endswith(f".{owner}")]
        return (
            any(f".{m}".endswith(f".{span}") for m in defined())
            or any(name in defined()[m] for m in known)
            or set(span.split(".")) <= words(path)
        )
    if CAPS.fullmatch(span):
        return any(span in words(p) for p in FILES)
    return not WORD.fullmatch(span) or span in words(path) | near(path)


def test_public_things_have_a_docstring_that_begins_with_a_sentence():
    """A method needs none where a class of kshell describes it, or a library's class declares it."""
    described = {f.name for p in FILES for _, f in methods(p).values() if ast.get_docstring(f)}
    local = {n.rpartition(".")[2] for n in defined()}
    without = []
    for path in FILES:
        inside = methods(path)
        for node in public(tree_of(path)):
            text = ast.get_docstring(node)
            owner, method = inside.get(id(node), (None, None))
            if text is None and method and owner:
                bases = {ast.unparse(b).rpartition(".")[2].partition("[")[0] for b in owner.bases}
                setter = any(ast.unparse(d).endswith(".setter") for d in method.decorator_list)
                if setter or method.name in described or bases - local - {"Protocol", "Enum"}:
                    continue
            first = re.split(r"\n\s*(?:\n|>>>)", text or "")[0].strip()
            if first[-1:] not in (".", ":", "?"):
                without.append((dotted_name(path), getattr(node, "name", ""), first))
    assert without == []


def test_names_in_docstrings_exist():
    stale = []
    for path in FILES:
        for _, text in docstrings(path):
            prose = re.sub(r"(?m)^\s*(?:>>>|\.\.\.) .*$", "", text)
            stale += [(dotted_name(path), s) for s in re.findall(r"`([^`\n]+)`", prose) if not resolves(s, path)]
            files = re.findall(r"(?<![\w/~.*-])[\w/]+\.(?:pyx?|toml)\b", prose)
            stale += [(dotted_name(path), f) for f in files if not is_file(f)]
    assert stale == []
