"""The state that operators keep between batches: a protocol, and dictionaries that implement it.

`graph.build` gives each operator maps made by a `States`, which also hold stream time.  Keys are
tuples of values that Arrow can write; values are tuples, lists and dictionaries of these.  An
operator that changes a value puts it back.  A durable store needs no other rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

__all__ = ["Clock", "Entries", "MemoryStates", "Stateful", "States", "Versions"]

_NOW = ()
_AT_ONCE = 64  # keys that one put checks, so that no record waits for a check of all keys


@dataclass(frozen=True, slots=True)
class Entries:
    """A part of an operator's state, or what changed of it: values by their keys, absolute.

    `values` are rows, or plain tuples where Arrow has no type for them; at keys that are `gone`
    they mean nothing.
    """

    keys: pa.RecordBatch
    values: pa.RecordBatch | Sequence[tuple[Any, ...]]
    gone: pa.BooleanArray

    @classmethod
    def of(
        cls,
        keys: pa.RecordBatch,
        values: pa.RecordBatch | Sequence[tuple[Any, ...]],
        gone: pa.RecordBatch | None = None,
    ) -> Entries:
        """Values by their keys, and keys that are gone.

        >>> key = pa.record_batch({"k": ["a"]})
        >>> Entries.of(key, [(1, [2, 3])], pa.record_batch({"k": ["b"]})).gone.to_pylist()
        [False, True]
        """
        more = 0 if gone is None else gone.num_rows
        lost = [False] * keys.num_rows + [True] * more
        if gone is not None and more:
            keys = pa.concat_batches([keys, gone])
            if isinstance(values, pa.RecordBatch):
                none = [pa.nulls(more, f.type) for f in values.schema]
                blank = pa.RecordBatch.from_arrays(none, names=values.schema.names)
                values = pa.concat_batches([values, blank.cast(values.schema)])
            else:
                values = [*values, *((),) * more]
        return cls(keys, values, pa.array(lost, pa.bool_()))

    @classmethod
    def numbers(cls, **values: int) -> Entries:
        """Single numbers by name: clocks and such.

        >>> Entries.numbers(now=5).named()
        {'now': 5}
        """
        names = pa.record_batch({"name": pa.array(list(values), pa.string())})
        numbers = pa.record_batch({"value": pa.array(list(values.values()), pa.int64())})
        return cls.of(names, numbers)

    def named(self) -> dict[str, int]:
        """What `numbers` was given."""
        assert isinstance(self.values, pa.RecordBatch)
        names, values = self.keys.column(0).to_pylist(), self.values.column(0).to_pylist()
        return dict(zip(names, values, strict=True))


class Stateful(Protocol):
    """An operator whose state can be taken out and put into another of the same plan."""

    def snapshot(self) -> dict[str, Entries]:
        """Everything, by the name of the part."""

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time; everything the first time."""

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either of them gave, on top of what is there."""


class States(Protocol):
    """Makes an operator's maps; a map has the same `name` at every start of the same plan."""

    def map(self, name: str) -> MutableMapping[Any, Any]:
        """A map from a key to a value."""


@dataclass(slots=True)
class MemoryStates:
    """Maps in memory, gone with the process."""

    maps: dict[str, dict[Any, Any]] = field(default_factory=dict)

    def map(self, name: str) -> MutableMapping[Any, Any]:
        """The map of that name."""
        return self.maps.setdefault(name, {})


class Clock:
    """The latest time so far, kept in a map; -1 before the first.

    >>> clock = Clock({})
    >>> clock.advance(5), clock.advance(3), clock.now
    (5, 5, 5)
    """

    def __init__(self, home: MutableMapping[Any, Any]) -> None:
        self._home = home

    @property
    def now(self) -> int:
        """The latest time."""
        return self._home.get(_NOW, -1)  # type: ignore[no-any-return]

    def advance(self, at: int) -> int:
        """The latest time, with this one."""
        now: int = self._home.get(_NOW, -1)
        if at <= now:
            return now
        self._home[_NOW] = at
        return at


class Versions:
    """Values per key in order of a time, expired in Streams' way.

    A version is visible while its time is above the latest time ever put minus the retention.
    Other versions are dropped step by step.

    >>> v = Versions(MemoryStates(), "v", 10)
    >>> v.put("k", 1, "a"); v.put("k", 11, "b")
    >>> list(v.between("k", 0, 20))
    [(11, 'b')]
    """

    def __init__(self, states: States, name: str, retention: int) -> None:
        self.home = states.map(name)  # key → time → value
        self.retention = retention
        self._clock = Clock(states.map(f"{name}.time"))
        self._swept = 0
        self._unswept: list[Any] = []

    @property
    def expired_until(self) -> int:
        """The latest time that is not visible any more."""
        return self._clock.now - self.retention

    def put(self, key: Any, time: int, value: Any) -> None:
        """Set the value of that time; a version that is too old is not kept."""
        expired = self._clock.advance(time) - self.retention
        if time > expired:
            versions = self.home.get(key) or {}
            versions[time] = value
            self.home[key] = versions
            self._sweep(expired)

    def append(self, key: Any, time: int, value: Any) -> None:
        """Add one more value at that time."""
        expired = self._clock.advance(time) - self.retention
        if time > expired:
            versions = self.home.get(key) or {}
            versions.setdefault(time, []).append(value)
            self.home[key] = versions
            self._sweep(expired)

    def put_at(self, key: Any, time: int, place: Any, value: Any) -> None:
        """Set the value of that time and place."""
        expired = self._clock.advance(time) - self.retention
        if time > expired:
            versions = self.home.get(key) or {}
            versions.setdefault(time, {})[place] = value
            self.home[key] = versions
            self._sweep(expired)

    def remove(self, key: Any, time: int, place: Any) -> None:
        """Forget the value of that time and place."""
        versions = self.home[key]
        del versions[time][place]
        if not versions[time]:
            del versions[time]
        if versions:
            self.home[key] = versions
        else:
            del self.home[key]

    def get(self, key: Any, time: int) -> Any:
        """The value of exactly that time, or None."""
        if time <= self.expired_until:
            return None
        versions = self.home.get(key)
        return None if versions is None else versions.get(time)

    def between(self, key: Any, first: int, last: int) -> Iterator[tuple[int, Any]]:
        """(time, value) from `first` to `last`, both included, earliest first."""
        first = max(first, self.expired_until + 1)
        versions = self.home.get(key)
        if versions:
            times = sorted(t for t in versions if first <= t <= last)
            for time in times:
                yield time, versions[time]

    def _sweep(self, expired: int) -> None:
        """Drop some versions that are not visible; checks all keys once in each `retention`."""
        if not self._unswept:
            if expired - self._swept <= self.retention:
                return
            self._swept = expired
            self._unswept = list(self.home)
        for key in self._unswept[-_AT_ONCE:]:
            versions = self.home.get(key)
            if versions is None:
                continue
            kept = {t: v for t, v in versions.items() if t > expired}
            if not kept:
                del self.home[key]
            elif len(kept) < len(versions):
                self.home[key] = kept
        del self._unswept[-_AT_ONCE:]
