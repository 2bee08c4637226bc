"""Names that nobody wrote: KSQL_COL_0 for an expression, a struct's field for a dereference.

`bind.projection`, `bind.aggregate` and `bind.joins` call it.  The rules are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from kshell.sql.expressions import Expression, Field

__all__ = ["Aliases", "unique"]


@dataclass(slots=True)
class Aliases:
    """Hands out names; `used` are the columns of the sources, which none of them takes.

    >>> a = Aliases({"KSQL_COL_0"})
    >>> a.column(), a.column(), a.field("B"), a.field("B")
    ('KSQL_COL_1', 'KSQL_COL_2', 'B', 'B_1')
    """

    used: set[str] = field(default_factory=set)

    def column(self) -> str:
        """The next KSQL_COL_n."""
        return self._next(f"KSQL_COL_{n}" for n in range(len(self.used) + 1))

    def field(self, name: str) -> str:
        """A struct field's name, with _1, _2, … where it is taken."""
        suffixes = (f"{name}_{n}" for n in range(1, len(self.used) + 2))
        return self._next(n for n in (name, *suffixes))

    def of(self, node: exp.Expr, bound: Expression) -> str:
        """The name of an expression that was given none."""
        if isinstance(bound, Field) and isinstance(node, exp.Dot | exp.Column):
            return self.field(bound.name)
        return self.column()

    def _next(self, candidates: Iterable[str]) -> str:
        name = next(n for n in candidates if n not in self.used)
        self.used.add(name)
        return name


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, or one like it that is not taken: for columns that no one sees.

    >>> unique("K", ["K"])
    'KSQL_K_1'
    """
    held = set(taken)
    if name not in held:
        return name
    return next(n for i in range(1, len(held) + 2) if (n := f"KSQL_{name}_{i}") not in held)
