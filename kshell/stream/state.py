"""Where operators keep what they know between batches: a protocol, and dictionaries behind it.

`graph.build` hands each operator maps made by a `States`.  Keys are tuples of values that Arrow can
write, values are tuples and lists of such: a durable store needs no other knowledge of them.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["MemoryStates", "States", "Versions"]


class States(Protocol):
    """Makes an operator's maps; `name` is the same at every start of the same plan."""

    def map(self, name: str) -> MutableMapping[Any, Any]:
        """A map from a key to a value."""


@dataclass(slots=True)
class MemoryStates:
    """Maps in memory, gone with the process."""

    maps: dict[str, dict[Any, Any]] = field(default_factory=dict)

    def map(self, name: str) -> MutableMapping[Any, Any]:
        """The map of that name."""
        return self.maps.setdefault(name, {})


class Versions:
    """Values per key in order of a time, expired in Streams' way.

    A version is visible while its time is above `newest - retention`, where `newest` is the latest
    time that was ever put.

    >>> v = Versions({}, 10)
    >>> v.put("k", 1, "a"); v.put("k", 11, "b")
    >>> list(v.between("k", 0, 20))
    [(11, 'b')]
    """

    def __init__(self, home: MutableMapping[Any, Any], retention: int) -> None:
        self.home, self.retention = home, retention
        self.newest = -1
        self._swept = 0

    def put(self, key: Any, time: int, value: Any) -> None:
        """Set the value of that time; one too old is not kept."""
        self.newest = max(self.newest, time)
        if time <= self.newest - self.retention:
            return
        self.home.setdefault(key, {})[time] = value
        self._sweep()

    def append(self, key: Any, time: int, value: Any) -> None:
        """Add one more value to that time's."""
        self.newest = max(self.newest, time)
        if time <= self.newest - self.retention:
            return
        self.home.setdefault(key, {}).setdefault(time, []).append(value)
        self._sweep()

    def get(self, key: Any, time: int) -> Any:
        """The value of that very time, or None."""
        if time <= self.newest - self.retention:
            return None
        return self.home.get(key, {}).get(time)

    def remove(self, key: Any, time: int) -> None:
        """Forget that time's value."""
        versions = self.home.get(key)
        if versions is not None:
            versions.pop(time, None)
            if not versions:
                del self.home[key]

    def between(self, key: Any, first: int, last: int) -> Iterator[tuple[int, Any]]:
        """(time, value) from `first` to `last`, both included, earliest first."""
        first = max(first, self.newest - self.retention + 1)
        versions = self.home.get(key)
        if versions:
            times = sorted(t for t in versions if first <= t <= last)
            for time in times:
                yield time, versions[time]

    def _sweep(self) -> None:
        """Drop what nobody can see any more, now and then."""
        bound = self.newest - self.retention
        if bound - self._swept <= self.retention:
            return
        self._swept = bound
        for key in list(self.home):
            versions = self.home[key]
            for time in [t for t in versions if t <= bound]:
                del versions[time]
            if not versions:
                del self.home[key]
