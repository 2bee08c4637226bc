"""Reads a query with DuckDB's own parser, so that kshell repeats none of DuckDB's grammar.

`batch.rewrite` asks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from kshell.sql.syntax import (
    ColumnRef,
    Derived,
    FromName,
    Item,
    Selection,
    Side,
    StarRef,
    Syntax,
    TableCall,
    Test,
)  # fmt: skip

__all__ = ["read"]

_NOWHERE = 1 << 63
_OPS = {"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<",
        "COMPARE_GREATERTHAN": ">", "COMPARE_LESSTHANOREQUALTO": "<=",
        "COMPARE_GREATERTHANOREQUALTO": ">=", "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM",
        "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM"}  # fmt: skip
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_UNLIKE_WHERE = frozenset({"ASOF", "POSITIONAL"})  # joins that choose rows before WHERE does


def read(connection: duckdb.DuckDBPyConnection, text: str) -> Syntax | None:
    """What is in the query; None where DuckDB does not show it (a syntax error, a PIVOT)."""
    ((shown,),) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
    tree = json.loads(shown)
    if tree["error"] or len(tree["statements"]) != 1:
        return None
    reader = _Reader(text)
    node = tree["statements"][0]["node"]
    reader.query(node, frozenset(), None)
    reader.found.root = reader.naming(node)
    return reader.found


class _Reader:
    """Walks the tree that DuckDB shows as JSON."""

    def __init__(self, text: str) -> None:
        self.found = Syntax()
        self.made: dict[int, Selection] = {}
        self._every: set[int] = set()
        self._clause = ""
        self._ctes: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {}
        self._characters: list[int] | None = None
        if not text.isascii():
            self._characters = [n for n, c in enumerate(text) for _ in c.encode()] + [len(text)]

    def _offset(self, node: dict[str, Any]) -> int:
        at = int(node.get("query_location", _NOWHERE))
        if at >= _NOWHERE:
            return -1
        return at if self._characters is None else self._characters[at]

    def _end(self, node: dict[str, Any]) -> int:
        at = int(node["query_location"]) + int(node.get("query_location_length", 0))
        return (
            at if self._characters is None else self._characters[min(at, len(self._characters) - 1)]
        )

    def query(self, node: dict[str, Any], ctes: frozenset[str], outer: Selection | None) -> None:
        """A SELECT, a set operation or a recursive CTE, and all in it."""
        names = ctes
        for pair in (node.get("cte_map") or {}).get("map", ()):
            inner = pair["value"]["query_node"]
            name = pair["key"].casefold()
            recursive = inner["type"] == "RECURSIVE_CTE_NODE"
            found = (tuple(pair["value"].get("aliases") or ()), inner)
            if recursive:  # else a name in it is another CTE's or a source's
                self._ctes[name] = found
            self._parts(pair["value"], names | {name} if recursive else names, outer)
            names |= {name}
            self._ctes[name] = found
        selection = outer
        if node["type"] == "SELECT_NODE":
            selection = Selection(outer)
            self.made[id(node)] = selection
            self.found.selections.append(selection)
            clause, self._clause = self._clause, "from_table"
            self._from(node["from_table"], names, selection)
            self._clause = clause
            selection.items = [
                Item(i.get("alias", ""), i["type"], self._first(i), _path(i), self._extreme(i))
                for i in node["select_list"]
            ]
            first = node["select_list"][0] if node["select_list"] else {}
            selection.from_first = first.get("type") == "STAR" and self._offset(first) < 0
        if node["type"] == "SELECT_NODE":
            self._every = {id(p) for p in _conjuncts(node.get("where_clause"))} | self._every
        for key, part in node.items():
            if key not in ("cte_map", "from_table"):
                clause, self._clause = self._clause, key
                self._any(part, names, selection)
                self._clause = clause
        if node["type"] != "SELECT_NODE":
            first, *others = [self.made.get(id(n)) for n in _leaves(node)]
            if first is not None:
                first.beside = [other for other in others if other is not None]

    def _extreme(self, item: dict[str, Any]) -> int:
        """Where the column begins of which an item is the MIN or the MAX."""
        of = [argument["expression"] for argument in item.get("arguments") or ()]
        if str(item.get("function_name")).lower() not in ("min", "max") or len(of) != 1:
            return -1
        return self._offset(of[0]) if of[0].get("class") == "COLUMN_REF" else -1

    def naming(self, node: dict[str, Any] | None) -> Selection | None:
        """The SELECT that names a query's columns."""
        return None if node is None else self.made.get(id(next(_leaves(node))))

    def _first(self, node: Any) -> int:
        """Where the first of an expression is."""
        starts = [o for n in _nodes(node) if (o := self._offset(n)) >= 0]
        return min(starts, default=-1)

    def _last(self, node: Any) -> int:
        return max((self._end(n) for n in _nodes(node) if self._offset(n) >= 0), default=-1)

    def _from(self, node: dict[str, Any], ctes: frozenset[str], selection: Selection) -> None:
        """What FROM has, joins and pivots included."""
        kind = node.get("type")
        if kind == "BASE_TABLE":
            self._table(node, ctes, selection)
        elif kind in ("JOIN", "PIVOT"):
            if node.get("ref_type") == "NATURAL":
                selection.natural = True
            if kind == "PIVOT" or node.get("ref_type") in _UNLIKE_WHERE:
                selection.narrows = False
            for name in node.get("using_columns") or ():
                self.found.using.append((name, selection))
            for key, part in node.items():
                if key in ("left", "right", "source"):
                    self._from(part, ctes, selection)
                else:
                    self._any(part, ctes, selection)
        else:
            self._any(node, ctes, selection)
            if kind != "EMPTY":
                inner = (node.get("subquery") or {}).get("node")
                renamed = tuple(node.get("column_name_alias") or ())
                selection.others.append(Derived(node.get("alias", ""), renamed, self.naming(inner)))

    def _table(
        self, node: dict[str, Any], ctes: frozenset[str], selection: Selection | None
    ) -> None:
        path = tuple(p for k in ("catalog_name", "schema_name", "table_name") if (p := node[k]))
        of_cte = len(path) == 1 or (len(path) == 2 and path[0].casefold() == "recurring")
        if of_cte and path[-1].casefold() in ctes:
            if selection is not None:
                names, query = self._ctes[path[-1].casefold()]
                columns = tuple(node.get("column_name_alias") or ()) or names
                alias = node["alias"] or path[-1]
                selection.others.append(Derived(alias, columns, self.naming(query)))
            return
        renamed = tuple(node.get("column_name_alias") or ())
        made = FromName(path, self._offset(node), node["alias"], renamed, selection)
        self.found.sources.append(made)
        if selection is not None:
            selection.sources.append(made)
            selection.narrows = selection.narrows and not node.get("sample")

    def _parts(
        self, node: dict[str, Any], ctes: frozenset[str], selection: Selection | None
    ) -> None:
        for part in node.values():
            self._any(part, ctes, selection)

    def _any(self, node: Any, ctes: frozenset[str], selection: Selection | None) -> None:
        if isinstance(node, list):
            for part in node:
                self._any(part, ctes, selection)
        if not isinstance(node, dict):
            return
        kind, type = node.get("class"), node.get("type", "")
        if isinstance(type, str) and type.endswith("_NODE") and "cte_map" in node:
            self.query(node, ctes, selection)
            return
        if type == "BASE_TABLE":
            self._table(node, ctes, selection)
        elif type in ("JOIN", "PIVOT") and kind is None and selection is not None:
            self._from(node, ctes, selection)
            return
        elif type == "TABLE_FUNCTION":
            function = node["function"]
            self.found.table_calls.append(
                TableCall(function.get("function_name", ""), self._offset(node))
            )
        elif type == "SHOW_REF" and node.get("query") is None:
            self.found.shown.append(str(node.get("table_name")))
        elif kind == "COLUMN_REF":
            self.found.columns.append(self._column(node, selection))
        elif kind == "STAR":
            self._star(node, selection)
        elif kind in ("FUNCTION", "WINDOW"):
            self.found.calls[self._offset(node)] = selection
        elif kind in ("COMPARISON", "BETWEEN") or type in ("COMPARE_IN", "COMPARE_NOT_IN"):
            self._test(node, selection)
        self._parts(node, ctes, selection)

    def _column(self, node: dict[str, Any], selection: Selection | None) -> ColumnRef:
        start = self._offset(node)
        end = self._end(node) if start >= 0 else -1
        return ColumnRef(tuple(node["column_names"]), start, end, selection, self._clause)

    def _star(self, node: dict[str, Any], selection: Selection | None) -> None:
        start = self._offset(node)
        expression = node.get("expr") or {}
        literal = expression.get("literal") or expression.get("value") or {}
        text = (
            str(literal.get("text", literal.get("value", ""))) if isinstance(literal, dict) else ""
        )
        excluded = [str(e) for e in node.get("exclude_list") or ()]
        excluded += [str(e["column"]) for e in node.get("qualified_exclude_list") or ()]
        replaced = tuple(str(r["key"]) for r in node.get("replace_list") or ())
        self.found.stars.append(
            StarRef(
                node.get("relation_name", ""), start, self._end(node) if start >= 0 else -1,
                bool(node.get("columns")), tuple(excluded), replaced,
                text if node.get("columns") else "", selection,
            )
        )  # fmt: skip

    def _test(self, node: dict[str, Any], selection: Selection | None) -> None:
        every = id(node) in self._every
        if node["class"] == "COMPARISON":
            if (op := _OPS.get(node["type"], "")) == "":
                return
            left, right = node["left"], node["right"]
            for column, other, shown in ((left, right, op), (right, left, _FLIPPED.get(op, op))):
                if column.get("class") == "COLUMN_REF":
                    side = [self._side(other)]
                    self.found.tests.append(
                        Test(self._column(column, selection), shown, side, every)
                    )
                    return
            return
        between = node["class"] == "BETWEEN"
        column, *others = (
            [node["input"], node["lower"], node["upper"]] if between else node["children"]
        )
        if column.get("class") == "COLUMN_REF":
            op = "BETWEEN" if between else "IN" if node["type"] == "COMPARE_IN" else "NOT IN"
            sides = [self._side(o) for o in others]
            self.found.tests.append(Test(self._column(column, selection), op, sides, every))

    def _side(self, node: Any) -> Side:
        nodes = [n for n in _nodes(node) if "class" in n]
        varies = any(n["class"] in ("COLUMN_REF", "SUBQUERY", "LAMBDA") for n in nodes)
        steady = all(
            n["class"] == "CONSTANT" or n.get("function_name") in ("+", "-", "*") for n in nodes
        )
        return Side(self._first(node), self._last(node), varies, steady and not varies)


def _path(item: dict[str, Any]) -> tuple[str, ...]:
    if item["type"] == "STAR":
        return (item["relation_name"],) if item.get("relation_name") else ()
    return tuple(item.get("column_names") or ())


def _leaves(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The SELECTs of a set operation or of a recursive CTE, from the left."""
    arms = node.get("children") or [n for n in (node.get("left"), node.get("right")) if n]
    if node.get("type") == "SELECT_NODE" or not arms:
        yield node
        return
    for arm in arms:
        yield from _leaves(arm)


def _conjuncts(node: Any) -> Iterator[dict[str, Any]]:
    """The parts that AND joins."""
    if not isinstance(node, dict):
        return
    if node.get("type") == "CONJUNCTION_AND":
        for part in node["children"]:
            yield from _conjuncts(part)
    else:
        yield node


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for part in node.values():
            yield from _nodes(part)
    elif isinstance(node, list):
        for part in node:
            yield from _nodes(part)
