"""The state topic of a durable query: what its records are, and how it is read.

`query` writes them in the transactions of its outputs.  By their keys:
    h                       the header: version, statement, fingerprint
    n                       the owner: the process that runs the query, or ran it last
    o                       where the query stands: offsets of all inputs, number of the commit
    s/<epoch>/<state>/<n>   a snapshot: the whole of a part of the state, as of its epoch's commit
    d/<seq>/<state>/<n>     a delta: what one commit changed of it since
Values are absolute, so a delta replaces what was there before.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kshell.engines.local.continuous.time_order import Lane, Stand
from kshell.engines.local.durable.packing import PIECE, pack, unpack
from kshell.errors import KshellError, Outage, UsageError
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot, Topic
from kshell.kafka.outgoing import Outgoing, OutgoingRecord
from kshell.kafka.records import Wanted, decode
from kshell.stream.state import Entries

__all__ = ["VERSION", "Header", "Ledger", "Owner", "Saved", "Standing", "claim", "decided",
           "end_of", "first_offsets", "glance", "is_state", "last_owner", "query_id", "query_of",
           "records_between", "saved_of", "state_topic"]  # fmt: skip

VERSION = 1  # of what the records are; a later kshell reads earlier ones
_STATE = re.compile(r"_kshell\.([^.]+)\.(.+)\.state")
_TAIL = 8  # records at the end of the topic that are looked at first
_LEAST = 1 << 20  # bytes of deltas before which no snapshot is worth while
_MANY = 1000  # deltas before which none is
_AROUND = 512  # bytes of a batch and of a key, beside a record's value
_EACH = 1 << 16  # bytes of snapshot for each delta more
_WANTED = Wanted(offset=True, timestamp=True, key=True, value=True)


def state_topic(application: str, query: str) -> str:
    """The name of a query's state topic."""
    return f"_kshell.{application}.{query}.state"


def query_of(topic: str) -> tuple[str, str] | None:
    """The application and the query of a state topic; None for any other topic.

    >>> query_of(state_topic("a", "B.c")), query_of("orders")
    (('a', 'B.c'), None)
    """
    named = _STATE.fullmatch(topic)
    return None if named is None else (named[1], named[2])


def query_id(application: str, query: str) -> str:
    """The query's transactional id, and the group of its offsets."""
    return f"kshell.{application}.{query}"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that runs a query; `left` is when it ended by itself, else 0, and `error` why."""

    nonce: str
    host: str
    pid: int
    since: int
    left: int = 0
    error: str = ""  # of a query that failed

    @classmethod
    def here(cls) -> Owner:
        """This process, as a new owner."""
        return cls(uuid.uuid4().hex, socket.gethostname(), os.getpid(), _now())


@dataclass(frozen=True, slots=True)
class Header:
    """What the state is of; a fingerprint is compared by `fingerprint`."""

    statement: str
    fingerprint: Sequence[Mapping[str, Any]]
    kshell: str  # the version that wrote it
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a query stood at a commit."""

    nonce: str
    lanes: Mapping[Lane, Stand]
    topics: Mapping[str, str]  # ids by name: of all inputs and of the sink
    seq: int = 0
    epoch: int = 0  # the number of the commit that wrote the snapshot
    time: int = 0
    snapshot: int = 0  # bytes
    deltas: int = 0  # bytes
    count: int = 0  # deltas since the snapshot
    keys: int = 0  # and rows that the state has
    host: str = ""  # of the process that made it
    pid: int = 0
    reads: tuple[str, ...] = ()  # the topic of each scan

    def written(self) -> bytes:
        """As a record's value."""
        lanes = [[*lane, stand.next, stand.last] for lane, stand in self.lanes.items()]
        return _json({**asdict(replace(self, lanes={})), "lanes": lanes})

    @classmethod
    def of(cls, value: bytes) -> Standing:
        """A record's value."""
        found = json.loads(value)
        lanes = {(scan, p): Stand(next, last) for scan, p, next, last in found.pop("lanes")}
        reads = tuple(found.pop("reads", ()))
        return cls(lanes=lanes, reads=reads, **found)

    def offsets(self) -> dict[tuple[str, int], int]:
        """The next offset of each topic and partition; of scans that share one, the first."""
        return first_offsets(self.lanes, self.reads)


