"""Chooses the overload of a macro where DuckDB cannot: an aggregate, a window function or a query
is in its arguments, and DuckDB does not know their types before it has chosen.

`macros` notes the calls; `batch.plan` asks `settle` when DuckDB refuses one.  The types come from
DuckDB itself: `pi` takes no argument, and the refusal of `pi(argument)` names its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import duckdb

from kshell.sql import duck
from kshell.sql.complaints import complaint_of
from kshell.sql.functions import AGGREGATE, library
from kshell.sql.spans import Call, Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Noted", "Overloads"]

_SEVERAL = re.compile(r"Macro (\w+)\(\) has multiple overloads")
_TYPE = re.compile(r"'pi\((.*)\)'", re.DOTALL)
_LITERALS = {"INTEGER_LITERAL": "INTEGER", "STRING_LITERAL": "VARCHAR"}


@cache
def _aggregates() -> frozenset[str]:
    """The names of aggregates, and the words that begin a window or a query."""
    rows = duck.connect().execute(
        "SELECT DISTINCT upper(function_name) FROM duckdb_functions()"
        " WHERE function_type = 'aggregate'"
    )
    ours = (name for name, function in library().items() if function.kind == AGGREGATE)
    return frozenset((*(name for (name,) in rows.fetchall()), *ours, "OVER", "SELECT", "FROM"))


@dataclass(frozen=True, slots=True)
class Noted:
    """A call, the macro that stands for its name, and the macro's (parameters, body).

    `of_types` makes one for arguments of just these types (DuckDB's names of them), where the
    result's type depends on theirs; it gives None where the others serve.
    """

    call: Call
    macro: str
    overloads: Sequence[tuple[str, str]]
    of_types: Callable[[Sequence[str]], tuple[str, str] | None] | None = None


@dataclass(slots=True)
class Overloads:
    """The calls of one query's draft."""

    draft: Draft
    connection: duckdb.DuckDBPyConnection
    noted: list[Noted] = field(default_factory=list)
    _settled: set[int] = field(default_factory=set)

    def settle_unsure(self, bind: Callable[[str], object]) -> None:
        """Choose where DuckDB would by the other arguments alone: GREATEST(AVG(x), 1).

        So for calls whose result has a type that is made of the arguments'.
        """
        # What is inside before what is around it; DuckDB says nothing of a call as long as it
        # refuses another one before it.
        left = sorted(self.noted, key=lambda n: n.call.close)
        left = [n for n in left if n.of_types is not None or self._unsure(n.call)]
        while left:
            again = [noted for noted in left if not self._settled_by_types(noted, bind)]
            if len(again) == len(left):
                return
            left = again

    def _settled_by_types(self, noted: Noted, bind: Callable[[str], object]) -> bool:
        types = [self._type(noted.call, n, bind)[0] for n in range(len(noted.call.args))]
        if "" in types:
            return False
        self._settle(noted, types)
        return True

    def _unsure(self, call: Call) -> bool:
        """Whether an aggregate, a window function or a query is in the arguments."""
        words = {self.draft.word(n) for n in range(call.open + 1, call.close)}
        return not words.isdisjoint(_aggregates())

    def settle(self, error: duckdb.Error, bind: Callable[[str], object]) -> duckdb.Error | None:
        """Choose for one of the calls that DuckDB refuses; else what it refuses.

        `bind` plans a text in the place of the query.
        """
        found = _SEVERAL.search(complaint_of(error).text)
        if found is None:
            return error
        left = [n for n in self.noted if n.macro == found[1] and n.call.token not in self._settled]
        # What is inside is settled before what is around it: its type may depend on it.
        for noted in sorted(left, key=lambda n: -n.call.open):
            types = []
            for number in range(len(noted.call.args)):
                type, refused = self._type(noted.call, number, bind)
                if refused is not None and _SEVERAL.search(complaint_of(refused).text) is None:
                    error = refused  # not the overload is at fault
                types.append(type)
            if "" not in types:
                self._settle(noted, types)
                return None
        return error

    def _settle(self, noted: Noted, types: Sequence[str]) -> None:
        exact = noted.of_types(types) if noted.of_types is not None else None
        if exact is not None:
            parameters, body = exact
            macro = f"{noted.macro}_of_{'_'.join(re.findall('[0-9]+', types[0]))}"
        else:
            number = self._chosen(noted, types)
            macro = f"{noted.macro}_as_{number}"
            parameters, body = noted.overloads[number]
        self.connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}({parameters}) AS {body}")
        name = self.draft.tokens[noted.call.token]
        self.draft.instead(name.start, name.end, macro)
        self._settled.add(noted.call.token)

    def _type(
        self, call: Call, number: int, bind: Callable[[str], object]
    ) -> tuple[str, duckdb.Error | None]:
        """DuckDB's name of an argument's type, or what it refuses."""
        start, end = call.args[number]
        asked = f"pi({self.draft.text(start, end)})"
        refused = None
        for around in self._around(call):
            tokens, edited = self.draft.tokens, self.draft.copy()
            edited.replace(tokens[around.token].start, tokens[around.close].end, asked)
            try:
                bind(edited.text())
            except duckdb.Error as error:
                found = _TYPE.search(complaint_of(error).text)
                if found is not None:
                    return _LITERALS.get(found[1], found[1]), None
                refused = refused or error
        return "", refused

    def _around(self, call: Call) -> list[Call]:
        """The call, and those around it that hide what DuckDB says of it."""
        hiding = [
            n.call
            for n in self.noted
            if n.call.open < call.token < n.call.close and n.call.token not in self._settled
        ]
        return [call, *sorted(hiding, key=lambda c: -c.open)]

    def _chosen(self, noted: Noted, types: Sequence[str]) -> int:
        """The number of the overload that DuckDB takes for values of these types."""
        numbered = ", ".join(
            f"({parameters.partition(', row_order')[0]}) AS {n}"
            for n, (parameters, _) in enumerate(noted.overloads)
        )
        self.connection.execute(f"CREATE OR REPLACE TEMP MACRO {noted.macro}_of {numbered}")
        values = ", ".join(f"CAST(NULL AS {type})" for type in types)
        ((number,),) = self.connection.sql(f"SELECT {noted.macro}_of({values})").fetchall()
        return int(number)
