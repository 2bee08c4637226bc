"""A continuous plan ready to run: connected operators that take one batch of changes at a time.

Engines and `kshell test` build it.  It is deterministic, without clock and network: the output
depends only on the input and its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind, WindowType
from kshell.changes import Changes
from kshell.errors import Unsupported
from kshell.sql import plan
from kshell.stream.aligned import aligned
from kshell.stream.evaluate import OnError, ignore_errors
from kshell.stream.kept import Collected, Computed, Current, Kept, repeats
from kshell.stream.state import Entries, Stateful

__all__ = ["Graph", "build"]

_EPOCH = pa.scalar(0, pa.int64())


class Operator(Protocol):
    """One node of the plan at work."""

    @property
    def step(self) -> Callable[..., Changes]:
        """The output for the next rows of each input: of the only one, or of the left and right.

        A join looks at their `order`, and its output has the place of the row that made each.  One
        whose output may be large has `steps` too, which gives it in parts; one in which rows wait
        has `rest`, which lets them go when no rows follow.
        """


class _Stage(Protocol):
    """A part of the plan at work, from its scans up."""

    def steps(self, batches: Mapping[int, Changes]) -> Iterator[Changes]:
        """What it makes of the next rows of the scans, in parts that have rows."""

    def rest(self) -> Iterator[Changes]:
        """What it makes when no rows follow."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scan's rows."""

    number: int

    def steps(self, batches: Mapping[int, Changes]) -> Iterator[Changes]:
        rows = batches.get(self.number)
        if rows:
            yield rows

    def rest(self) -> Iterator[Changes]:
        return iter(())


@dataclass(frozen=True, slots=True)
class _Inner:
    """An operator over the stages that it reads."""

    operator: Operator
    inputs: tuple[_Stage, ...]
    none: tuple[Changes, ...]  # no rows of each input

    def steps(self, batches: Mapping[int, Changes]) -> Iterator[Changes]:
        for parts in self._parts(batches):
            yield from self._made(parts)

    def rest(self) -> Iterator[Changes]:
        for number, stage in enumerate(self.inputs):
            for rows in stage.rest():
                none = self.none
                yield from self._made((*none[:number], rows, *none[number + 1 :]))
        if hasattr(self.operator, "rest") and (made := self.operator.rest()):
            yield made

    def _made(self, parts: tuple[Changes, ...]) -> Iterator[Changes]:
        if hasattr(self.operator, "steps"):
            yield from self.operator.steps(*parts)
        elif made := self.operator.step(*parts):
            yield made

    def _parts(self, batches: Mapping[int, Changes]) -> Iterator[tuple[Changes, ...]]:
        """The next rows of the inputs, at least one of which has some."""
        parts = [stage.steps(batches) for stage in self.inputs]
        if len(parts) == 1:
            yield from zip(*parts, strict=True)
            return
        for left, right in aligned(*parts):
            yield left or self.none[0], right or self.none[1]


@dataclass(frozen=True, slots=True)
class Graph:
    """The operators from the scans to the root; `scans` are the plan's, from the left."""

    root: plan.Node
    scans: tuple[plan.Scan, ...]
    stage: _Stage
    schema: pa.Schema
    operators: Mapping[str, Operator]  # by their places in the plan: "3.StreamJoin"
    on_error: OnError = ignore_errors
    kept: Kept | None = None

    def step(self, batches: Mapping[int, Changes]) -> Changes:
        """The changes of the root for the next rows of the scans, by the scans' numbers.

        A stream's rows come at +1 (0: a record without a value); a table's records at +1, its
        tombstones at -1 with the key alone: the graph keeps the rows that they replace.  A row from
        before 1970 is an error and is skipped, as in Streams.
        """
        return Changes.concat(self.steps(batches), self.schema)

    def steps(self, batches: Mapping[int, Changes]) -> Iterator[Changes]:
        """The same in parts, so that rows with many matches do not fill the memory.

        The next step may come when all parts were taken.
        """
        made = self.stage.steps({scan: self._since_1970(c) for scan, c in batches.items()})
        yield from self._kept(made)

    def rest(self) -> Iterator[Changes]:
        """What the root makes of rows that still waited; no step comes after it."""
        yield from self._kept(self.stage.rest())

    def _kept(self, made: Iterator[Changes]) -> Iterator[Changes]:
        for changes in made:
            if self.kept is not None:
                self.kept.put(changes)
            yield changes

    def rows(self) -> pa.RecordBatch:
        """The rows of the root's table as they are now, if the graph keeps them."""
        assert self.kept is not None
        return self.kept.rows()

    @property
    def late(self) -> int:
        """How many rows came after all their windows had closed."""
        return sum(getattr(operator, "late", 0) for operator in self.operators.values())

    def count(self) -> int:
        """How many keys and rows all operators keep."""
        return sum(operator.count() for _, operator in self._stateful())

    def snapshot(self) -> dict[str, Entries]:
        """The state of all operators: each part's name begins with its operator's place."""
        return self._parts("snapshot")

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time; everything the first time."""
        return self._parts("changed")

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either of them gave in a graph of the same plan."""
        for place, operator in self._stateful():
            start = f"{place}."
            mine = {n.removeprefix(start): e for n, e in parts.items() if n.startswith(start)}
            if mine:
                operator.load(mine)

    def _parts(self, method: str) -> dict[str, Entries]:
        return {
            f"{place}.{name}": entries
            for place, operator in self._stateful()
            for name, entries in getattr(operator, method)().items()
        }

    def _stateful(self) -> Iterator[tuple[str, Stateful]]:
        for place, operator in self.operators.items():
            if hasattr(operator, "snapshot"):
                yield place, cast(Stateful, operator)
        if hasattr(self.kept, "snapshot"):
            yield "kept", cast(Stateful, self.kept)

    def _since_1970(self, batch: Changes) -> Changes:
        times = batch.rows.column("ROWTIME")
        if np.fmin.reduce(np.asarray(times), initial=0) >= 0:
            return batch
        early = pc.less(times, _EPOCH)
        for row in batch.rows.filter(early).to_pylist():
            self.on_error(row, "ROWTIME", f"the time {row['ROWTIME']} ms is before 1970")
        return batch.filter(pc.invert(early))


