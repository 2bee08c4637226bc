"""The candidates at the cursor of a statement, for each thing that may stand there.

`complete_at` reads the statement as a tree, asks `statements` what may come next, and gathers names
and words in `offers`; queries are for `query_places`.  It looks at tokens: what is typed need not
parse.
"""

from __future__ import annotations

from kshell.terminal.completion.backslash import complete_command
from kshell.terminal.completion.filling import Filling
from kshell.terminal.completion.names import Known
from kshell.terminal.completion.offers import Candidate, Offers
from kshell.terminal.completion.queries import bare
from kshell.terminal.completion.query_places import offer_query
from kshell.terminal.completion.slots import SLOTS
from kshell.terminal.completion.statements import Words, expected
from kshell.terminal.completion.tree import Group, Tree, before_hole, read_tree, typed_at
from kshell.terminal.typed import read_call

__all__ = ["complete_at"]


def complete_at(before: str, after: str, known: Known) -> list[Candidate]:
    """The candidates between `before` and `after`, best first.

    >>> complete_at("SELECT * F", "", Known())[0].text
    'FROM'
    >>> [c.text for c in complete_at("SET 'auto.off", "", Known())]
    ["'auto.offset.reset'"]
    """
    call = read_call(before)
    if call is not None and call.statement.upper() != "HELP":
        begin = before.index(call.word, len(call.statement))
        return complete_command(before[begin:], known, ends=bool(call.statement))
    for typed in typed_at(before, after):
        tree = read_tree(before, after, typed)
        offers = Offers(typed, known.used, _is_lower(tree.root))
        if typed.kind == "variable":
            offers.pairs(("${" + name + "}", "variable") for name in known.variables)
        else:
            _offer(offers, known, tree)
        _look_up(tree, known)
        found = offers.candidates()
        if found:
            return found
    return []


def _is_lower(root: Group) -> bool:
    """Whether the statement is written in small letters: its first word is."""
    first = next((n for n in root.nodes if n.kind == "word"), None)
    return first is not None and first.text.islower()


def _offer(offers: Offers, known: Known, tree: Tree) -> None:
    before = before_hole(tree.root.nodes)
    for what in expected(tree.root.nodes):
        if isinstance(what, Words):
            offers.words((what.text,))
        elif what.name == "query":
            offer_query(offers, known, tree, what.start)
        elif what.name in SLOTS:
            SLOTS[what.name](Filling(offers, known, tree, before, what.start))


def _look_up(tree: Tree, known: Known) -> None:
    """Ask for the columns of all sources that the text names: they come in the background."""
    for token in tree.words:
        name = bare(token)
        if known.sources.named(name) is not None:
            known.table(name)
