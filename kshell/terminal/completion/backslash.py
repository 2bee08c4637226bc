"""Completion of the backslash commands and their arguments, from the table of commands."""

from __future__ import annotations

import contextlib
import re

from kshell.errors import KshellError
from kshell.terminal.commands import COMMANDS, Argument
from kshell.terminal.completion.files import files
from kshell.terminal.completion.names import Field, Known
from kshell.terminal.completion.offers import Candidate, Offers
from kshell.terminal.completion.ranking import Index
from kshell.terminal.completion.tree import Typed

__all__ = ["complete_command"]

_LAST_WORD = re.compile(r"[`\"][^`\"]*$|[^\s,]*$")


def complete_command(command: str, known: Known, *, ends: bool) -> list[Candidate]:
    """The candidates for a command up to the cursor; those that end a statement, if it does."""
    word, space, argument = command.partition(" ")
    if not space:
        return [
            Candidate(c.word, -len(word), c.help)
            for c in COMMANDS
            if c.word.startswith(word) and (c.ends or not ends)
        ]
    row = next((c for c in COMMANDS if c.word == word), None)
    if row is None:
        return []
    before: list[str] = []
    if row.argument is Argument.JOBS:
        *before, argument = argument.split(" ")
    if row.argument is Argument.COLUMNS:
        argument = _LAST_WORD.search(argument)[0]  # type: ignore[index]
    if " " in argument.strip() or len(before) > 1:
        return []
    kind = "name" if argument[:1] in ("`", '"') else "word"
    quote = argument[:1] if kind == "name" else ""
    offers = Offers(Typed(argument[len(quote) :], 0, kind, quote), known.used, lower=False)
    match row.argument:
        case Argument.TOPIC:
            offers.sources(known.sources)
        case Argument.FUNCTION:
            offers.names(known.functions, lambda f: f.name, lambda f: f.help)
        case Argument.COLUMNS:
            from kshell.results import LAST

            last = known.table(LAST)
            if last is not None:
                offers.names(last.columns, lambda f: f.text, lambda f: f.type)
            given = set(command.upper().split()[1:])
            offers.pairs((c, row.argument.value) for c in row.choices if c not in given)
        case Argument.FILE | Argument.FILE_OR_PIPE:
            offers.pairs(files(argument), dotted=True)
        case Argument.JOB:
            jobs = Index(Field(id, id, does) for id, does in known.jobs.items())
            offers.names(jobs, lambda f: f.text, lambda f: f.type, dotted=True)
        case Argument.JOBS:
            every = {**known.jobs, **known.queries}
            jobs = Index(Field(id, id, does) for id, does in every.items() if id not in before)
            offers.names(jobs, lambda f: f.text, lambda f: f.type, dotted=True)
        case Argument.VARIABLE:
            offers.pairs((name, row.argument.value) for name in known.variables)
        case Argument.PROFILE:
            from kshell.config.sources import profiles

            with contextlib.suppress(KshellError):  # \\profile says what is wrong in the file
                offers.pairs(((name, row.argument.value) for name in profiles()), dotted=True)
        case Argument.NAMED_QUERY:
            from kshell.terminal.named_queries import names

            offers.pairs(((name, "named query") for name in names()), dotted=True)
        case _:
            offers.pairs((choice, row.argument.value) for choice in row.choices)
    return offers.candidates()
