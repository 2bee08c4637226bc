"""Completion of the backslash commands and their arguments, from the table of commands."""

from __future__ import annotations

from kshell.terminal.commands import COMMANDS
from kshell.terminal.completion.files import files
from kshell.terminal.completion.names import Known
from kshell.terminal.completion.offers import Candidate, Offers
from kshell.terminal.completion.tree import Typed

__all__ = ["complete_command"]


def complete_command(before: str, known: Known) -> list[Candidate]:
    """The candidates for a line that begins with a backslash."""
    word, space, argument = before.partition(" ")
    if not space:
        return [
            Candidate(c.word, -len(before), c.help) for c in COMMANDS if c.word.startswith(before)
        ]
    command = next((c for c in COMMANDS if c.word == word), None)
    if command is None or " " in argument.strip():
        return []
    kind = "name" if argument[:1] in ("`", '"') else "word"
    quote = argument[:1] if kind == "name" else ""
    offers = Offers(Typed(argument[len(quote) :], 0, kind, quote), known.used, lower=False)
    if command.takes == "topic":
        offers.names(known.sources, lambda s: s.text, lambda s: s.kind, dotted=True)
    elif command.takes == "file":
        offers.pairs(files(argument), dotted=True)
    else:
        offers.pairs((choice, command.takes) for choice in command.choices)
    return offers.candidates()
