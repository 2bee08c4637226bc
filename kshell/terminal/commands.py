r"""The backslash commands that people know from psql, as a table.

`repl` runs them, `completion` offers them, `\?` and docs/prompt.md list them.  A command is a
statement, or has a handler, which is imported when first needed.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Any

from kshell.errors import UsageError, nearest
from kshell.terminal.conversation import Conversation
from kshell.terminal.formats import FORMATS
from kshell.terminal.typed import Call, read_call

__all__ = ["COMMANDS", "Argument", "Command", "command_help", "command_texts", "enter"]


class Argument(Enum):
    """What a command's argument is, for completion."""

    NOTHING = ""
    TOPIC = "topic"
    FUNCTION = "function"
    FORMAT = "format"
    FILE = "file"
    FILE_OR_PIPE = "file or pipe"
    COLUMNS = "columns of the last result"
    NAMED_QUERY = "named query"
    JOB = "job"
    JOBS = "jobs"
    SWITCH = "switch"
    VARIABLE = "variable"
    PROFILE = "profile"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Command:
    """A row: the word, its argument as help shows it and for completion, one line of help.

    `statement` is what it stands for, with {} for the argument, `alone` the same without one; or
    `handler` is the function that runs it.  `ends`: it may end a statement.
    """

    word: str
    shown: str
    argument: Argument
    help: str
    statement: str = ""
    alone: str = ""
    handler: str = ""
    ends: bool = False
    choices: tuple[str, ...] = ()

    @property
    def handle(self) -> Callable[[Conversation, Call], None]:
        """The handler."""
        module, _, name = self.handler.partition(":")
        handler: Any = getattr(import_module(f"kshell.terminal.{module}"), name)
        return handler  # type: ignore[no-any-return]


_ON_OFF = ("on", "off")
_A = Argument
COMMANDS = (
    Command("\\?", "", _A.NOTHING, "list these commands", handler="commands:show_help"),
    Command("\\q", "", _A.NOTHING, "leave", handler="prompt_commands:leave"),
    Command("\\d", "[name]", _A.TOPIC, "describe a topic, stream or table; alone: the topics",
            "DESCRIBE {};", "SHOW TOPICS;"),
    Command("\\d+", "[name]", _A.TOPIC, "the same with all of its configs",
            "DESCRIBE {} EXTENDED;", "SHOW TOPICS EXTENDED;"),
    Command("\\dt", "", _A.NOTHING, "list the topics", "SHOW TOPICS;"),
    Command("\\dt+", "", _A.NOTHING, "list the topics with their records and replicas in sync",
            "SHOW TOPICS EXTENDED;"),
    Command("\\df", "[name]", _A.FUNCTION, "describe a function; alone: list them all",
            "DESCRIBE FUNCTION {};", "SHOW FUNCTIONS;"),
    Command("\\i", "file", _A.FILE, "run a file of statements", "RUN SCRIPT '{}';"),
    Command("\\f", "format", _A.FORMAT, "show answers in this format",
            handler="prompt_commands:set_format", choices=FORMATS),
    Command("\\x", "[on|off|auto]", _A.SWITCH,
            "turn rows on their side, and back; auto: if they do not fit",
            handler="prompt_commands:turn", choices=("on", "off", "auto")),
    Command("\\last", "[format]", _A.FORMAT, "show the last result again, all of it",
            handler="prompt_commands:show_last", choices=FORMATS),
    Command("\\chart", "[columns …]", _A.COLUMNS,
            "chart the last result; BY column: by what; TO 'x.svg': in a file",
            handler="chart_command:show_chart", choices=("BY", "TO")),
    Command("\\timing", "[on|off]", _A.SWITCH,
            "show how long an answer took, and what was read for it",
            handler="prompt_commands:set_timing", choices=_ON_OFF),
    Command("\\o", "[file or | cmd]", _A.FILE_OR_PIPE,
            "send answers to a file or a program; alone: back to the screen",
            handler="destinations:send_all"),
    Command("\\g", "[file or | cmd]", _A.FILE_OR_PIPE,
            "run the statement before it (or the last), and send its answer there",
            handler="destinations:send_one", ends=True),
    Command("\\G", "", _A.NOTHING, "run the statement before it, and turn its rows on their side",
            handler="prompt_commands:run_turned", ends=True),
    Command("\\gset", "[prefix]", _A.TEXT,
            "run the statement before it, and define the columns of its one row as variables",
            handler="prompt_commands:define_row", ends=True),
    Command("\\watch", "[seconds]", _A.TEXT,
            "run the statement before it (or the last) again and again, and show what changed",
            handler="watch:watch", ends=True),
    Command("\\e", "", _A.NOTHING, "edit the statement before it (or the last) in $EDITOR",
            handler="programs:edit_statement", ends=True),
    Command("\\jobs", "", _A.NOTHING,
            "list the queries in the background; & at a query's end sends it there",
            handler="prompt_commands:show_jobs"),
    Command("\\fg", "[n]", _A.JOB, "show a query of the background, or the newest",
            handler="prompt_commands:foreground"),
    Command("\\split", "[n m]", _A.JOBS,
            "show two queries of the background beside each other, or the newest two",
            handler="split:split"),
    Command("\\kill", "n", _A.JOB, "stop a query in the background",
            handler="prompt_commands:kill"),
    Command("\\n", "[name]", _A.NAMED_QUERY, "run a named query; alone: list them",
            handler="named_queries:run_or_list"),
    Command("\\ns", "name statement", _A.TEXT, "name a query",
            handler="named_queries:save"),
    Command("\\nd", "name", _A.NAMED_QUERY, "delete a named query",
            handler="named_queries:delete"),
    Command("\\set", "[name value]", _A.VARIABLE, "define a variable for ${name}; alone: list them",
            handler="prompt_commands:set_variable"),
    Command("\\conninfo", "", _A.NOTHING, "the cluster, and how it is connected",
            handler="prompt_commands:conninfo"),
    Command("\\profile", "[name]", _A.PROFILE,
            "connect as a profile of config.toml says, if no query runs; alone: list them",
            handler="prompt_commands:take_profile"),
    Command("\\!", "command", _A.TEXT, "run a command of the system's shell",
            handler="programs:run_shell"),
)  # fmt: skip
_BY_WORD = {c.word: c for c in COMMANDS}


