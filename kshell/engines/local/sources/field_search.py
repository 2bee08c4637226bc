"""Fields that no sample of a topic had, looked for in its records: the newest first, or in all.

`select` and `plans` search for a name that a query has and the samples do not; DESCRIBE … FULL
reads every record.  Only JSON without a schema is searched: a schema says what there is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import Source
from kshell.engines.local.sources.budget import Allowance
from kshell.engines.local.sources.lookup import Lookup
from kshell.engines.local.sources.sample import Sampled
from kshell.errors import BindError, CorruptRecord, UnknownName
from kshell.formats.base import Half, Learned
from kshell.formats.found import FoundJson, others_of
from kshell.formats.shapes import Shape
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode
from kshell.results import Progress
from kshell.types import parts

__all__ = ["FieldSearch", "all_sampled", "fields_of", "looked_at", "searches", "wanted_names"]

_MOST = 1_000_000  # records, from the end
_SECONDS = 5.0
_FIRST = 10_000  # records of the first of the parts, each of which is larger than the last
_GROWTH = 10


class FieldSearch:
    """One topic; `run` once.  `shape` is what was found, `counts` in how many records."""

    def __init__(self, lookup: Lookup, sampled: Sampled) -> None:
        self._lookup = lookup
        self._snapshot = lookup.snapshot(sampled.source.topic)
        self._client = lookup.client_of(sampled.source.topic)
        self._types, self._format = sampled.source.suggested, sampled.source.value_format
        self._reader = FoundJson(self._types, sampled.records)
        self._names = list(self._types)
        self._found: set[str] = set()
        self._began = time.monotonic()
        self._cancelled = False
        self._fetch: Fetch | None = None
        self._total, self._bytes = 0, 0
        self.shape = Shape()
        self.counts: Counter[str] = Counter()
        self.looked = 0
        self._allowance = Allowance(lookup.budget)

    @property
    def stopped(self) -> str:
        """What of kshell.scan.max.* ran out."""
        return self._allowance.spent

    def run(self, wanted: frozenset[str] | None) -> None:
        """Read until one of the names (folded) was met; None: everything.  Learns what was met."""
        self._began = time.monotonic()
        held = sum(end - first for first, end in self._snapshot.offsets.values())
        self._total = held if wanted is None else min(held, _MOST)
        pieces = iter([dict(self._snapshot.offsets)]) if wanted is None else self._newest()
        for ranges in pieces:
            if not self._read({p: r for p, r in ranges.items() if r[0] < r[1]}, wanted):
                break
            if wanted is not None and self._found & wanted:
                break
        learned = {(Half.VALUE, self._format): Learned(shape=self.shape)}
        self._lookup.widening.known.add(self._snapshot.topic, learned)

    def cancel(self) -> None:
        """Read no more."""
        self._cancelled = True
        if self._fetch is not None:
            self._fetch.cancel()

    def progress(self) -> Progress:
        """How far it is."""
        seconds = time.monotonic() - self._began
        return Progress(self.looked, self._total, seconds, self._bytes, "looking for fields")

    def _newest(self) -> Iterator[Mapping[int, tuple[int, int]]]:
        offsets = self._snapshot.offsets
        reached, size, left = {p: end for p, (_, end) in offsets.items()}, _FIRST, _MOST
        while left > 0:
            each = max(min(size, left) // len(offsets), 1)
            part = {p: (max(first, reached[p] - each), reached[p])
                    for p, (first, _) in offsets.items()}  # fmt: skip
            many = sum(end - start for start, end in part.values())
            if not many:
                return
            yield part
            reached = {p: start for p, (start, _) in part.items()}
            left -= many
            size *= _GROWTH

    def _read(
        self, ranges: Mapping[int, tuple[int, int]], wanted: frozenset[str] | None
    ) -> bool:
        """Whether there was time for all of it."""
        if not ranges or self._cancelled:
            return not self._cancelled
        fetch = self._fetch = Fetch(self._client, self._snapshot, ranges)
        before = self._bytes
        ends = {p: end for p, (_, end) in ranges.items()}
        for chunk, end in self._allowance.of(fetch, ends):
            try:
                values = decode(
                    chunk.records, Wanted(value=True), start=chunk.start, end=end,
                    aborted=chunk.aborted,
                ).batch.column("value")  # fmt: skip
            except CorruptRecord:
                continue  # a scan tells of it
            self._look_at(values)
            self._bytes = before + fetch.bytes
            late = wanted is not None and time.monotonic() - self._began > _SECONDS
            if late:
                fetch.cancel()
                return False
        return not self._cancelled and not self.stopped

    def _look_at(self, values: pa.Array) -> None:
        self.looked += len(values)
        found = self._reader.read(values, self._names, outer=True)
        misfits, bad = set(found.misfits), {row for row, _ in found.bad}
        for name, column in zip(self._names, found.columns, strict=True):
            self.counts[name] += len(column) - column.null_count
        others = set(found.others) - bad
        for part, own in ((misfits, True), (others, False)):
            shape = self._reader.shape(values, sorted(part), None)
            for name, inner in shape.fields.items():
                if own or name not in self._types:  # others were counted in their columns
                    self.counts[name] += inner.seen
            self.shape.merge(shape)
        for row in misfits | others:
            for path in others_of(values[row].as_py(), self._types, self._names, outer=True):
                self._found.add(path.rpartition(".")[2].casefold())
        for name, type in self._types.items():
            if name in self.shape.fields and _lacks(type):
                self._found.add(name.casefold())


def searches(lookup: Lookup, tree: exp.Expr, error: BindError) -> list[FieldSearch]:
    """Of the topics of a query that was refused: those whose records may have what it names."""
    names = wanted_names(tree)
    unknown = _is_unknown(error) or "Could not find key" in error.what
    found = []
    for sampled in lookup.sampled():
        types = fields_of(sampled.source)
        unseen = any(n.casefold() in names for n, t in types.items() if _lacks(t))
        snapshot = lookup.snapshot(sampled.source.topic)
        held = sum(end - first for first, end in snapshot.offsets.values())
        if types and held > sampled.records and (unknown or unseen):
            found.append(FieldSearch(lookup, sampled))
    return found


def fields_of(source: Source) -> Mapping[str, pa.DataType]:
    """The fields that samples suggest of JSON; other formats say what there is."""
    return source.suggested if source.value_format.name == "JSON" else {}


def wanted_names(tree: exp.Expr) -> frozenset[str]:
    """The names and texts of a query, folded."""
    return frozenset(n.name.casefold() for n in tree.find_all(exp.Identifier, exp.Literal))


def _lacks(type: pa.DataType) -> bool:
    """Whether somewhere in it no sample had a value, or only empty objects."""
    if pa.types.is_struct(type) and not len(type):
        return True
    return pa.types.is_null(type) or any(map(_lacks, parts(type)))


def _is_unknown(error: BindError) -> bool:
    return isinstance(error, UnknownName) and error.kind in ("column", "field")


def looked_at(error: BindError, done: list[FieldSearch]) -> BindError:
    """The refusal after a search that did not help."""
    return _counted(error, sum(search.looked for search in done))


def all_sampled(lookup: Lookup, error: BindError) -> BindError:
    """The refusal where no search is needed: the samples are all that the topics have."""
    read = [s.records for s in lookup.sampled() if fields_of(s.source) or not s.records]
    return _counted(error, sum(read)) if read and _is_unknown(error) else error


def _counted(error: BindError, many: int) -> BindError:
    records = "1 record" if many == 1 else f"{many:,} records"
    error.what = f"{error.what.removesuffix('.')}; {records} looked at"
    error.args = (error.what,)
    return error
