"""The backslash commands that people know from psql, as a table.

`repl` runs them and `completion` offers them; each becomes a statement or a change of the output.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMANDS", "FORMATS", "Command", "command_help"]

# The names of output.WRITERS, whose import needs pyarrow; a test checks that they are equal.
FORMATS = ("table", "vertical", "auto", "json", "jsonl", "csv", "tsv", "markdown", "arrow",
           "parquet")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """A word, one line of help, and the statement it stands for, with {} for its argument."""

    word: str
    help: str
    statement: str = ""
    takes: str = ""
    alone: str = ""  # the statement without an argument, if it differs
    choices: tuple[str, ...] = ()


COMMANDS = (
    Command("\\d", "describe a topic, stream or table", "DESCRIBE {};", "topic", "SHOW TOPICS;"),
    Command("\\dt", "the topics of the cluster", "SHOW TOPICS;"),
    Command("\\df", "the functions", "SHOW FUNCTIONS;"),
    Command("\\i", "run a file", "RUN SCRIPT '{}';", "file"),
    Command("\\o", "set how answers are shown", takes="format", choices=FORMATS),
    Command("\\x", "turn rows on their side, and back"),
    Command("\\?", "these commands"),
    Command("\\q", "leave"),
)


def command_help() -> str:
    """The table as text."""
    return "\n".join(f"{c.word:<4} {f'{c.takes:<8}'}{c.help}" for c in COMMANDS)
