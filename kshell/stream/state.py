"""The state that operators keep between batches: a protocol, and dictionaries that implement it.

`graph.build` gives each operator maps made by a `States`, which also hold stream time.  Keys are
tuples of values that Arrow can write; values are tuples, lists and dictionaries of these.  An
operator that changes a value puts it back.  A durable store needs no other rules.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Clock", "MemoryStates", "States", "Versions"]

_NOW = ()
_AT_ONCE = 64  # keys that one put checks, so that no record waits for a check of all keys


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
