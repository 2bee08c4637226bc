"""What a topic reads for a predicate has every record that the predicate is true of."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.batch.pushdown import Narrowing, bounds_of
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources import topic as topic_module
from kshell.engines.local.sources.budget import Budget
from kshell.engines.local.sources.learned import Known, Widening
from kshell.engines.local.sources.topic import TopicRead, TopicTable
from kshell.kafka.metadata import Partition, Snapshot, Topic
from kshell.kafka.partitioner import partition_for
from kshell.types import STRING

PARTITIONS = 3


class Broker:
    """Records in memory: [(partition, time, key)], offsets in that order."""

    def __init__(self, records: list[tuple[int, int, str]]) -> None:
        self.logs = {p: [(t, k) for at, t, k in records if at == p] for p in range(PARTITIONS)}

    def offsets_at(self, snapshot: Snapshot, wanted: dict[int, int]) -> dict[int, int]:
        """As a broker does: -1 for none; it has no search for times before 0."""
        assert all(time >= 0 for time in wanted.values())
        return {p: next((n for n, (t, _) in enumerate(self.logs[p]) if t >= time), -1) for p, time in wanted.items()}

    def configs(self, name: str) -> list[tuple[str, str, bool]]:
        return [("message.timestamp.type", "LogAppendTime", False)]


def table(broker: Broker, properties: dict[str, str]) -> TopicTable:
    made = Topic("t", bytes(16), False, tuple(Partition(n, 0, (0,), (0,)) for n in range(PARTITIONS)))
    snapshot = Snapshot(made, {p: (0, len(log)) for p, log in broker.logs.items()}, 0)
    text = FormatSpec("KAFKA", {})
    source = Source(
        name="t", kind=Kind.STREAM, topic="t", key=(Column("ROWKEY", STRING),), value=(Column("VALUE", STRING),),
        key_format=text, value_format=text, declared=False,
    )  # fmt: skip
    budget = Budget(Properties())
    read = TopicRead(broker, snapshot, source, ErrorLog(), budget, Properties(properties), Widening(Known()))  # type: ignore[arg-type]
    return TopicTable(read)


def holds(test: Narrowing, record: dict[str, object]) -> bool:
    value = record[test.column]
    match test.op:
        case "IN":
            return value in test.values
        case "=":
            return value == test.values[0]
        case "<":
            return value < test.values[0]  # type: ignore[operator]
        case "<=":
            return value <= test.values[0]  # type: ignore[operator]
        case ">":
            return value > test.values[0]  # type: ignore[operator]
        case _:
            return value >= test.values[0]  # type: ignore[operator]


times = st.sampled_from([-1, 0, 1, 5, 1000, 2**53, 2**63 - 1])
records = st.lists(st.tuples(st.integers(0, PARTITIONS - 1), times, st.sampled_from("abc")), max_size=12)
numbers = st.one_of(times, st.sampled_from([-(10**30), 10**30, float("inf"), float("-inf"), -0.5, 2.5, 1e300]))
compared = st.builds(
    lambda column, op, value: Narrowing(column, True, op, (value,)),
    st.sampled_from(["ROWTIME", "ROWOFFSET", "ROWPARTITION"]), st.sampled_from(["<", "<=", "=", ">", ">="]), numbers,
)  # fmt: skip
keyed = st.builds(lambda keys: Narrowing("ROWKEY", False, "IN", tuple(keys)), st.lists(st.sampled_from("abcd"), min_size=1))


@settings(deadline=None, max_examples=300)
@given(records, st.lists(st.one_of(compared, keyed), max_size=3))
def test_no_record_that_passes_is_left_unread(given_records, tests) -> None:
    broker = Broker(given_records)
    found = table(broker, {})
    read = {r.partition: (r.start, r.end) for r in found.ranges(bounds_of(tests, found.keys))}
    for p, log in broker.logs.items():
        for offset, (time, key) in enumerate(log):
            record = {"ROWTIME": time, "ROWOFFSET": offset, "ROWPARTITION": p, "ROWKEY": key}
            if all(holds(test, record) for test in tests):
                start, end = read[p]
                assert start <= offset < end


def test_the_keys_partition_is_read_alone_where_the_user_says_who_chose_it(monkeypatch) -> None:
    monkeypatch.setattr(topic_module, "keys_are_placed", lambda client, snapshot: True)
    broker = Broker([(n % PARTITIONS, n, "a") for n in range(9)])
    for partitioner, partitions in (("other", [0, 1, 2]), ("murmur2", [partition_for(b"a", PARTITIONS)])):
        found = table(broker, {"kshell.partitioner": partitioner})
        bounds = bounds_of([Narrowing("ROWKEY", False, "=", ("a",))], found.keys)
        assert [r.partition for r in found.ranges(bounds)] == partitions
