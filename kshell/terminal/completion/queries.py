"""The clauses of a query that is half typed, the sources in its FROM, and what its SELECT gives.

Plain functions over the tree of `tree`; `columns` looks the names up, `candidates` offers them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from kshell.sql.keywords import KEYWORDS
from kshell.sql.script import Token
from kshell.terminal.completion.tree import HOLE, Group, Node, before_hole, has_hole, upper

__all__ = ["Clause", "Output", "Relation", "bare", "branch_of", "clauses", "common_tables",
           "is_query", "outputs", "relations", "split_at_commas"]  # fmt: skip

_ALONE = frozenset({"SELECT", "FROM", "WHERE", "HAVING", "QUALIFY", "LIMIT", "OFFSET", "EMIT",
                    "WINDOW", "ON", "USING", "WITHIN", "UNION", "INTERSECT", "EXCEPT",
                    "VALUES"})  # fmt: skip
_WITH_BY = frozenset({"GROUP", "ORDER", "PARTITION"})
_LEADS = frozenset({"NATURAL", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER", "SEMI", "ANTI",
                    "ASOF"})  # fmt: skip
SETS = ("UNION", "INTERSECT", "EXCEPT")
_STARTS = frozenset({"SELECT", "WITH", "FROM"})


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause by its first words, and the nodes after them."""

    name: str
    nodes: Sequence[Node]

    @property
    def has_hole(self) -> bool:
        """Whether the cursor is in it, outside its parentheses."""
        return any(n.kind == HOLE for n in self.nodes)

    @property
    def seen(self) -> Sequence[Node]:
        """Its nodes before the cursor."""
        return before_hole(self.nodes)


@dataclass(frozen=True, slots=True)
class Relation:
    """What FROM or JOIN names: a source by its name, or a query in parentheses."""

    alias: Token | None
    name: str
    query: Group | None
    start: int = 0
    written: str = ""  # the name with its quotes

    @property
    def label(self) -> str:
        """The name that its columns are qualified with."""
        return bare(self.alias) if self.alias else self.name

    @property
    def qualifier(self) -> str:
        """The same as it is written."""
        return self.alias.text if self.alias else self.written


@dataclass(frozen=True, slots=True)
class Output:
    """What an item of SELECT gives: a name, or all columns of `path`; the nodes of a plain name."""

    name: str
    path: Sequence[Node] = ()
    star: bool = False
    alias: Token | None = None


def bare(token: Token) -> str:
    """A name without its quotes."""
    if token.kind == "quoted" and len(token.text) > 1:
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote)
    return token.text.strip("`\"") if token.kind == "quoted" else token.text


def is_query(group: Group) -> bool:
    """Whether a query is in these parentheses."""
    return bool(group.nodes) and upper(group.nodes[0]) in _STARTS


def clauses(nodes: Sequence[Node]) -> list[Clause]:
    """The nodes of a query cut at its clauses; what is before the first has no name."""
    found = []
    name, begin, at = "", 0, 0
    while at < len(nodes):
        head = _head(nodes, at)
        if head is None:
            at += 1
            continue
        found.append(Clause(name, nodes[begin:at]))
        name, length = head
        begin = at = at + length
    found.append(Clause(name, nodes[begin:]))
    return found if found[0].nodes else found[1:]


def _head(nodes: Sequence[Node], at: int) -> tuple[str, int] | None:
    """The clause that begins there, and how many words its name has."""
    word = upper(nodes[at])
    following = nodes[at + 1] if at + 1 < len(nodes) else None
    previous = upper(nodes[at - 1]) if at else ""
    if previous in (".", "->", "AS"):
        return None
    if word == "WITH":
        return (word, 1) if at == 0 else None
    if word in _WITH_BY:
        return (f"{word} BY", 2) if upper(following) == "BY" else None
    if word in _LEADS or word == "JOIN":
        return _join(nodes, at)
    if word not in _ALONE:
        return None
    if word == "FROM" and previous == "DISTINCT" and at > 1 and upper(nodes[at - 2]) != "SELECT":
        return None  # IS DISTINCT FROM
    if word == "EXCEPT" and isinstance(following, Group) and not is_query(following):
        return None  # * EXCEPT (…)
    return word, 1


def _join(nodes: Sequence[Node], at: int) -> tuple[str, int] | None:
    end = at
    while end < len(nodes) and upper(nodes[end]) in _LEADS:
        end += 1
    if end < len(nodes) and upper(nodes[end]) == "JOIN":
        return "JOIN", end + 1 - at
    if end < len(nodes) and nodes[end].kind == HOLE:
        return " ".join((*map(upper, nodes[at:end]), "…")), end - at
    return None


