"""Expressions bound and evaluated over literals, as a continuous query does it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from kshell.catalog.model import Column as Declared
from kshell.catalog.model import FormatSpec, Kind, Source
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.scope import Origin, Scope
from kshell.sql.expressions import Expression
from kshell.sql.parse import parse
from kshell.sql.statements import Select
from kshell.stream.evaluate import Evaluator


class Outcome(NamedTuple):
    """A column as Python has it, and (column, message) of each row that failed."""

    values: list[Any]
    errors: list[tuple[str, str]]


Bind = Callable[..., Expression]
Evaluate = Callable[..., Outcome]


def _bound(text: str, **columns: pa.DataType) -> Expression:
    (statement,) = parse(f"SELECT {text} AS R FROM S EMIT CHANGES;")
    assert isinstance(statement, Select)
    value = tuple(Declared(name, type) for name, type in columns.items())
    formats = FormatSpec("KAFKA"), FormatSpec("JSON")
    source = Source("S", Kind.STREAM, "s", (), value, *formats)
    return Binder(Scope((Origin("S", source),)), "SELECT").bind(
        statement.query.tree.expressions[0].this
    )


def _evaluated(text: str, **columns: pa.Array) -> Outcome:
    """The expression over the columns, or over one row of none."""
    arrays = columns or {"NOTHING": pa.array([None], pa.int32())}
    bound = _bound(text, **{name: array.type for name, array in arrays.items()})
    errors: list[tuple[str, str]] = []
    evaluator = Evaluator([("R", bound)], lambda row, name, why: errors.append((name, why)))
    (made,) = evaluator(pa.record_batch(arrays))
    assert made.type == bound.type
    return Outcome(made.to_pylist(maps_as_pydicts="lossy"), errors)


@pytest.fixture(scope="session")
def bound() -> Bind:
    """bound("A + 1", A=pa.int32()): the typed expression."""
    return _bound


@pytest.fixture(scope="session")
def evaluated() -> Evaluate:
    """evaluated("A + 1", A=pa.array([1])): its values and errors."""
    return _evaluated


@pytest.fixture(scope="session")
def value(evaluated: Evaluate) -> Callable[[str], Any]:
    """value("1 + 1"): of constants, that must not fail."""

    def of(text: str) -> Any:
        found = evaluated(text)
        assert found.errors == []
        return found.values[0]

    return of