def first_offsets(
    lanes: Mapping[Lane, Stand], reads: Sequence[str]
) -> dict[tuple[str, int], int]:
    """The next offset of each topic and partition; `reads` has the topic of each scan."""
    offsets: dict[tuple[str, int], int] = {}
    for (scan, partition), stand in lanes.items():
        if scan < len(reads):
            place = reads[scan], partition
            offsets[place] = min(stand.next, offsets.get(place, stand.next))
    return offsets


@dataclass(frozen=True, slots=True)
class Saved:
    """All that a state topic holds; `end` is the offset up to which it was read."""

    header: Header | None = None
    owner: Owner | None = None
    standing: Standing | None = None
    snapshot: Mapping[str, Entries] = field(default_factory=dict)
    deltas: Sequence[Mapping[str, Entries]] = ()
    keys: Sequence[bytes] = ()  # of all records of the state


class Ledger:
    """Makes the records of commits, and knows which of them a snapshot replaces."""

    def __init__(
        self, header: Header, owner: Owner, saved: Saved, reads: Sequence[str],
        largest: int | None = None,
    ) -> None:  # fmt: skip
        """`largest` is how many bytes a batch of the topic may have."""
        self._header: Header | None = header  # until it is written
        self._owner, self._reads = owner, tuple(reads)
        self._piece = max(min((largest or PIECE) - _AROUND, PIECE), _AROUND)
        self._keys = list(saved.keys)
        self.standing = saved.standing or Standing(owner.nonce, {}, {})

    @property
    def wants_snapshot(self) -> bool:
        """Whether the next commit is to write the whole state."""
        now = self.standing
        heavy = now.deltas > max(2 * now.snapshot, _LEAST)
        return heavy or now.count > max(_MANY, now.snapshot // _EACH)

    def commit(
        self, parts: Mapping[str, Entries], lanes: Mapping[Lane, Stand], topics: Mapping[str, str],
        *, whole: bool, keys: int,
    ) -> Outgoing:  # fmt: skip
        """The records of a commit, and from then on it counts as made.

        `parts` are what changed, or all of the state where they are `whole`; `keys` are how many
        it has.
        """
        before, records = self.standing, list[tuple[bytes, bytes | None]]()
        seq = before.seq + 1
        kind, size = "s" if whole else "d", 0
        for name, entries in parts.items():
            if not entries.keys.num_rows and not whole:
                continue
            for n, piece in enumerate(pack(entries, self._piece)):
                records.append((f"{kind}/{seq}/{name}/{n}".encode(), piece))
                size += len(piece)
        written = [key for key, _ in records]
        if whole:
            records += [(key, None) for key in self._keys]
            self._keys = written
            self.standing = Standing(
                self._owner.nonce, lanes, topics, seq, seq, _now(), size
            )
        else:
            self._keys += written
            self.standing = replace(
                before, nonce=self._owner.nonce, lanes=lanes, topics=topics, seq=seq, time=_now(),
                deltas=before.deltas + size, count=before.count + bool(written),
            )  # fmt: skip
        self.standing = replace(
            self.standing, keys=keys, host=self._owner.host, pid=self._owner.pid, reads=self._reads
        )
        if self._header is not None:
            records.append((b"h", _json(asdict(self._header))))
            self._header = None
        records.append((b"o", self.standing.written()))
        return _records(records)


def claim(owner: Owner, *, left: bool = False, error: str = "") -> Outgoing:
    """The first record of an owner, which who had the query before sees; or its last."""
    now = replace(owner, left=_now() if left else 0, error=error)
    return _records([(b"n", _json(asdict(now)))])


def decided(client: Client, topic: Topic) -> Saved:
    """What was committed before the first transaction that is open; waits for nothing."""
    first, end = client.snapshot(topic, "read_committed").check_whole().offsets[0]
    last: dict[bytes, bytes] = {}
    for key, value in records_between(client, topic, first, end, lambda fetch: None):
        if value is None:
            last.pop(key, None)
        else:
            last[key] = value
    return saved_of(last)


def is_state(key: bytes) -> bool:
    """Whether a record has a part of the state."""
    return key[:2] in (b"s/", b"d/")


def saved_of(last: Mapping[bytes, bytes]) -> Saved:
    """The state that the last values of all keys say; raises UsageError for a later version."""
    header = owner = standing = None
    if b"h" in last:
        found = json.loads(last[b"h"])
        if found["version"] > VERSION:
            raise UsageError(
                f"the state was written by kshell {found['kshell']}, which is newer than this one",
                hint=f"kshell {found['kshell']} or later reads it",
            )
        header = Header(**found)
    if b"n" in last:
        owner = Owner(**json.loads(last[b"n"]))
    if b"o" in last:
        standing = Standing.of(last[b"o"])
    pieces: dict[tuple[str, int], dict[str, dict[int, bytes]]] = {}
    keys = [key for key in last if is_state(key)]
    for key in keys:
        kind, seq, rest = key.decode().split("/", 2)
        name, _, n = rest.rpartition("/")
        pieces.setdefault((kind, int(seq)), {}).setdefault(name, {})[int(n)] = last[key]
    parts = {
        at: {name: unpack(found[n] for n in sorted(found)) for name, found in names.items()}
        for at, names in pieces.items()
    }
    epoch = 0 if standing is None else standing.epoch
    deltas = [parts[at] for at in sorted(parts) if at[0] == "d" and at[1] > epoch]
    return Saved(header, owner, standing, parts.get(("s", epoch), {}), deltas, keys)


def end_of(client: Client, topic: Topic) -> int:
    """The end of what is decided."""
    return client.snapshot(topic, "read_committed").check_whole().offsets[0][1]


def glance(client: Client, topic: Topic) -> Saved:
    """Where the query stood at its last commit, and the owner if its record is near the end.

    Reads the end of the topic alone; `deltas` and `snapshot` are empty.
    """
    first, end = client.snapshot(topic, "read_committed").check_whole().offsets[0]
    size = _TAIL
    while True:
        start, last = max(first, end - size), dict[bytes, bytes]()
        for key, value in records_between(client, topic, start, end, lambda fetch: None):
            if key in (b"n", b"o") and value is not None:
                last[key] = value
        if b"o" in last or start == first:
            return saved_of(last)
        size *= 8


def last_owner(client: Client, topic: Topic, hold: Callable[[Fetch], None]) -> str:
    """The nonce of the last owner that has committed; every commit ends with it."""
    first, end = client.snapshot(topic, "read_committed").check_whole().offsets[0]
    size = _TAIL
    while True:
        start, nonce = max(first, end - size), ""
        for key, value in records_between(client, topic, start, end, hold):
            if key in (b"n", b"o") and value is not None:
                nonce = json.loads(value)["nonce"]
        if nonce or start == first:
            return nonce
        size *= 8


def records_between(
    client: Client, topic: Topic, first: int, end: int, hold: Callable[[Fetch], None]
) -> Iterator[tuple[bytes, bytes | None]]:
    """The committed records of the only partition, of the offsets [first, end).

    `hold` gets the read, which may be cancelled.
    """
    if first >= end:
        return
    fetch = Fetch(client, Snapshot(topic, {0: (first, end)}, 1), {0: (first, end)})
    hold(fetch)
    for chunk in fetch:
        found = decode(
            chunk.records, _WANTED, start=chunk.start, end=end, aborted=chunk.aborted
        )
        if found.bad:
            raise KshellError(f"topic {topic.name}: {found.bad[0].reason}")
        keys, values = (found.batch.column(n).to_pylist() for n in ("key", "value"))
        yield from zip(keys, values, strict=True)
    if fetch.position[0] < end:
        raise Outage(f"the read of {topic.name} was stopped")


def _records(records: Sequence[tuple[bytes, bytes | None]]) -> Outgoing:
    return Outgoing.of(OutgoingRecord(key, value) for key, value in records)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _now() -> int:
    return time.time_ns() // 1_000_000
