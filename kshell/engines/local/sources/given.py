"""An Arrow table given to the session, under a name in FROM: a STREAM of its rows in their order.

`lookup` makes both faces.  A row's ROWOFFSET is its number and its ROWTIME 0, unless the table has
a column of that name; it has no key, no partition and no headers (NULL).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from kshell.batch.tables import TableColumn
from kshell.catalog.model import (
    PSEUDO_COLUMNS,
    RESERVED,
    Column,
    FormatSpec,
    Kind,
    Source,
    pseudo_type,
)
from kshell.changes import Changes
from kshell.engines.local.sources.arrow_table import BATCH_ROWS, ArrowTable
from kshell.engines.local.sources.base import Piece
from kshell.errors import BindError, UsageError
from kshell.results import LeftOut, Notice
from kshell.sql import plan
from kshell.types import BIGINT, TIMESTAMP, is_moment, ksql_type

__all__ = ["GivenInput", "GivenTable", "given_source", "given_table"]



def given_table(name: str, rows: object) -> pa.Table:
    """Whatever speaks Arrow as a table that DuckDB reads; UsageError where it cannot be one."""
    try:
        table = rows if isinstance(rows, pa.Table) else pa.table(rows)
        for n, field in enumerate(table.schema):
            read = _as_duckdb_reads(field.type)
            if read != field.type:
                table = table.set_column(n, field.name, table.column(n).cast(read))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
        raise UsageError(f"{name} cannot be given as a table: {error}") from None
    if twice := [column for column, times in Counter(table.schema.names).items() if times > 1]:
        raise UsageError(
            f"{name} has two columns named {twice[0]}", hint="rename_columns gives them others"
        )
    return table


def _as_duckdb_reads(type: pa.DataType) -> pa.DataType:
    """The type that DuckDB reads such values as, at every depth; raises TypeError for a union."""
    if pa.types.is_float16(type):
        return pa.float32()
    if pa.types.is_decimal(type) and type.scale < 0:
        return pa.decimal128(type.precision - type.scale, 0)
    if pa.types.is_decimal256(type):
        return pa.decimal128(type.precision, type.scale)
    if pa.types.is_union(type):
        raise TypeError(f"no type stands for {type}")
    if pa.types.is_struct(type):
        return pa.struct([f.with_type(_as_duckdb_reads(f.type)) for f in type])
    if pa.types.is_map(type):
        return pa.map_(_as_duckdb_reads(type.key_type), _as_duckdb_reads(type.item_type))
    for is_list, made in _LISTS.items():
        if is_list(type) and (read := _as_duckdb_reads(type.value_type)) != type.value_type:
            return made(read)
    if pa.types.is_fixed_size_list(type):
        return pa.list_(_as_duckdb_reads(type.value_type), type.list_size)
    return type


_LISTS: Mapping[Callable[[pa.DataType], bool], Callable[[pa.DataType], pa.DataType]] = {
    pa.types.is_list: pa.list_,
    pa.types.is_large_list: pa.large_list,
    pa.types.is_list_view: pa.list_view,
    pa.types.is_large_list_view: pa.large_list_view,
}


def _pseudo(rows: pa.Table) -> dict[str, pa.DataType]:
    """The pseudo columns, but those that are the table's own columns by name."""
    own = {name.upper(): name for name in rows.schema.names}
    return {
        name: rows.schema.field(own[name]).type if name in own else pseudo_type(name, ())
        for name in PSEUDO_COLUMNS
        if name not in rows.schema.names
    }


def _column(rows: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    if name in rows.schema.names:
        return rows.column(name)
    own = {n.upper(): n for n in rows.schema.names}
    if name in own:
        return rows.column(own[name])
    if name == "ROWOFFSET":
        return pa.array(np.arange(rows.num_rows, dtype=np.int64))
    if name == "ROWTIME":
        return pa.array(np.zeros(rows.num_rows, dtype=np.int64))
    return pa.nulls(rows.num_rows, pseudo_type(name, ()))


def given_source(name: str, rows: pa.Table) -> Source:
    """The table as continuous queries see it: a stream without a key, in KSQL's types."""
    for field in rows.schema:
        if pa.types.is_duration(field.type) or pa.types.is_interval(field.type):
            raise BindError(f"column {field.name} of {name}: KSQL has no type for a {field.type}")
    # A column of a reserved name would be there twice: it is the pseudo column.
    own = (field for field in rows.schema if field.name not in RESERVED)
    columns = tuple(Column(field.name, ksql_type(field.type)) for field in own)
    # What a query that reads it writes by default.
    key, value = FormatSpec("KAFKA"), FormatSpec("JSON")
    moments = frozenset(f.name for f in rows.schema if is_moment(f))
    return Source(
        name, Kind.STREAM, name, (), columns, key, value, declared=False, moments=moments
    )


class GivenTable(ArrowTable):
    """To scan: the rows, in the types that they were given in."""

    def __init__(self, name: str, rows: pa.Table, why: str) -> None:
        columns = (
            *(TableColumn(f.name, f.type, moment=is_moment(f)) for f in rows.schema),
            *(TableColumn(n, t, hidden=True) for n, t in _pseudo(rows).items()),
        )
        super().__init__(
            name, columns, rows.num_rows, lambda n: _column(rows, n), why, declared=False
        )


class GivenInput:
    """To follow: the rows from the first to the last, and then it has ended."""

    starts: Mapping[tuple[int, int], int] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        rows: pa.Table,
        scans: Mapping[int, plan.Scan],
        *,
        constant: bool = False,
    ) -> None:
        self.name, self._rows, self.constant = name, rows.num_rows, constant
        self.scans: Sequence[int] = list(scans)
        self.paused: frozenset[int] = frozenset()
        self.notices: Sequence[Notice] = ()
        self.note = self.held_back = ""
        self._left: int = rows.num_rows
        made = [(scan, _as_scanned(rows, leaf)) for scan, leaf in scans.items()]
        self._pieces = self._sliced(made, rows.num_rows)

    @property
    def partitions(self) -> Collection[int]:
        return (0,)

    def _sliced(self, made: Sequence[tuple[int, pa.Table]], n: int) -> Iterator[Piece]:
        for start in range(0, n, BATCH_ROWS):
            part = [(s, t.slice(start, BATCH_ROWS).combine_chunks().to_batches()) for s, t in made]
            self._left = max(n - start - BATCH_ROWS, 0)
            yield Piece(0, [(s, Changes.of(batches[0]), LeftOut()) for s, batches in part])

    def poll(self) -> Piece | None:
        return next(self._pieces, None)

    def ended(self, partition: int) -> bool:
        return self.done

    @property
    def done(self) -> bool:
        return not self._left

    @property
    def lag(self) -> int:
        return self._left

    @property
    def reached(self) -> Mapping[int, int]:
        return {0: self._rows - self._left}

    def cancel(self) -> None:
        self._pieces = iter(())


def _as_scanned(rows: pa.Table, leaf: plan.Scan) -> pa.Table:
    """The scan's columns by the plan's names, in KSQL's types."""
    schema = leaf.output.schema()
    arrays = []
    for field, name in zip(schema, leaf.source_columns(), strict=True):
        column = _column(rows, name)
        if pa.types.is_timestamp(column.type) and field.type == BIGINT:
            column = column.cast(TIMESTAMP, safe=False)  # a ROWTIME given as a moment
        try:
            arrays.append(column.cast(field.type, safe=not pa.types.is_temporal(field.type)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BindError(f"column {name} of {leaf.source.name}: {error}") from None
    return pa.table(arrays, schema=schema)
