"""The statement at the cursor as a tree of tokens and parentheses, with a hole where one types.

It never fails: a parenthesis without its end goes on to the end of the statement.  `statements`,
`queries` and `candidates` read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from kshell.sql.script import Token, tokens

__all__ = ["HOLE", "Group", "Node", "Tree", "Typed", "before_hole", "has_hole", "read_tree",
           "typed_at", "upper"]  # fmt: skip

HOLE = "hole"
_LOOSE = re.compile(r"\\?[\w.\-]*$")  # a name with dots and dashes, a backslash command
_OUTSIDE = frozenset({"FROM", "WHERE", "JOIN", "GROUP", "HAVING", "LIMIT", "EMIT"})
_QUERY = frozenset({"SELECT", "WITH", "FROM"})
# Words whose parentheses may have FROM or a clause in them.
_WITH_CLAUSES = frozenset({"OVER", "FILTER", "EXTRACT", "SUBSTRING", "TRIM", "OVERLAY", "AS", "IN",
                           "EXISTS", "JOIN"})  # fmt: skip
_VARIABLE = re.compile(r"\$\{\w*$")


@dataclass(eq=False, slots=True)
class Group:
    """What stands in a pair of parentheses; `before` is the token in front of them."""

    parent: Group | None = None
    before: Token | None = None
    nodes: list[Node] = field(default_factory=list)
    start: int = 0

    kind = "group"
    text = "()"

    def within(self) -> Iterator[Group]:
        """This group, and those around it."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent


Node = Token | Group


@dataclass(frozen=True, slots=True)
class Typed:
    """The text that is being typed: its kind (word, name, string, variable), where it begins.

    `quote` is the quote that it begins with, or is empty; `closed` says that the quote's end stands
    behind the cursor.
    """

    text: str
    start: int
    kind: str
    quote: str = ""
    closed: bool = False


def upper(node: Node | None) -> str:
    """A word in upper case, or a sign; empty for all else."""
    if node is None or node.kind not in ("word", "punct"):
        return ""
    return node.text.upper()


def before_hole(nodes: Sequence[Node]) -> list[Node]:
    """The nodes before the cursor."""
    return list(takewhile(lambda n: n.kind != HOLE, nodes))


def has_hole(node: Node) -> bool:
    """Whether the node is the hole, or has it in its parentheses."""
    return node.kind == HOLE or (isinstance(node, Group) and any(map(has_hole, node.nodes)))


def typed_at(before: str, after: str) -> tuple[Typed, ...]:
    """What may be typed at the cursor, the likeliest first; nothing in a comment or after a quote.

    Where a name of a source may stand, it has dots and dashes: then there are two readings.

    >>> [t.text for t in typed_at("PRINT page.v", "")], typed_at("SELECT 1 -- x", "")
    (['page.v', 'v'], ())
    """
    variable = _VARIABLE.search(before)
    if variable:
        return (Typed(variable[0], variable.start(), "variable"),)
    last: Token | None = None
    for token in tokens(before):
        last = token
    end = len(before)
    if last is None or last.kind in ("space", "punct", "end"):
        word = Typed("", end, "word")
    elif last.kind in ("word", "number"):
        word = Typed(last.text, last.start, "word")
    elif last.open:
        quote = last.text[0]
        kind = "string" if quote == "'" else "name"
        return (Typed(last.text[1:], last.start, kind, quote, after.startswith(quote)),)
    else:
        return ()
    loose = _LOOSE.search(before)
    if loose and loose.start() < word.start:
        return Typed(loose[0], loose.start(), "word"), word
    return (word,)


@dataclass(frozen=True, slots=True)
class Tree:
    """A statement, the group that the cursor is in, and where the hole begins."""

    root: Group
    group: Group
    place: int

    @property
    def words(self) -> Iterator[Token]:
        """All words and names of the statement."""
        stack: list[Node] = [self.root]
        while stack:
            node = stack.pop()
            if isinstance(node, Group):
                stack += node.nodes
            elif node.kind in ("word", "quoted"):
                yield node


def read_tree(before: str, after: str, typed: Typed) -> Tree:
    """The statement that the cursor is in, as a tree; `typed` is a hole in it."""
    flat = _statement(before[: typed.start])
    hole = Token(HOLE, "", typed.start)
    rest = _rest(after, typed)
    root = group = of_hole = Group()
    for token in (*flat, hole, *rest):
        if token is hole:
            of_hole = group
        if token.kind == "word" and token.text.upper() in _OUTSIDE:
            group = _around(group)
        if token.text == "(" and token.kind == "punct":
            before_it = group.nodes[-1] if group.nodes else None
            group = Group(group, before_it if isinstance(before_it, Token) else None,
                          start=token.start)  # fmt: skip
            assert group.parent is not None
            group.parent.nodes.append(group)
        elif token.text == ")" and token.kind == "punct":
            group = group.parent or group
        else:
            group.nodes.append(token)
    return Tree(root, of_hole, typed.start)


def _around(group: Group) -> Group:
    """The group that a clause belongs to: a query's, though a parenthesis in it is not closed."""
    outer: Group | None = group
    while outer is not None and not _holds_clauses(outer):
        outer = outer.parent
    return outer or group


def _holds_clauses(group: Group) -> bool:
    first = next((upper(n) for n in group.nodes if n.kind != HOLE), "")
    return group.parent is None or first in _QUERY or upper(group.before) in _WITH_CLAUSES


def _statement(text: str) -> Sequence[Token]:
    """The tokens after the last semicolon, without spaces and comments."""
    found: list[Token] = []
    for token in tokens(text):
        if token.kind == "end":
            found = []
        elif token.kind not in ("space", "comment"):
            found.append(token)
    return found


def _rest(after: str, typed: Typed) -> Iterable[Token]:
    """The tokens behind the cursor, up to a semicolon; their places are after the hole."""
    skipped = re.match(r"\w*", after)
    begin = skipped.end() if skipped and typed.kind == "word" else 0
    if typed.closed:
        begin = after.index(typed.quote) + 1
    shift = typed.start + len(typed.text) + 1 + begin
    for token in tokens(after[begin:]):
        if token.kind == "end":
            return
        if token.kind not in ("space", "comment"):
            yield Token(token.kind, token.text, token.start + shift)
