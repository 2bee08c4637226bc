"""Every option of WITH changes what happens, in every statement that takes it.

Each row of the table has a probe here: two values, and a statement in which they must differ in what
the engine does: the topic that is made, the columns, a record as it is written and read again, the
schemas that are registered, what DESCRIBE tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa
import pytest

from kshell.catalog.model import WINDOW_COLUMNS
from kshell.catalog.options import ASSERT_TOPIC, CREATE, CREATE_AS, INSERT, OPTIONS, options_of
from kshell.catalog.serde import CAPABILITIES
from kshell.engines.local.sources import chunks
from kshell.errors import BindError, EvaluationError
from kshell.formats.registry import Remembered, Schema, SchemaType
from kshell.formats.source import SourceWriter
from kshell.formats.source_reader import SourceReader

KEYS, VALUES = "k STRING KEY, k2 STRING KEY", "v BIGINT, t STRING"
FIELDS = {"key": ("K", "K2"), "value": ("V", "T")}


@dataclass
class Probe:
    """Two values of an option, and the rest of the statement: other options, columns, SELECT."""

    values: tuple[str, str]
    more: str = "FORMAT='JSON'"
    columns: str = f"{KEYS}, {VALUES}"
    select: str = "* FROM src"


AVRO, PROTO = "FORMAT='AVRO'", "FORMAT='PROTOBUF'"
PROBES = {
    "KAFKA_TOPIC": Probe(("'one'", "'two'")),
    "FORMAT": Probe(("'JSON'", "'DELIMITED'"), ""),
    "KEY_FORMAT": Probe(("'JSON'", "'DELIMITED'"), "VALUE_FORMAT='JSON'"),
    "VALUE_FORMAT": Probe(("'JSON'", "'DELIMITED'"), "KEY_FORMAT='JSON'"),
    "PARTITIONS": Probe(("2", "'3'")),
    "REPLICAS": Probe(("1", "2")),
    "RETENTION_MS": Probe(("5", "-1")),
    "CLEANUP_POLICY": Probe(("'compact'", "'compact,delete'")),
    "TIMESTAMP": Probe(("'v'", "'w'"), columns=f"{KEYS}, {VALUES}, w BIGINT", select="k, k2, v, t, v + 1 AS w FROM src"),
    "TIMESTAMP_FORMAT": Probe(("'yyyy-MM-dd'", "'yyyy-dd-MM'"), "FORMAT='JSON', TIMESTAMP='t'"),
    "WRAP_SINGLE_VALUE": Probe(("true", "'FALSE'"), columns=f"{KEYS}, v BIGINT", select="k, k2, v FROM src"),
    "KEY_DELIMITER": Probe(("'|'", "'TAB'"), "FORMAT='DELIMITED'"),
    "VALUE_DELIMITER": Probe(("'|'", "'SPACE'"), "FORMAT='DELIMITED'"),
    "KEY_SCHEMA_ID": Probe(("5", "6"), AVRO, VALUES, "* FROM lone"),
    "VALUE_SCHEMA_ID": Probe(("3", "4"), AVRO, KEYS),
    "KEY_SCHEMA_FULL_NAME": Probe(("'a.B'", "'c.D'"), AVRO),
    "VALUE_SCHEMA_FULL_NAME": Probe(("'a.B'", "'c.D'"), AVRO),
    "VALUE_AVRO_SCHEMA_FULL_NAME": Probe(("'a.B'", "'c.D'"), AVRO),
    "KEY_SCHEMA_FILE": Probe(("'{dir}/key1.avsc'", "'{dir}/key2.avsc'"), AVRO, VALUES),
    "VALUE_SCHEMA_FILE": Probe(("'{dir}/value1.avsc'", "'{dir}/value2.avsc'"), AVRO, KEYS),
    "KEY_PROTOBUF_NULLABLE_REPRESENTATION": Probe(("'OPTIONAL'", "'wrapper'"), PROTO),
    "VALUE_PROTOBUF_NULLABLE_REPRESENTATION": Probe(("'OPTIONAL'", "'WRAPPER'"), PROTO),
    "WINDOW_TYPE": Probe(("'SESSION'", None)),  # none: no windows
    "WINDOW_SIZE": Probe(("'1 SECOND'", "'1 MINUTE'"), "FORMAT='JSON', WINDOW_TYPE='TUMBLING'"),
    "SOURCED_BY_CONNECTOR": Probe(("'jdbc'", "'s3'")),
    "QUERY_ID": Probe(("'one'", "'two'")),
}  # fmt: skip


def record(half: str, nullable: bool) -> str:
    types = {"K": "string", "K2": "string", "V": "long", "T": "string"}
    fields = [{"name": n, "type": ["null", types[n]] if nullable else types[n]} for n in FIELDS[half]]
    return json.dumps({"type": "record", "name": "R", "fields": fields})


SCHEMAS = {(half, n): record(half, n == 2) for half in FIELDS for n in (1, 2)}


def registry() -> Remembered:
    made = Remembered()
    texts = [*SCHEMAS.values(), '"string"', '["null", "string"]']
    for id, text in enumerate(texts, 1):
        made.put("other-value", Schema(SchemaType.AVRO, text), id)
    return made


def seen(run, cluster, schemas: Remembered) -> object:
    """All that the declaration of S is good for."""
    source = run.context.catalog.sources["S"]
    topic = cluster.topic(source.topic)
    settings = (len(topic.partitions), len(topic.partitions[0].replicas), cluster.made[source.topic])
    writer = SourceWriter(source, schemas)

    def column(c) -> pa.Array:
        cell = {"V": 5, "W": 6, "T": "2020-03-04"}.get(c.name, "x")
        if pa.types.is_struct(c.type):
            cell = dict.fromkeys([f.name for f in c.type], "x")
        return pa.array([cell], c.type)

    bounds = (pa.array([7]), pa.array([8])) if source.window is not None else None
    written = writer.write(
        [column(c) for c in source.key], [column(c) for c in source.value],
        pa.array([1], pa.int64()), pa.array([False]), bounds,
    )  # fmt: skip
    names = [c.name for c in source.columns()] + list(WINDOW_COLUMNS if bounds else ())
    raw = pa.record_batch(
        {"key": written.keys, "value": written.values, "timestamp": pa.array([1], pa.int64())}
    )
    read = SourceReader(source, names, schemas).read(raw)
    return (
        settings, source.topic, [(c.name, c.type) for c in source.columns()],
        written.keys[0].as_py(), written.values[0].as_py(), written.times[0].as_py(),
        {n: c[0].as_py() for n, c in read.columns.items()}, read.times[0].as_py(),
        [s.text for s in schemas._by_id.values()], source.connector,
    )  # fmt: skip


def clause(name: str, value: str | None, more: str, directory) -> str:
    said = f"{name}={value.format(dir=directory)}" if value is not None else ""
    topic = "" if name == "KAFKA_TOPIC" else "KAFKA_TOPIC='out'"
    count = "" if name == "PARTITIONS" else "PARTITIONS=1"
    return ", ".join(filter(None, (topic, count, more, said)))


def test_each_row_has_a_probe():
    assert set(PROBES) == set(OPTIONS)


@pytest.mark.parametrize("statement", [CREATE, CREATE_AS])
@pytest.mark.parametrize("name", [o.name for o in OPTIONS.values() if CREATE in o.statements])
def test_another_value_makes_another_thing(run, cluster, monkeypatch, tmp_path, name, statement):
    probe = PROBES[name]
    for (half, n), text in SCHEMAS.items():
        (tmp_path / f"{half}{n}.avsc").write_text(text)
    run(f"CREATE STREAM src ({KEYS}, {VALUES}) WITH (KAFKA_TOPIC='src', PARTITIONS=1, FORMAT='JSON');")
    run(f"CREATE STREAM lone (rowkey STRING KEY, {VALUES}) WITH (KAFKA_TOPIC='lone', PARTITIONS=1, FORMAT='JSON');")
    found = []
    for value in probe.values:
        schemas = registry()  # each value meets the same registry
        monkeypatch.setattr(chunks, "schemas_of", lambda properties, made=schemas: made)
        options = clause(name, value, probe.more, tmp_path)
        text = f"CREATE STREAM s ({probe.columns}) WITH ({options});"
        if statement == CREATE_AS:
            text = f"CREATE STREAM s WITH ({options}) AS SELECT {probe.select} EMIT CHANGES;"
        if statement not in OPTIONS[name].statements:
            with pytest.raises(BindError, match="Invalid config variable.*(WINDOW_|SOURCED)"):
                run(text)
            return
        cluster._topics.pop("out", None)
        run(text)
        found.append(seen(run, cluster, schemas))
        run("DROP STREAM s;")
    one, other = found
    assert one != other


def test_a_querys_id_is_the_one_asked_for(run, cluster):
    run(f"CREATE STREAM src ({VALUES}) WITH (KAFKA_TOPIC='src', PARTITIONS=1, VALUE_FORMAT='JSON');")
    run(f"CREATE STREAM dst ({VALUES}) WITH (KAFKA_TOPIC='dst', PARTITIONS=1, VALUE_FORMAT='JSON');")
    assert [o.name for o in options_of(INSERT)] == ["QUERY_ID"]
    for id in ("one", "two"):
        assert f"Query {id.upper()} inserts" in run(f"INSERT INTO dst WITH (QUERY_ID='{id}') SELECT * FROM src EMIT CHANGES;")


@pytest.mark.parametrize("name", [o.name for o in options_of(ASSERT_TOPIC)])
def test_assert_topic_looks_at_each(run, cluster, name):
    right, wrong = PROBES[name].values
    run(f"CREATE STREAM s (v INT) WITH ({clause(name, right, '', '')}, VALUE_FORMAT='JSON');")
    run(f"ASSERT TOPIC out WITH ({name}={right});")
    with pytest.raises(EvaluationError, match="Mismatched"):
        run(f"ASSERT TOPIC out WITH ({name}={wrong});")


def test_describe_names_the_connector(run):
    run("CREATE STREAM s (v INT) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON', SOURCED_BY_CONNECTOR='jdbc');")
    parts = run.engine.run(*run.read("DESCRIBE s;")).parts
    assert "The connector jdbc writes it." in parts[0].text


@pytest.mark.parametrize(
    ("right", "wrong", "what"),
    [
        ("SOURCED_BY_CONNECTOR='a'", "SOURCED_BY_CONNECTOR='b'", "connector"),
        ("VALUE_FORMAT='DELIMITED', VALUE_DELIMITER='|'", "VALUE_FORMAT='DELIMITED'", "value format"),
        ("TIMESTAMP='t', TIMESTAMP_FORMAT='yyyy'", "TIMESTAMP='t', TIMESTAMP_FORMAT='yy'", "timestamp format"),
        ("WRAP_SINGLE_VALUE=false", "WRAP_SINGLE_VALUE=true", "value format"),
    ],
)
def test_assert_stream_compares_what_is_said(run, right, wrong, what):
    def text(verb: str, options: str) -> str:
        more = "" if "VALUE_FORMAT" in options else ", VALUE_FORMAT='JSON'"
        return f"{verb} STREAM s (t STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, {options}{more});"

    run(text("CREATE", right))
    run(text("ASSERT", right))
    with pytest.raises(BindError, match=f"Expected {what} does not match"):
        run(text("ASSERT", wrong))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("WINDOW_SIZE='1 SECOND'", "'WINDOW_TYPE' names"),
        ("TIMESTAMP_FORMAT='yyyy'", "'TIMESTAMP' names none"),
        ("TIMESTAMP='v', TIMESTAMP_FORMAT='yyyy'", "`V` is BIGINT"),
        ("VALUE_SCHEMA_FULL_NAME='a', VALUE_AVRO_SCHEMA_FULL_NAME='b', VALUE_FORMAT='AVRO'", "they say the same thing"),
        ("VALUE_FORMAT='PROTOBUF', VALUE_SCHEMA_FILE='a.proto', VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL'",
         "SCHEMA_FILE and PROTOBUF_NULLABLE_REPRESENTATION cannot both"),
        ("VALUE_FORMAT='PROTOBUF', VALUE_PROTOBUF_NULLABLE_REPRESENTATION='MAYBE'", "one of OPTIONAL, WRAPPER"),
        ("CLEANUP_POLICY='keep'", "'delete', 'compact'"),
        ("RETENTION_MS=-2", "from -1 to"),
        ("PARTITIONS=0", "from 1 to"),
        ("PARTITIONS=1, 'partitions'=2", "PARTITIONS is given twice"),
        ("QUERY_ID='q'", "Invalid config variable"),
    ],
)  # fmt: skip
def test_what_nothing_could_read_is_refused(run, options, message):
    more = "" if "VALUE_FORMAT" in options else ", VALUE_FORMAT='JSON'"
    with pytest.raises(BindError, match=message):
        run(f"CREATE STREAM s (v BIGINT) WITH (KAFKA_TOPIC='s', {options}{more});")
    assert not run.context.catalog.sources


def test_options_of_keys_want_a_key(run):
    asked = "KEY_DELIMITER='|'"
    run("CREATE STREAM s (v BIGINT) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='DELIMITED');")
    with pytest.raises(BindError, match="there is no key column"):
        run(f"CREATE STREAM t WITH ({asked}) AS SELECT * FROM s EMIT CHANGES;")
    by_default = run.properties.set("ksql.persistence.default.format.key", "DELIMITED")
    with pytest.raises(BindError, match="there is no key column"):
        run(f"CREATE STREAM u (v BIGINT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', {asked});", by_default)


def test_each_option_of_a_format_is_one_of_with():
    named = {f"{half}_{option}" for c in CAPABILITIES.values() for option in c.options for half in ("KEY", "VALUE")}
    assert named <= set(OPTIONS)
