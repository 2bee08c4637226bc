"""docs/reference.md, made of the tables: `python -m tests.reference_page` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from kshell.catalog.copy_options import COPY_OPTIONS
from kshell.catalog.options import OPTIONS
from kshell.config import PROPERTIES, TOPIC_PROPERTIES, Scope
from kshell.config.sources import variable_of
from kshell.engines.local.sources.system.tables import TABLES
from kshell.sql.functions import AGGREGATE, SCALAR, TABLE, library
from kshell.sql.reference import ENTRIES
from kshell.terminal.formats import FORMATS
from kshell.terminal.options import parser
from kshell.types import ksql_name

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """\
# Reference

Statements, system tables, options of the command line, properties, options of WITH and functions; `HELP word` says the same at
the prompt. Its commands and keys, and the exit codes, are in [prompt](prompt.md). This page is made from kshell's own
tables (`make pages`); a test holds it to them.
"""
SCOPES = {
    Scope.CONNECTION: "Of the connection: `SET` of one connects anew.",
    Scope.SESSION: "Of the session.",
}
KINDS = {SCALAR: "Scalar functions", AGGREGATE: "Aggregate functions", TABLE: "Table functions"}


def page() -> str:
    """The page's text."""
    parts = (HEAD, *statements(), *system_tables(), *command_line(), *properties(), *with_options(), *functions())
    return "\n".join(parts)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def system_tables() -> Iterator[str]:
    yield "## System tables\n"
    yield (
        "What the cluster says of itself, and this shell, as tables: `SELECT` reads them, bounded or with `EMIT CHANGES`\n"
        "(looked at every second), and they may be joined with each other and with topics. Over windows (`WINDOW`) each look adds\n"
        "all rows to a stream: `MAX(lag)` of each minute, for one. `` `kafka.lag` `` in quotes is a\n"
        "topic of that name. The cluster is asked only for what a query names; `topic` or `group_id` in WHERE narrows\n"
        "that. A column in italics is left out of `*`. The columns in bold tell one row from another.\n\n"
        "`rate` and `verdict` compare two looks: in a bounded query they are a second apart, in a live one up to ten.\n"
        "Consumers commit every five seconds by default: one that has members is `stuck` only after eight without a\n"
        "commit, and `no commit` before that. Programs that commit without being members (Flink) may be called stuck\n"
        "between two commits.\n"
    )
    for known in TABLES.values():
        yield f"### {known.full_name}\n\n{known.help[0].upper()}{known.help[1:]}.\n"
        rows = []
        for column in known.columns:
            mark = "*" if column.hidden else "**" if column.key else ""
            rows.append((f"{mark}{code(column.name)}{mark}", ksql_name(column.type), column.help))
        yield table(("column", "type", "what it is"), rows)


def statements() -> Iterator[str]:
    yield "## Statements\n"
    for entry in ENTRIES:
        yield f"### {entry.name}\n\n{entry.help[0].upper()}{entry.help[1:]}.\n"
        yield f"```\n{entry.syntax}\n```\n\nExample: `{entry.example}`\n"


def command_line() -> Iterator[str]:
    yield "## The command line\n"
    rows = []
    for action in parser()._actions:
        value = f" {action.metavar}" if action.metavar else ""
        names = ", ".join(code(name) for name in action.option_strings)
        rows.append((f"{names}{value}", action.help or ""))
    yield table(("option", "what it does"), rows)
    yield f"Formats of `--output`: {', '.join(map(code, FORMATS))}.\n"
    yield "`kshell config`, `kshell completion` and `kshell test` have `--help` of their own.\n"


def properties() -> Iterator[str]:
    yield "## Properties\n"
    yield (
        "Where several places set a property, the first of these wins: options of their own (`--bootstrap`), `-X`, the\n"
        "file of `--command-config`, the environment, a profile, what stands outside of profiles in `config.toml`, the\n"
        f"default. The environment's name of `sasl.password` is `{variable_of('sasl.password')}`, that of\n"
        f"`kshell.theme` is `{variable_of('kshell.theme')}`.\n"
    )
    for scope, title in SCOPES.items():
        yield f"{title}\n"
        rows = []
        for known in (p for p in PROPERTIES.values() if p.scope is scope):
            values = f" ({', '.join(known.values)})" if known.values else ""
            secret = "; a secret" if known.secret else ""
            rows.append((code(known.name), code(known.default or ""), f"{known.help}{values}{secret}"))
        yield table(("property", "default", "what it does"), rows)
    yield "Of one topic, after `topic.` and its name:\n"
    yield table(("property", "what it does"), ((code(name), p.help) for name, p in TOPIC_PROPERTIES.items()))


def with_options() -> Iterator[str]:
    yield "## Options of WITH\n\n[with](with.md) says more of them.\n"
    rows = ((code(o.name), ", ".join(o.statements), o.help + (f" ({', '.join(o.values)})" if o.values else "")) for o in OPTIONS.values())
    yield table(("option", "in", "what it does"), rows)
    yield "## Options of COPY\n\n[producing](producing.md) says more of them.\n"
    rows = ((code(o.name), ", ".join(o.statements), o.help + (f" ({', '.join(o.values)})" if o.values else "")) for o in COPY_OPTIONS.values())
    yield table(("option", "in", "what it does"), rows)


def functions() -> Iterator[str]:
    yield "## Functions\n"
    for kind, title in KINDS.items():
        yield f"### {title}\n"
        found = [(name, f) for name, f in sorted(library().items()) if f.kind == kind]
        rows = ((code(name), "; ".join(code(f"{form.signature}") for form in f.forms), f.help) for name, f in found)
        yield table(("function", "takes and gives", "what it is"), rows)


if __name__ == "__main__":
    PAGE.write_text(page())
