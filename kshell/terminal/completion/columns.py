"""The columns that a query sees at the cursor: of sources, CTEs, subqueries, and inside STRUCTs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from kshell.sql.script import Token
from kshell.terminal.completion.names import Field, Known
from kshell.terminal.completion.queries import (
    Relation,
    bare,
    branch_of,
    clauses,
    common_tables,
    is_query,
    outputs,
    relations,
)
from kshell.terminal.completion.ranking import Index
from kshell.terminal.completion.tree import Group, Node

__all__ = ["Scope", "chain_before", "common_columns", "join_conditions", "scope_at", "steps"]

_DEEPEST = 8  # queries in queries; a recursive CTE ends there
_MOST_CONDITIONS, _MOST_LOOKED_AT = 20, 200
Step = str | None  # a name, or None: an element


class Scope:
    """The sources of the query at the cursor, and then those of the queries around it."""

    def __init__(self, known: Known, levels: Sequence[tuple[Group, Sequence[Relation]]]) -> None:
        self.known = known
        self.levels = levels

    @property
    def relations(self) -> Sequence[Relation]:
        """Those of the innermost query."""
        return self.levels[0][1] if self.levels else ()

    def all(self) -> Iterator[tuple[Group, Relation]]:
        """Every source that can be named here, the nearest first."""
        for group, found in self.levels:
            for relation in found:
                yield group, relation

    def query_of(self, group: Group, relation: Relation) -> Group | None:
        """The query that it is: in parentheses, or of a WITH."""
        return relation.query or self._common(group, relation.name)

    def columns(self, group: Group, relation: Relation, depth: int = 0) -> list[Index[Field]]:
        """The columns of a source, in one or more lists."""
        if depth > _DEEPEST:
            return []
        query = self.query_of(group, relation)
        if query is not None:
            return self._results(query, depth + 1) if is_query(query) else []
        table = self.known.table(relation.name)
        return [table.columns] if table is not None else []

    def common(self) -> Iterator[tuple[str, list[Index[Field]]]]:
        """The tables of WITH that a FROM here may name, the last one first, with their columns."""
        around = [g for g, _ in self.levels[:1] for g in g.within()]
        for group in around:
            for name, query in reversed(list(common_tables(group))):
                if is_query(query) and not any(g is query for g in around):
                    yield name, self._results(query, 1)

    def _common(self, group: Group, name: str) -> Group | None:
        for around in group.within():
            found = {n.casefold(): q for n, q in common_tables(around)}
            if name.casefold() in found:
                return found[name.casefold()]
        return None

    def _results(self, query: Group, depth: int) -> list[Index[Field]]:
        """The columns that a query gives."""
        branch = branch_of(clauses(query.nodes))
        found = relations(branch)
        inside = Scope(self.known, [(query, found)])
        parts: list[Index[Field]] = []
        own: list[Field] = []
        for output in outputs(branch):
            if output.star:
                parts += [Index(own)] if own else []
                own = []
                label = bare(output.path[-1]).casefold() if output.path else ""  # type: ignore[arg-type]
                for relation in found:
                    if not label or relation.label.casefold() == label:
                        parts += inside.columns(query, relation, depth)
                continue
            field = inside.field(steps(output.path), depth) if output.path else None
            text = output.alias.text if output.alias else field.text if field else output.name
            made = field or Field(output.name, text)
            own.append(replace(made, name=output.name, text=text))
        return [*parts, Index(own)] if own else parts

    def field(self, path: Sequence[Step], depth: int = 0) -> Field | None:
        """The column, or the field in one, that a name means; None where nothing is known of it."""
        if not path or path[0] is None:
            return None
        first = path[0].casefold()
        for group, relation in self.all():
            if len(path) > 1 and relation.label.casefold() == first:
                return self._among(self.columns(group, relation, depth), path[1:])
        for group, relation in self.all():
            found = self._among(self.columns(group, relation, depth), path)
            if found is not None:
                return found
        if not self.relations:  # no FROM yet
            for table in self.known.seen:
                found = self._among([table.columns], path)
                if found is not None:
                    return found
        return None

    def _among(self, lists: Sequence[Index[Field]], path: Sequence[Step]) -> Field | None:
        for columns in lists:
            found: Field | None = columns.named(path[0] or "")
            for step in path[1:]:
                if found is None:
                    break
                found = found.item if step is None else _named(found.fields, step)
            if found is not None:
                return found
        return None


def _named(fields: Sequence[Field], name: str) -> Field | None:
    exact = next((f for f in fields if f.name == name), None)
    return exact or next((f for f in fields if f.name.casefold() == name.casefold()), None)


def scope_at(known: Known, group: Group, start: int) -> Scope:
    """The scope of the hole in `group`; the query of the outermost group begins at `start`."""
    levels = []
    for around in group.within():
        nodes = around.nodes[0 if around.parent else start :]
        if around.parent is None or is_query(around):
            levels.append((around, relations(branch_of(clauses(nodes)))))
    return Scope(known, levels)


def steps(nodes: Sequence[Node]) -> list[Step]:
    """The steps of a name: a.b[1]->c is a, b, an element, c."""
    found: list[Step] = []
    depth = 0
    for node in nodes:
        if node.text == "[":
            depth += 1
        elif node.text == "]":
            depth -= 1
            found.append(None)
        elif depth == 0 and isinstance(node, Token) and node.kind in ("word", "quoted"):
            found.append(bare(node))
    return found


def chain_before(seen: Sequence[Node]) -> list[Step]:
    """The steps of the name that ends there.

    Empty where no name ends there.
    """
    at = len(seen)
    while at > 0:
        node = seen[at - 1]
        if node.text == "]":
            depth = 0
            while at > 0:
                depth += {"]": 1, "[": -1}.get(seen[at - 1].text, 0)
                at -= 1
                if depth == 0:
                    break
            continue
        if node.kind not in ("word", "quoted"):
            break
        at -= 1
        if at == 0 or seen[at - 1].text not in (".", "->"):
            break
        at -= 1
    return steps(seen[at:])


def join_conditions(scope: Scope, place: int) -> list[str]:
    """Equations of the source that was joined last before a place with those at its left.

    Columns of one name and one type make one; those whose name ends with "id" come first.
    """
    group, all_of_it = scope.levels[0]
    found = [r for r in all_of_it if r.start < place]
    if len(found) < 2:
        return []
    joined = found[-1]
    right = scope.columns(group, joined)
    pairs = (
        (left, one, other)
        for left in found[:-1]
        for columns in scope.columns(group, left)
        for others in right
        for one, other in _of_one_name(columns, others)
    )
    made = [
        (not one.name.casefold().endswith("id"), f"{left.qualifier}.{one.text}", other.text)
        for left, one, other in islice(pairs, _MOST_LOOKED_AT)
    ]
    best = sorted(made, key=lambda m: m[0])[:_MOST_CONDITIONS]
    return [f"{one} = {joined.qualifier}.{other}" for _, one, other in best]


def common_columns(scope: Scope, place: int) -> list[Field]:
    """The columns that the source joined last before a place has in common with others."""
    group, all_of_it = scope.levels[0]
    lists = [scope.columns(group, r) for r in all_of_it if r.start < place]
    before = {name for parts in lists[:-1] for columns in parts for name in columns.by_name}
    return [
        field
        for columns in (lists[-1] if lists else ())
        for field in columns.entries
        if field.name.casefold() in before
    ]


def _of_one_name(columns: Index[Field], others: Index[Field]) -> Iterator[tuple[Field, Field]]:
    """The pairs of columns with one name and one type, in order."""
    both = columns.by_name.keys() & others.by_name.keys()
    for name in sorted(both, key=columns.by_name.__getitem__):
        one, other = columns.entries[columns.by_name[name]], others.entries[others.by_name[name]]
        if one.type == other.type:
            yield one, other