def branch_of(parts: Sequence[Clause]) -> list[Clause]:
    """The clauses of that SELECT of a UNION which has the cursor; the first if none has."""
    branch: list[Clause] = []
    for part in parts:
        if part.name in SETS:
            if _hold_hole(branch):
                return branch
            branch = []
        branch.append(part)
    if _hold_hole(branch):
        return branch
    return list(takewhile(lambda c: c.name not in SETS, parts))


def _hold_hole(branch: Sequence[Clause]) -> bool:
    return any(has_hole(node) for clause in branch for node in clause.nodes)


def split_at_commas(nodes: Sequence[Node]) -> list[list[Node]]:
    """The parts between commas."""
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if node.kind == "punct" and node.text == ",":
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def relations(branch: Sequence[Clause]) -> list[Relation]:
    """What FROM and the joins name, in their order."""
    found = []
    for clause in branch:
        if clause.name in ("FROM", "JOIN"):
            for part in split_at_commas(clause.nodes):
                relation = _relation(part)
                if relation is not None:
                    found.append(relation)
    return found


def _relation(nodes: Sequence[Node]) -> Relation | None:
    if not nodes:
        return None
    first = nodes[0]
    if isinstance(first, Group):
        return Relation(_alias(nodes, 1), "", first, first.start)
    if first.kind not in ("word", "quoted", "number"):
        return None
    name, written, end, at = bare(first), first.text, first.start + len(first.text), 1
    while at < len(nodes) and nodes[at].start == end and nodes[at].text[:1] not in ("", "(", "="):
        token = nodes[at]
        assert isinstance(token, Token)
        name, written = name + bare(token), written + token.text
        end += len(token.text)
        at += 1
    return Relation(_alias(nodes, at), name, None, first.start, written)


def _alias(nodes: Sequence[Node], at: int) -> Token | None:
    said = at < len(nodes) and upper(nodes[at]) == "AS"
    token = nodes[at + said] if at + said < len(nodes) else None
    if not isinstance(token, Token) or token.kind not in ("word", "quoted"):
        return None
    return token if said or token.kind == "quoted" or token.text.upper() not in KEYWORDS else None


def common_tables(group: Group) -> Iterator[tuple[str, Group]]:
    """The names and queries of WITH in a group, the nearest last."""
    parts = clauses(group.nodes)
    if not parts or parts[0].name != "WITH":
        # CREATE … AS WITH …, EXPLAIN WITH …
        at = next((i for i, n in enumerate(group.nodes) if upper(n) == "WITH"), None)
        if at is None or (at + 1 < len(group.nodes) and isinstance(group.nodes[at + 1], Group)):
            return
        parts = clauses(group.nodes[at:])
    for part in split_at_commas(parts[0].nodes):
        named = [n for n in part if upper(n) != "RECURSIVE"]
        if len(named) < 2 or not isinstance(named[0], Token):
            continue
        if isinstance(named[-1], Group) and any(upper(n) == "AS" for n in named):
            yield bare(named[0]), named[-1]


def outputs(branch: Sequence[Clause]) -> list[Output]:
    """What the items of SELECT give; items without a name of their own are left out."""
    select = next((c for c in branch if c.name == "SELECT"), None)
    if select is None:
        return [Output("", star=True)]  # FROM x
    found = []
    for item in split_at_commas(select.nodes):
        nodes = [n for n in item if n.kind != HOLE]
        if nodes and upper(nodes[0]) in ("DISTINCT", "ALL"):
            nodes = nodes[1:]
        made = _output(nodes)
        if made is not None:
            found.append(made)
    return found


def _output(nodes: Sequence[Node]) -> Output | None:
    if not nodes:
        return None
    last = nodes[-1]
    if nodes[0].text == "*":
        return Output("", star=True)
    if last.text == "*" and len(nodes) > 2:
        return Output("", nodes[:-2], star=True)
    if not isinstance(last, Token) or last.kind not in ("word", "quoted"):
        return None
    before = nodes[-2] if len(nodes) > 1 else None
    if before is None or upper(before) in (".", "->"):
        return Output(bare(last), nodes) if _plain(nodes) else Output(bare(last))
    if upper(before) == "AS":
        path = nodes[:-2]
        return Output(bare(last), path if _plain(path) else (), alias=last)
    if last.kind == "quoted" or last.text.upper() not in KEYWORDS:  # an alias without AS
        path = nodes[:-1]
        return Output(bare(last), path if _plain(path) else (), alias=last)
    return None


def _plain(nodes: Sequence[Node]) -> bool:
    """Whether the nodes are a name: a, a.b, a->b, a[1]->b."""
    return bool(nodes) and all(
        n.kind in ("word", "quoted", "number") or n.text in (".", "->", "[", "]") for n in nodes
    )
