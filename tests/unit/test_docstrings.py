"""Docstrings: each public thing has one, and what they name exists."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KSHELL = ROOT / "kshell"
FILES = sorted(p for p in KSHELL.rglob("*.py") if p.stat().st_size)
FILE_NAMES = {p.relative_to(ROOT).as_posix() for p in KSHELL.rglob("*.*")} | {
    "config.toml",  # the user's
    "functions.py",
}

DOTTED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
FILE = re.compile(r"[\w*/]+\.(?:py|pyx|h|toml)")
WORD = re.compile(r"[A-Za-z_]\w*")
# Names in backticks that belong to others: Kafka Connect's keys in a JSON Schema.
FOREIGN = {"connect.type", "connect.index"}

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def dotted_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def identifier(path: Path) -> str:
    return path.relative_to(KSHELL).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def documented(path: Path) -> list[tuple[Documented, str]]:
    """The module, its classes and functions, each with its docstring."""
    nodes = [n for n in ast.walk(tree_of(path)) if isinstance(n, Documented)]
    return [(n, ast.get_docstring(n) or "") for n in nodes]


def is_public(node: ast.AST) -> bool:
    return not getattr(node, "name", "").startswith("_")


def public(node: ast.Module | ast.ClassDef) -> list[Documented]:
    """The node, and the public classes, functions and methods in it."""
    found: list[Documented] = [node]
    for child in node.body:
        if isinstance(child, ast.ClassDef) and is_public(child):
            found += public(child)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(child):
            found.append(child)
    return found


def members(body: list[ast.stmt]) -> set[str]:
    """The names that a module's or a class's statements define, fields set on `self` included."""
    names: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(statement.name)
            names |= members(statement.body) if isinstance(statement, ast.ClassDef) else set()
        else:
            names.update(
                n.id
                for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
    return names


@cache
def defined() -> dict[str, set[str]]:
    """The names defined in each module and in each class, by its dotted name; packages are empty."""
    names: dict[str, set[str]] = {}
    for path in FILES:
        module = dotted_name(path)
        names[module] = members(tree_of(path).body)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                names[f"{module}.{node.name}"] = members(node.body)
    for path in KSHELL.rglob("*"):
        if path.is_dir() or path.suffix == ".pyx":
            names.setdefault(dotted_name(path), set())
    return names


@cache
def imports(path: Path) -> frozenset[str]:
    """The modules that a module imports, those named in `module:name` strings too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"([a-z_.]+):\w+$", node.value))
            found.update(re.findall(r"^kshell[\w.]+$", node.value))
    modules = [m for m in defined() if any(f".{m}".endswith(f".{f}") for f in found)]
    return frozenset(modules) | {m.rsplit(".", 1)[0] for m in modules}


@cache
def neighbours(path: Path) -> frozenset[str]:
    """The names of the modules that import this one, that it imports, or that lie beside it; and
    the names that they define."""
    own = dotted_name(path)
    package = own.rsplit(".", 1)[0]
    near = set(imports(path)) | {own}
    near |= {dotted_name(p) for p in FILES if own in imports(p)}
    near |= {m for m in defined() if m.rsplit(".", 1)[0] == package}
    near |= {".".join(m.split(".")[:n]) for m in near for n in range(1, m.count(".") + 1)}
    names = {m.rsplit(".", 1)[-1] for m in near}
    for module, inside in defined().items():
        if module in near or module.rsplit(".", 1)[0] in near:
            names |= inside
    return frozenset(names)


@cache
def code_words(path: Path) -> frozenset[str]:
    """The words of a module's code and strings, without its docstrings and comments."""
    docs = {
        (n.lineno, n.col_offset)
        for n in (d.body[0].value for d, text in documented(path) if text)  # type: ignore[attr-defined]
    }
    kinds = {tokenize.NAME, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    words: set[str] = set()
    for token in tokens:
        if token.type in kinds and token.start not in docs:
            words.update(WORD.findall(token.string))
    return frozenset(words)


@cache
def all_words() -> frozenset[str]:
    return frozenset().union(*(code_words(path) for path in FILES))


@cache
def properties() -> set[str]:
    from kshell.config import PROPERTIES

    return set(PROPERTIES)


def resolves(span: str, path: Path) -> bool:
    """Whether a name in backticks means something, in a docstring of this file."""
    if FILE.fullmatch(span):
        return any(f"/{name}".endswith(f"/{span}") for name in FILE_NAMES) or "*" in span
    if DOTTED.fullmatch(span):
        known, (owner, name) = defined(), span.rsplit(".", 1)
        return (
            span in properties() | FOREIGN
            or any(f".{module}".endswith(f".{span}") for module in known)
            or any(f".{module}".endswith(f".{owner}") and name in names for module, names in known.items())
            or set(span.split(".")) <= code_words(path)
        )
    if re.fullmatch(r"_?[A-Z]+(?:_[A-Z]+)*", span):
        return span in all_words()
    if WORD.fullmatch(span):
        return span in code_words(path) | neighbours(path)
    return True


@pytest.mark.parametrize("path", FILES, ids=identifier)
def test_public_things_have_a_docstring(path):
    for node in public(tree_of(path)):
        first = re.sub(r"\s+", " ", (ast.get_docstring(node) or "").split("\n\n")[0]).strip()
        first = re.split(r"\s>>> ", f" {first}")[0].strip()
        assert re.search(r"[.:?]\)?$", first), (getattr(node, "name", "the module"), first)


@pytest.mark.parametrize("path", FILES, ids=identifier)
def test_names_in_docstrings_resolve(path):
    stale = [
        span
        for _, text in documented(path)
        for span in re.findall(r"`([^`\n]+)`", text)
        if not resolves(span, path)
    ]
    assert not stale