def build(
    node: plan.Node,
    on_error: OnError = ignore_errors,
    *,
    keeps: bool = False,
    every_window: bool = False,
) -> Graph:
    """The plan's graph, whose operators have no state yet; raises Unsupported.

    If it `keeps`, a table's current rows can be read between two steps; with `every_window` also
    those whose retention is over.
    """
    builder = _Builder(on_error)
    stage = builder.stage(node)
    schema = node.output.schema()
    kept: Kept | None = None
    if keeps and node.output.kind is Kind.TABLE:
        whole = every_window and node.output.window is not None
        kept = Collected(node, every_window=True) if whole else builder.kept(node)
    return Graph(node, tuple(builder.scans), stage, schema, builder.operators, on_error, kept)


class _Builder:
    """Walks the plan once; numbers the operators in the order of the plan."""

    def __init__(self, on_error: OnError) -> None:
        self.on_error = on_error
        self.operators: dict[str, Operator] = {}
        self.scans: list[plan.Scan] = []
        self._places: dict[int, str] = {}
        self._looked_up: set[int] = set()

    def name(self, node: plan.Node) -> str:
        """The node's place in the plan, from the root: the name of its state."""
        number = len(self._places) + 1
        return self._places.setdefault(id(node), f"{number}.{type(node).__name__}")

    def stage(self, node: plan.Node) -> _Stage:
        """The operators of the node and of all below."""
        name = self.name(node)
        table = node.output.kind is Kind.TABLE
        looked_up = table and isinstance(node, plan.Scan) and id(node) in self._looked_up
        operator = None if looked_up else self._operator(node)
        if operator is not None:
            self.operators[name] = operator
        # A join keeps the tables that it reads, so that their scans need not.
        if isinstance(node, plan.StreamTableJoin | plan.TableJoin | plan.ForeignKeyJoin):
            self._looked_up.update(map(id, plan.children(node)))
        # EMIT FINAL runs its aggregate itself.
        inner = node.input if isinstance(node, plan.Suppress) else node
        inputs = tuple(self.stage(child) for child in plan.children(inner))
        if isinstance(node, plan.Scan):
            inputs = (_Leaf(len(self.scans)),)
            self.scans.append(node)
        if operator is None:
            return inputs[0]
        none = tuple(Changes.none(child.output.schema()) for child in plan.children(inner))
        return _Inner(operator, inputs, none)

    def kept(self, root: plan.Node) -> Kept:
        """The table's rows of the last state that says them, else collected."""
        reader = _Builder(ignore_errors)  # a row's error was reported when it came
        above: list[Operator] = []
        node = root.input if isinstance(root, plan.Answer | plan.Sink) else root
        top = node
        while isinstance(node, plan.Project | plan.Filter):
            if isinstance(node, plan.Project):
                expressions = [named.expression for named in (*node.key, *node.value)]
            else:
                expressions = [node.predicate]
            if not repeats(expressions):
                return Collected(top)
            stage = reader._operator(node)
            assert stage is not None
            above.insert(0, stage)
            node = node.input
        operator = self.operators.get(self.name(node))
        if hasattr(operator, "current") and not isinstance(node, plan.Suppress):
            return Computed(cast(Current, operator), above)
        return Collected(top)

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
        return TableSource(node)

    def _filter(self, node: plan.Filter) -> Operator:
        from kshell.stream.ops import linear

        if node.output.kind is Kind.STREAM:
            return linear.StreamFilter(node, self.on_error)
        return linear.TableFilter(node, self.on_error)

    def _group_by(self, node: plan.Aggregate) -> Operator:
        from kshell.stream.ops.aggregate import TableAggregate

        if node.input.output.kind is Kind.TABLE:
            return TableAggregate(node, self.on_error)
        return self.grouped(node, final=False)

    def grouped(self, node: plan.Aggregate, final: bool) -> Operator:
        """GROUP BY of a stream; `final` gives a window out when it closes."""
        from kshell.stream.ops.columnar import ColumnarAggregate
        from kshell.stream.ops.session import SessionAggregate
        from kshell.stream.ops.sliding import SlidingAggregate

        made: Any = ColumnarAggregate
        if node.window is not None and node.window.type is WindowType.SESSION:
            made = SessionAggregate
        if node.window is not None and node.window.type is WindowType.SLIDING:
            made = SlidingAggregate
        return made(node, self.on_error, final)  # type: ignore[no-any-return]


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
    return builder.grouped(node.input, final=True)


def _stream_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.stream_join import StreamJoin

    return StreamJoin(node)


def _stream_table_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.stream_table_join import StreamTableJoin

    return StreamTableJoin(node)


def _table_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.table_join import TableJoin

    return TableJoin(node)


def _foreign_key_join(node: Any, builder: _Builder) -> Operator:
    from kshell.stream.ops.foreign_key_join import ForeignKeyJoin

    return ForeignKeyJoin(node, builder.on_error)


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
