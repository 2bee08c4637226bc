"""The record of a live row: the places that travel with the rows, and what is read at a place."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.changes import Changes
from kshell.config import Properties
from kshell.errors import KafkaError, Outage
from kshell.kafka.produce import Producer
from kshell.results import Live
from kshell.session import Session
from kshell.sql import plan
from kshell.sql.row_places import with_places

COUNT = 30
Begin = Callable[[str], Live]


def value(n: int) -> str:
    return f'{{"id":{n},"sums":[{n},{n + 1}],"note":"n{n}"}}'


@pytest.fixture(scope="module")
def topic(demo) -> str:
    """Records of four partitions, each with a key, a header and a time of its own."""
    name = f"t{uuid.uuid4().hex[:8]}"
    producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    for n in range(COUNT):
        headers = [("trace", f"h{n}".encode())]
        producer.send(name, [(f"k{n}".encode(), value(n).encode(), 1_000 + n, n % 4, headers)])
    producer.flush()
    return name


def opened(demo, *, opens: bool) -> Session:
    properties = {"bootstrap.servers": demo.bootstrap, "auto.offset.reset": "earliest"}
    return Session(Properties(properties), opens_records=opens)


@pytest.fixture
def watching(demo) -> Iterator[Session]:
    """A session whose live rows are watched by a person."""
    made = opened(demo, opens=True)
    yield made
    made.close()


@pytest.fixture
def begin(watching: Session) -> Begin:
    def of(sql: str) -> Live:
        (*_, live) = watching.execute(sql)
        assert isinstance(live, Live)
        return live

    return of


def read(live: Live) -> Changes:
    """All changes of a query with a LIMIT."""
    parts = []
    while (part := live.poll(1)) is not None:
        parts.append(part)
    live.cancel()
    return Changes.concat(parts, live.schema)


def at(live: Live, partition: int, offset: int) -> dict[str, object]:
    """The record there, as PRINT shows it."""
    assert live.record is not None
    printed = live.record(partition, offset)
    while (part := printed.poll(1)) is not None:
        if len(part):
            (row,) = part.rows.to_pylist()
            return row
    raise AssertionError("nothing was read")


SELECTS = {
    "all": ("SELECT * FROM {t} EMIT CHANGES LIMIT 30", "id", 1),
    "one": ("SELECT id AS x FROM {t} EMIT CHANGES LIMIT 30", "x", 1),
    "computed": ("SELECT id * 3 AS x FROM {t} WHERE id > 4 EMIT CHANGES LIMIT 25", "x", 3),
    "named": ("SELECT ROWOFFSET AS o, id AS x FROM {t} EMIT CHANGES LIMIT 30", "x", 1),
    "hides": ("SELECT id AS x, id AS \"rowpartition\" FROM {t} EMIT CHANGES LIMIT 30", "x", 1),
    "exploded": ("SELECT id AS x, EXPLODE(sums) AS s FROM {t} EMIT CHANGES LIMIT 60", "x", 1),
}


@pytest.mark.parametrize("name", SELECTS)
def test_a_row_has_the_place_of_its_record(begin: Begin, topic: str, name: str) -> None:
    sql, column, times = SELECTS[name]
    live = begin(sql.format(t=topic))
    changes = read(live)
    assert "ROWOFFSET" not in changes.rows.schema.names
    assert changes.rows.schema == live.schema
    assert changes.places is not None
    places = changes.places.to_pylist()
    assert len(places) == len(changes) > 0
    for row, place in list(zip(changes.rows.to_pylist(), places, strict=True))[::7]:
        found = at(live, place["ROWPARTITION"], place["ROWOFFSET"])
        assert json.loads(str(found["value"]))["id"] * times == row[column]


def test_the_record_is_whole(begin: Begin, topic: str) -> None:
    live = begin(f"SELECT id FROM {topic} EMIT CHANGES LIMIT 1")
    read(live)
    found = at(live, 2, 3)  # the fourth of partition 2
    assert found == {
        "topic": topic, "partition": 2, "offset": 3, "timestamp": 1014, "key": "k14",
        "headers": [{"KEY": "trace", "VALUE": b"h14"}], "value": value(14), "error": None,
    }  # fmt: skip


def test_a_declared_stream_has_its_topics_whole_value(begin: Begin, topic: str) -> None:
    live = begin(
        f"CREATE STREAM s (id INT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON');"
        "SELECT id FROM s EMIT CHANGES LIMIT 3;"
    )
    place = read(live).places
    assert place is not None
    first = place.to_pylist()[0]
    assert '"note":"n' in str(at(live, first["ROWPARTITION"], first["ROWOFFSET"])["value"])


WITHOUT = {
    "group": "SELECT note, COUNT(*) AS n FROM {t} GROUP BY note EMIT CHANGES LIMIT 2",
    "join": "SELECT a.id FROM {t} a JOIN users b WITHIN 1 DAY ON a.id = b.registertime EMIT CHANGES",
    "new key": "SELECT id FROM {t} PARTITION BY id EMIT CHANGES LIMIT 2",
}


@pytest.mark.parametrize("name", WITHOUT)
def test_rows_of_several_records_have_none(begin: Begin, topic: str, name: str) -> None:
    live = begin(WITHOUT[name].format(t=topic))
    assert live.record is None
    if live.ends:
        assert read(live).places is None
    live.cancel()


def test_a_given_table_has_no_records() -> None:
    table = pa.table({"n": [1, 2]})
    session = Session(Properties({}), tables={"t": table}, opens_records=True)
    (live,) = session.execute("SELECT n FROM t EMIT CHANGES LIMIT 2")
    assert isinstance(live, Live)
    assert live.record is None
    assert read(live).places is None
    session.close()


def test_nothing_travels_where_nobody_watches(demo, topic: str) -> None:
    session = opened(demo, opens=False)
    (live,) = session.execute(f"SELECT id FROM {topic} EMIT CHANGES LIMIT 2")
    assert isinstance(live, Live)
    assert live.record is None
    assert read(live).places is None
    session.close()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ((1_200, 2_000), "offset 3 is gone: the log starts at 1,200"),
        ((0, 3), "offset 3 is not there: the log ends at 3"),
    ],
)
def test_an_offset_that_is_not_there_is_said(
    begin: Begin, watching: Session, topic: str, held: tuple[int, int], said: str, monkeypatch
) -> None:
    live = begin(f"SELECT id FROM {topic} EMIT CHANGES LIMIT 1")
    read(live)
    client = watching.engine.context.client  # type: ignore[attr-defined]
    taken = client.snapshot
    monkeypatch.setattr(
        client, "snapshot", lambda *a: replace(taken(*a), offsets=dict.fromkeys(range(4), held))
    )
    with pytest.raises(KafkaError, match=said):
        at(live, 1, 3)


def test_a_partition_without_a_leader_is_an_outage(
    begin: Begin, watching: Session, topic: str, monkeypatch
) -> None:
    live = begin(f"SELECT id FROM {topic} EMIT CHANGES LIMIT 1")
    read(live)
    client = watching.engine.context.client  # type: ignore[attr-defined]
    taken = client.snapshot

    def without(*asked: object) -> object:
        found = taken(*asked)
        held = {p: ends for p, ends in found.offsets.items() if p != 1}
        return replace(found, offsets=held, missing=frozenset([1]))

    monkeypatch.setattr(client, "snapshot", without)
    with pytest.raises(Outage, match="no leader answers .* partition 1"):
        at(live, 1, 3)
    assert at(live, 2, 3)["value"] == value(14)


class NoRecords:
    """A read of a range in which compaction left nothing."""

    done, lag, note = True, 0, ""

    def poll(self) -> None:
        return None

    def cancel(self) -> None:
        pass


def test_a_record_that_compaction_took_is_said(
    begin: Begin, watching: Session, topic: str, monkeypatch
) -> None:
    live = begin(f"SELECT id FROM {topic} EMIT CHANGES LIMIT 1")
    read(live)
    client = watching.engine.context.client  # type: ignore[attr-defined]
    monkeypatch.setattr(client, "follow", lambda *a: NoRecords())
    with pytest.raises(KafkaError, match="offset 3 is gone: the log was compacted"):
        at(live, 1, 3)


def test_changes_keep_the_place_of_each_row() -> None:
    rows = pa.record_batch({"n": [0, 1, 2, 3]})
    places = pa.record_batch({"ROWOFFSET": [10, 11, 12, 13]})
    changes = replace(Changes.of(rows), places=places)

    def pairs(found: Changes) -> list[tuple[int, int]]:
        assert found.places is not None
        return list(zip(found.rows[0].to_pylist(), found.places[0].to_pylist(), strict=True))

    assert pairs(changes.slice(1, 2)) == [(1, 11), (2, 12)]
    assert pairs(changes.filter(pa.array([True, False, False, True]))) == [(0, 10), (3, 13)]
    assert pairs(changes.take(pa.array([2, 0]))) == [(2, 12), (0, 10)]
    assert pairs(changes.holding(rows)) == [(0, 10), (1, 11), (2, 12), (3, 13)]
    both = Changes.concat([changes.slice(3), changes.slice(0, 1)], rows.schema)
    assert pairs(both) == [(3, 13), (0, 10)]
    assert Changes.concat([changes, Changes.of(rows)], rows.schema).places is None


def test_what_a_query_does_not_read_is_a_hint(demo, topic: str) -> None:
    session = Session(Properties({"bootstrap.servers": demo.bootstrap}))

    def hints(sql: str) -> tuple[str, ...]:
        (live,) = session.execute(sql)
        assert isinstance(live, Live)
        live.cancel()
        return live.hints

    sql = f"SELECT id FROM {topic} EMIT CHANGES"
    (hint,) = hints(sql)
    assert hint.startswith("It begins with what comes next: 30 records that are there already are")
    final = f"SELECT id, COUNT(*) FROM {topic} WINDOW TUMBLING (SIZE 1 DAY) GROUP BY id EMIT FINAL"
    assert hints(final)[1].startswith("A window's row comes when the window has closed")
    list(session.execute("SET 'auto.offset.reset'='earliest'"))
    assert hints(sql) == ()
    session.close()


def test_rows_of_a_system_table_are_no_records() -> None:
    columns = (Column("group_id", pa.string()),)
    spec = FormatSpec("JSON")
    of_topic = Source("lag", Kind.STREAM, "lag", (), columns, spec, spec, declared=False)
    for source, placed in ((of_topic, True), (replace(of_topic, system=True), False)):
        output = plan.Relation(Kind.STREAM, (), columns)
        scan = plan.Scan(source, output, (("group_id", "group_id"),))
        node = plan.Answer(scan, (("group_id", "group_id"),), None, output)
        assert (with_places(node) is not None) is placed
