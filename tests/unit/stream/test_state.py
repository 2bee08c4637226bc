"""All that an operator knows is in the maps that it was handed: it can be stopped and go on."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kshell.stream.state import Clock, MemoryStates, Versions
from tests.streams.query import Query
from tests.streams.records import Record, records

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
L = f"CREATE STREAM L (K STRING KEY, V BIGINT) {_WITH.format('l')}"
R = f"CREATE STREAM R (K STRING KEY, V BIGINT) {_WITH.format('r')}"
LT = f"CREATE TABLE L (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('l')}"
RT = f"CREATE TABLE R (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('r')}"

_WITHIN = "WITHIN (9 MILLISECONDS, 4 MILLISECONDS) GRACE PERIOD 12 MILLISECONDS"


QUERIES = {
    "table": f"{LT} CREATE TABLE O AS SELECT K, V FROM L;",
    "table group by": f"{LT} CREATE TABLE O AS SELECT V, COUNT(*) AS N FROM L GROUP BY V;",
    "stream join": f"""{L} {R} CREATE STREAM O AS SELECT ROWKEY, L.V AS A, R.V AS B
        FROM L FULL OUTER JOIN R {_WITHIN} ON L.K = R.K;""",
    "table join": f"""{LT} {RT} CREATE TABLE O AS SELECT ROWKEY, L.V AS A, R.V AS B
        FROM L FULL OUTER JOIN R ON L.K = R.K;""",
    "foreign key join": f"""{LT} {RT} CREATE TABLE O AS SELECT L.K, L.V AS A, R.V AS B
        FROM L JOIN R ON ELT(CAST(L.V AS INTEGER), 'a', 'b', 'c') = R.K;""",
    "stream-table join": f"""{L} {RT} CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B
        FROM L LEFT JOIN R ON L.K = R.K;""",
}


class _Written(MutableMapping[Any, Any]):
    """A map that keeps bytes, as a durable one would: a value changed in place is not changed."""

    def __init__(self) -> None:
        self.entries: dict[bytes, bytes] = {}

    def __getitem__(self, key: Any) -> Any:
        return pickle.loads(self.entries[_bytes(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.entries[_bytes(key)] = pickle.dumps(value)

    def __delitem__(self, key: Any) -> None:
        del self.entries[_bytes(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter([pickle.loads(key) for key in self.entries])

    def __len__(self) -> int:
        return len(self.entries)


class _States:
    """Maps of bytes."""

    def __init__(self) -> None:
        self.maps: dict[str, _Written] = {}

    def map(self, name: str) -> MutableMapping[Any, Any]:
        return self.maps.setdefault(name, _Written())


def _bytes(key: Any) -> bytes:
    # Equal keys must give equal bytes: pickle would tell one string object from two equal ones.
    return pickle.dumps(pickle.loads(pickle.dumps(key)))


@pytest.mark.parametrize("name", QUERIES)
@settings(
    max_examples=8, derandomize=True, deadline=None, database=None, phases=[Phase.generate]
)
@given(given=records("lr", jumps=False), cut=st.integers(0, 30))
def test_a_query_goes_on_where_it_stopped(name: str, given: list[Record], cut: int) -> None:
    whole = Query.of(QUERIES[name])
    expected = [whole.made(record) for record in given]
    states = _States()
    first = Query.of(QUERIES[name], states)
    made = [first.made(record) for record in given[:cut]]
    second = Query.of(QUERIES[name], states)
    made += [second.made(record) for record in given[cut:]]
    assert made == expected


def test_clock() -> None:
    home: dict[Any, Any] = {}
    clock = Clock(home)
    assert clock.now == -1
    assert [clock.advance(t) for t in (0, 5, 3)] == [0, 5, 5]
    assert Clock(home).now == 5


def test_versions_of_one_key() -> None:
    versions = Versions(MemoryStates(), "v", 10)
    for time, value in ((5, "a"), (1, "b"), (10, "c")):
        versions.put("k", time, value)
    assert list(versions.between("k", 0, 99)) == [(1, "b"), (5, "a"), (10, "c")]
    versions.put("z", 11, "d")
    assert versions.get("k", 1) is None
    assert list(versions.between("k", 0, 9)) == [(5, "a")]
    versions.put("k", 1, "too old")
    assert versions.get("k", 1) is None


def test_what_is_old_is_dropped() -> None:
    """Memory has a bound: what is kept is what two retention times can hold."""
    states = MemoryStates()
    versions = Versions(states, "v", 10)
    for time in range(10_000):
        versions.put(time % 1000, time, time)
    assert len(states.maps["v"]) < 100


def test_a_stream_join_forgets() -> None:
    states = MemoryStates()
    query = Query.of(QUERIES["stream join"], states)
    for n in range(2000):
        query.made(Record("lr"[n % 2], str(n), (n,), n * 20))
    assert sum(map(len, states.maps.values())) < 100
