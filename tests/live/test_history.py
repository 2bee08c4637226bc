"""HISTORY OF a key on real Kafka: its values in order, in whatever partition and format."""

from __future__ import annotations

import uuid

import pytest

import kshell
from kshell.errors import BindError, UnknownName
from kshell.kafka.partitioner import partition_for
from kshell.kafka.produce import OutgoingRecord
from kshell.results import Rows

from ..unit.engines.answers import rows_of

pytestmark = pytest.mark.live


@pytest.fixture
def history(session):
    """(change, fields, value) of a statement's rows, and its notices."""

    def of(text: str) -> tuple[list[tuple], list[str]]:
        (rows,) = session.execute(text)
        assert isinstance(rows, Rows)
        found = [(r["change"], r["fields"], r["value"]) for r in rows_of(rows)]
        return found, [n.text for n in rows.notices()]

    return of


def test_values_fields_and_tombstones_across_partitions(history, topic) -> None:
    values = [
        (0, b'{"city":"Oslo","age":3,"in":{"a":1.50}}'), (1, b'{"city":"Bergen","age":3,"in":{"a":1.50}}'),
        (0, b'{"in": {"a": 1.50}, "age": 3, "city": "Bergen"}'), (1, None), (1, None),
        (0, b'{"city":"Oslo"}'), (0, b'{"city":"Oslo","in":{"a":[1]},"x":null}'), (1, b"not json"), (1, b"null"),
    ]  # fmt: skip
    records = [
        record
        for n, (partition, value) in enumerate(values)
        for record in (
            OutgoingRecord(b"k42", value, timestamp=1000 + n, partition=partition),
            OutgoingRecord(b"k43", b'{"city":"other"}', timestamp=1000 + n, partition=partition),
        )
    ]
    name = topic(records, partitions=2)
    rows, notices = history(f"HISTORY OF 'k42' IN `{name}`")
    assert [row[:2] for row in rows] == [
        ("new", None), ("changed", 'city: "Oslo" → "Bergen"'), ("same", None), ("deleted", None), ("deleted", None),
        ("new", None), ("changed", 'in: → {"a": [1]}, x: → null'),
        ("changed", '{"city": "Oslo", "in": {"a": [1]}, "x": null} → "not json"'), ("changed", '"not json" → null'),
    ]  # fmt: skip
    assert [row[2] for row in rows] == [value and value.decode() for _, value in values]
    assert len(notices) == 1
    assert "all 2 partitions were read" in notices[0]


def test_of_a_partition_the_order_of_offsets_counts(history, topic) -> None:
    """Clocks of producers differ."""
    name = topic([OutgoingRecord(b"k", b'{"n":%d}' % n, timestamp=time) for n, time in enumerate((900, 100, 500))])
    rows, _ = history(f"HISTORY OF 'k' IN `{name}`")
    assert [row[2] for row in rows] == ['{"n":0}', '{"n":1}', '{"n":2}']


def test_one_partition_where_the_user_says_who_placed_the_key(session, history, topic) -> None:
    keys = [b"k%d" % n for n in range(40)]
    records = [OutgoingRecord(key, b'{"n":1}') for key in keys]
    name = topic(records, partitions=4)
    list(session.execute("SET 'kshell.partitioner'='murmur2'"))
    rows, notices = history(f"HISTORY OF 'k7' IN `{name}`")
    assert len(rows) == 1
    assert notices == [
        f"only partition {partition_for(b'k7', 4)} was read, where murmur2 places the key (kshell.partitioner)"
    ]


@pytest.mark.parametrize(
    ("key", "format", "written", "asked"),
    [
        ("BIGINT", "KAFKA", "42", "42"), ("DOUBLE", "KAFKA", "0.5", "0.5"), ("INT", "JSON", "-7", "-7"),
        ("STRING", "JSON", "'k 42'", "'k 42'"), ("VARCHAR", "DELIMITED", "'a'", "'a'"),
        ("STRUCT<a INT, b STRING>", "JSON", "STRUCT(a := 5, b := 'x')", "'{\"A\": 5}'"),
        ("BOOLEAN", "JSON", "true", "'true'"),
    ],
)  # fmt: skip
def test_keys_of_every_format(session, history, topic, key, format, written, asked) -> None:
    name = topic(partitions=1)
    source = f"s{uuid.uuid4().hex[:6]}"
    for text in (
        f"CREATE STREAM {source} (k {key} KEY, n INT) WITH (KAFKA_TOPIC='{name}', KEY_FORMAT='{format}', VALUE_FORMAT='JSON')",
        f"INSERT INTO {source} (k, n) VALUES ({written}, 1), ({written}, 2)",
    ):
        list(session.execute(text))
    rows, _ = history(f"HISTORY OF {asked} IN {source}")
    assert [row[:2] for row in rows] == [("new", None), ("changed", "N: 1 → 2")]


def test_what_cannot_be(session, history, topic) -> None:
    name = topic([OutgoingRecord((5).to_bytes(8, "big"), b"{}")])
    list(session.execute(f"CREATE STREAM h (k BIGINT KEY, n INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON')"))
    with pytest.raises(BindError, match="the keys of H are BIGINT, which k42 is not") as raised:
        history("HISTORY OF 'k42' IN h")
    assert (raised.value.place.column, raised.value.place.length) == (12, 5)
    with pytest.raises(UnknownName):
        history("HISTORY OF 'k42' IN nonesuch")
    with pytest.raises(BindError, match=r"kafka\.lag is no topic"):
        history("HISTORY OF 'k42' IN kafka.lag")
    assert history("HISTORY OF 6 IN h") == ([], [f"no record of {name} has this key (1 record read)"])


@pytest.mark.parametrize(
    ("format", "key", "written", "asked"),
    [
        ("AVRO", "STRING", "'a'", "'a'"),
        ("AVRO", "STRUCT<a INT, b STRING>", "STRUCT(a := 5, b := 'x')", "'{\"a\": 5, \"b\": \"x\"}'"),
        ("PROTOBUF", "STRUCT<a INT>", "STRUCT(a := 5)", "'{\"a\": 5}'"),
        ("JSON_SR", "STRUCT<a INT>", "STRUCT(a := 5)", "'{\"a\": 5}'"),
    ],
)
def test_keys_with_a_schema(kafka, registry, topic, format, key, written, asked) -> None:
    name, source = topic(partitions=1), f"s{uuid.uuid4().hex[:6]}"
    with kshell.connect(kafka.bootstrap, properties={"schema.registry.url": registry.url}) as shell:
        shell.run(
            f"CREATE STREAM {source} (k {key} KEY, n INT) WITH (KAFKA_TOPIC='{name}', FORMAT='{format}');"
            f"INSERT INTO {source} (k, n) VALUES ({written}, 1), ({written}, 2)"
        )
        # A message of Protobuf has fields: the topic's own schema says which, the declaration only its type.
        own = asked if format != "PROTOBUF" else "'{\"k\": {\"a\": 5}}'"
        for key, of in ((asked, source), (own, f"`{name}`")):
            rows = shell.sql(f"HISTORY OF {key} IN {of}").rows()
            assert [row[3] for row in rows] == ["new", "changed"]
            assert [(row[4] or "").casefold() for row in rows] == ["", "n: 1 → 2"]
