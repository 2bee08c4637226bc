"""A continuous plan ready to run: connected operators that take one batch of changes at a time.

Engines and `kshell test` build it.  It is deterministic, without clock and network: the output
depends only on the input and its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind, WindowType
from kshell.changes import Changes
from kshell.errors import Unsupported
from kshell.sql import plan
from kshell.stream.evaluate import OnError, ignore_errors
from kshell.stream.state import MemoryStates, States

__all__ = ["Graph", "build"]


class Operator(Protocol):
    """One node of the plan at work."""

    @property
    def step(self) -> Callable[..., Changes]:
        """The output for the next rows of each input: of the only one, or of the left and right.

        A join looks at their `order`, and its output has the place of the row that made each.
        """


class _Stage(Protocol):
    """A part of the plan at work, from its scans up."""

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        """What it makes of the next rows of the scans."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scan's rows."""

    number: int
    schema: pa.Schema

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        return batches.get(self.number) or Changes.none(self.schema)


@dataclass(frozen=True, slots=True)
class _Inner:
    """An operator over the stages that it reads."""

    operator: Operator
    inputs: tuple[_Stage, ...]
    schema: pa.Schema

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        parts = [stage.step(batches) for stage in self.inputs]
        return self.operator.step(*parts) if any(parts) else Changes.none(self.schema)


@dataclass(frozen=True, slots=True)
class Graph:
    """The operators from the scans to the root; `scans` are the plan's, from the left."""

    root: plan.Node
    scans: tuple[plan.Scan, ...]
    stage: _Stage
    operators: Mapping[int, Operator]
    on_error: OnError = ignore_errors

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        """The changes of the root for the next rows of the scans, by the scans' numbers.

        A stream's rows come at +1 (0: a record without a value); a table's records at +1, its
        tombstones at -1 with the key alone: the graph keeps the rows that they replace.  A row from
        before 1970 is an error and is skipped, as in Streams.
        """
        return self.stage.step({scan: self._since_1970(c) for scan, c in batches.items()})

    @property
    def late(self) -> int:
        """How many rows came after all their windows had closed."""
        return sum(getattr(operator, "late", 0) for operator in self.operators.values())

    def _since_1970(self, batch: Changes) -> Changes:
        times = batch.rows.column("ROWTIME")
        if (pc.min(times).as_py() or 0) >= 0:
            return batch
        early = pc.less(times, 0)
        for row in batch.rows.filter(early).to_pylist():
            self.on_error(row, "ROWTIME", f"the time {row['ROWTIME']} ms is before 1970")
        return batch.filter(pc.invert(early))


def build(
    node: plan.Node, states: States | None = None, on_error: OnError = ignore_errors
) -> Graph:
    """The plan's graph, its state in `states` (in memory by default); raises Unsupported."""
    builder = _Builder(states or MemoryStates(), on_error)
    stage = builder.stage(node)
    return Graph(node, tuple(builder.scans), stage, builder.operators, on_error)


class _Builder:
    """Walks the plan once; numbers the states in the order of the plan."""

    def __init__(self, states: States, on_error: OnError) -> None:
        self.states, self.on_error = states, on_error
        self.operators: dict[int, Operator] = {}
        self.scans: list[plan.Scan] = []
        self._number = 0

    def name(self, node: plan.Node) -> str:
        """A state's name."""
        self._number += 1
        return f"{self._number}.{type(node).__name__}"

    def stage(self, node: plan.Node) -> _Stage:
        """The operators of the node and of all below."""
        operator = self._operator(node)
        if operator is not None:
            self.operators[id(node)] = operator
        # EMIT FINAL runs its aggregate itself.
        inner = node.input if isinstance(node, plan.Suppress) else node
        inputs = tuple(self.stage(child) for child in plan.children(inner))
        if isinstance(node, plan.Scan):
            inputs = (_Leaf(len(self.scans), node.output.schema()),)
            self.scans.append(node)
        if operator is None:
            return inputs[0]
        return _Inner(operator, inputs, node.output.schema())

    def _operator(self, node: plan.Node) -> Operator | None:
        if isinstance(node, plan.Answer | plan.Sink):
            return None
        if isinstance(node, plan.Scan):
            return self._scan(node)
        if isinstance(node, plan.Filter):
            return self._filter(node)
        if isinstance(node, plan.Aggregate):
            return self._group_by(node)
        make = _MAKERS.get(type(node))
        if make is None:
            raise Unsupported(f"{type(node).__name__} in a continuous query")
        return make(node, self)

    def _scan(self, node: plan.Scan) -> Operator | None:
        from kshell.stream.ops.table import TableSource

        if node.output.kind is Kind.STREAM:
            return None
        return TableSource(node, self.states, self.name(node))

    def _filter(self, node: plan.Filter) -> Operator:
        from kshell.stream.ops import linear

        if node.output.kind is Kind.STREAM:
            return linear.StreamFilter(node, self.on_error)
        return linear.TableFilter(node, self.on_error)

    def _group_by(self, node: plan.Aggregate) -> Operator:
        """GROUP BY in which a batch may give one update for each group."""
        from kshell.stream.ops.aggregate import TableAggregate
        from kshell.stream.ops.columnar import ColumnarAggregate

        if node.input.output.kind is Kind.TABLE:
            return TableAggregate(node, self.states, self.name(node), self.on_error)
        if node.window is None or node.window.type in (WindowType.TUMBLING, WindowType.HOPPING):
            return ColumnarAggregate(node, self.on_error)
        return self.windowed(node)

    def windowed(self, node: plan.Aggregate) -> Operator:
        """GROUP BY in windows, row by row."""
        from kshell.stream.ops.session import SessionAggregate
        from kshell.stream.ops.sliding import SlidingAggregate
        from kshell.stream.ops.windows import WindowAggregate

        name = self.name(node)
        assert node.window is not None
        if node.window.type is WindowType.SESSION:
            return SessionAggregate(node, self.states, name, self.on_error)
        sliding = node.window.type is WindowType.SLIDING
        made = SlidingAggregate if sliding else WindowAggregate
        return made(node, self.states, name, self.on_error)


def _project(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.linear import Project

    return Project(node, builder.on_error)


def _rekey(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.linear import Rekey

    return Rekey(node, builder.on_error)


def _explode(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.linear import Explode

    return Explode(node, builder.on_error)


def _suppress(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.suppress import Suppress

    aggregate: Any = builder.windowed(node.input)
    return Suppress(node, aggregate, builder.states, builder.name(node))


def _stream_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.alternating import Alternating
    from kshell.stream.ops.stream_join import StreamJoin

    return Alternating(StreamJoin(node, builder.states, builder.name(node)))


def _stream_table_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.alternating import Alternating
    from kshell.stream.ops.stream_table_join import StreamTableJoin

    return Alternating(StreamTableJoin(node, builder.states, builder.name(node)))


def _table_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.alternating import Alternating
    from kshell.stream.ops.table_join import TableJoin

    return Alternating(TableJoin(node, builder.states, builder.name(node)))


def _foreign_key_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.alternating import Alternating
    from kshell.stream.ops.foreign_key_join import ForeignKeyJoin

    return Alternating(ForeignKeyJoin(node, builder.states, builder.name(node), builder.on_error))


_MAKERS: Mapping[type, Callable[[Any, _Builder], Operator]] = {
    plan.Explode: _explode,
    plan.ForeignKeyJoin: _foreign_key_join,
    plan.Project: _project,
    plan.Rekey: _rekey,
    plan.StreamJoin: _stream_join,
    plan.StreamTableJoin: _stream_table_join,
    plan.Suppress: _suppress,
    plan.TableJoin: _table_join,
}