def command_help(width: int = 0) -> str:
    """The table as text, in lines of at most `width` characters if that is given."""
    heads = [f"{c.word} {c.shown}" for c in COMMANDS]
    room = max(map(len, heads)) + 2
    if width and width < 2 * room:  # a narrow terminal: help stands below
        room = 4
    lines = []
    for head, command in zip(heads, COMMANDS, strict=True):
        lead = f"{head:<{room}}"
        if len(lead) > room:
            lines.append(head)
            lead = " " * room
        text = lead + command.help
        wrapped = textwrap.wrap(text, width, subsequent_indent=" " * room) if width else [text]
        lines += wrapped
    return "\n".join(lines)


def command_texts() -> dict[str, str]:
    """What HELP says of each command."""
    return {c.word: f"{f'{c.word} {c.shown}'.strip()}: {c.help}" for c in COMMANDS}


def show_help(talk: Conversation, call: Call) -> None:
    """Run `\\?`: list the commands."""
    print(command_help(max(shutil.get_terminal_size().columns, 20)))


def enter(talk: Conversation, text: str) -> None:
    """Run what was typed, a command or statements; draws errors, all but NoSession."""
    call = read_call(text)
    if call is None:
        talk.run(text)
    else:
        talk.guarded(text, lambda: _run_command(talk, call))


def _run_command(talk: Conversation, call: Call) -> None:
    """Run a command; raises UsageError for one that does not exist or cannot stand there."""
    command = _BY_WORD.get(call.word)
    if command is None:
        alike = [word for word in _BY_WORD if word[1] == call.word[1:2].lower()]
        close = nearest(call.word, alike, like=0.4) or nearest(call.word, _BY_WORD)
        hint = f"did you mean {' or '.join(close)}?" if close else "\\? lists the commands"
        raise UsageError(f"unknown command {call.word}", hint=hint)
    if call.statement and not command.ends:
        raise UsageError(
            f"{command.word} stands alone: it does not end a statement", hint="\\? lists them"
        )
    if command.handler:
        command.handle(talk, call)
    elif call.argument and "{}" in command.statement:
        quoted = "'{}'" in command.statement
        argument = call.argument.replace("'", "''") if quoted else call.argument
        talk.execute(command.statement.replace("{}", argument))
    elif command.alone or "{}" not in command.statement:
        talk.execute(command.alone or command.statement)
    else:
        raise UsageError(f"{command.word} takes a {command.shown}")
