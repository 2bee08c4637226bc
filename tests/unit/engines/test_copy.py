"""COPY on the demo broker: files into topics and back, bad rows with their lines, nothing overwritten unasked."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.errors import BindError, KshellError, StatementError
from kshell.results import Proposal, Rows, Task

from .answers import rows_of

TIME = 1_700_000_000_000
ONE = '{"a":1}'
DEMOS = 4  # partitions of the topics that the demo broker makes


@pytest.fixture
def name() -> str:
    return f"c{uuid.uuid4().hex[:10]}"


@pytest.fixture
def raw(topic_of) -> str:
    """A topic of JSON that nobody declared."""
    return topic_of('{"a": 1}')


@pytest.fixture
def copy(session):
    """Does a COPY; a plan is agreed to."""

    def run(text: str):
        answers = []
        for event in session.execute(text):
            if isinstance(event, Proposal):
                event.accepted = True
            answers.append(event.work() if isinstance(event, Task) else event)
        return answers[-1]

    return run


@pytest.fixture
def file(tmp_path):
    def made(text: str, ending: str = "jsonl") -> Path:
        path = tmp_path / f"f{uuid.uuid4().hex[:6]}.{ending}"
        path.write_text(text)
        return path

    return made


@pytest.fixture
def declared(execute, name) -> str:
    execute(f"CREATE STREAM {name} (k STRING KEY, v INT, s STRING) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=1);")
    return name


def test_lines_of_json_are_values_byte_for_byte(copy, ask, raw, file) -> None:
    path = file('{"a": 2, "k": "x", "t": 5}\n\n{"a":1e400,"k":"y","t":6,"new":[1]}\n')
    said = copy(f"COPY {raw} FROM '{path}' WITH (KEY='k', TIMESTAMP='t');")
    assert (said.text, said.notices) == (f"2 records written to {raw}.", ())
    found = ask(f"SELECT ROWKEY AS k, ROWTIME AS t FROM {raw} ORDER BY t LIMIT 2;")
    assert found == [{"k": "x", "t": 5}, {"k": "y", "t": 6}]
    lines = [r["value"] for r in json_lines_of(copy, raw)]
    assert sorted(lines)[-2:] == [b'{"a": 2, "k": "x", "t": 5}', b'{"a":1e400,"k":"y","t":6,"new":[1]}']


def json_lines_of(copy, topic: str) -> list[dict]:
    answer = copy(f"COPY {topic} TO STDOUT WITH (ENVELOPE=true);")
    assert isinstance(answer, Rows)
    assert answer.format == "jsonl"
    return rows_of(answer)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "avro"])
def test_a_declared_stream_there_and_back(copy, ask, execute, declared, tmp_path, kind) -> None:
    execute(f"INSERT INTO {declared} (k, v, s) VALUES ('a', 1, ''), ('b', NULL, 'x,\"y\n'), (NULL, 3, NULL);")
    path = tmp_path / f"f.{kind}"
    assert copy(f"COPY {declared} TO '{path}';").text == f"3 rows written to {path}."
    before = ask(f"SELECT * FROM {declared};")
    execute(f"CREATE STREAM {declared}2 (k STRING KEY, v INT, s STRING) WITH (KAFKA_TOPIC='{declared}2', VALUE_FORMAT='DELIMITED', VALUE_DELIMITER='|', PARTITIONS=1);")
    assert copy(f"COPY {declared}2 FROM '{path}';").notices == ()
    assert ask(f"SELECT K, V FROM {declared}2;") == [{"K": r["K"], "V": r["V"]} for r in before]


def test_a_query_and_csv_whose_columns_nobody_declared(copy, ask, raw, file) -> None:
    path = file('id,zip,price,ok,note\n1,007,2.5,true,""\n2,,3,false,\n', "csv")
    copy(f"COPY {raw} FROM '{path}' WITH (KEY='id');")
    values = [json.loads(r["value"]) for r in json_lines_of(copy, raw) if r["key"]]
    assert sorted(values, key=lambda v: v["id"]) == [
        {"id": 1, "zip": "007", "price": 2.5, "ok": True, "note": ""},
        {"id": 2, "zip": None, "price": 3.0, "ok": False, "note": None},
    ]
    out = path.with_suffix(".jsonl")
    copy(f"COPY (SELECT id * 2 AS n FROM {raw} WHERE id > 0 ORDER BY id) TO '{out}';")
    assert [json.loads(line) for line in out.read_text().splitlines()] == [{"n": 2}, {"n": 4}]


BAD = {
    "jsonl": ('{"k":"a","v":1}\nnope\n{"k":"b","v":"x"}\n\n{"k":"c","v":3}\n', [2, 3]),
    "csv": ('k,v,s\na,1,\nb\nc,x,\n\nd,4,"a\nb"\ne,x,\n', [3, 4, 8]),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_rows_are_left_out_each_with_its_line(copy, ask, declared, file, kind) -> None:
    text, lines = BAD[kind]
    path = file(text, kind)
    said = copy(f"COPY {declared} FROM '{path}' WITH (ON_ERROR='skip');")
    assert [n.text.split(" is not written")[0] for n in said.notices] == [f"{path}, line {n}" for n in lines]
    assert [r["K"] for r in ask(f"SELECT K FROM {declared};")] == (["a", "c"] if kind == "jsonl" else ["a", "d"])
    kept = [r for r in ask("SELECT topic, \"offset\" FROM kafka.errors;") if r["topic"] == str(path)]
    assert [r["offset"] for r in kept] == lines


@pytest.mark.parametrize("kind", BAD)
def test_the_first_bad_row_ends_it_and_what_was_written_is_said(copy, ask, declared, file, kind) -> None:
    text, lines = BAD[kind]
    path = file(text, kind)
    with pytest.raises(BindError, match=f"line {lines[0]}: ") as raised:
        copy(f"COPY {declared} FROM '{path}';")
    assert "1 record written before" in raised.value.hint
    assert [r["K"] for r in ask(f"SELECT K FROM {declared};")] == ["a"]


def test_rows_that_the_format_cannot_hold_are_bad_rows(copy, execute, name, file) -> None:
    """DELIMITED holds no line break (by ksqlDB's rules it quotes them); a table's key is never NULL."""
    execute(f"CREATE TABLE {name} (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=1);")
    path = file('{"k":"a","v":1}\n{"v":2}\n')
    said = copy(f"COPY {name} FROM '{path}' WITH (ON_ERROR='skip');")
    assert "line 2 is not written: the primary key is NULL" in said.notices[0].text


def test_a_time_that_is_none_is_a_bad_row(copy, raw, file) -> None:
    path = file('{"a":1,"t":"2020-01-02T03:04:05Z"}\n{"a":1,"t":"never"}\n{"a":1}\n{"a":1,"t":-1}\n')
    said = copy(f"COPY {raw} FROM '{path}' WITH (TIMESTAMP='t', ON_ERROR='skip');")
    assert [n.text.split(" is not")[0][-6:] for n in said.notices] == ["line 2", "line 3", "line 4"]
    assert max(r["timestamp"] for r in json_lines_of(copy, raw) if r["timestamp"] < TIME) == 1577934245000


@pytest.mark.parametrize("text", ['{"t":5}\n{"t":"oops"}\n{"t":"2020-01-02T03:04:05Z"}\n{"t":"7"}\n', "t\n5\noops\n2020-01-02T03:04:05Z\n7\n"])
def test_milliseconds_and_texts_of_times_may_stand_in_one_file(copy, raw, tmp_path, text) -> None:
    path = tmp_path / ("f.jsonl" if text[0] == "{" else "f.csv")
    path.write_text(text)
    said = copy(f"COPY {raw} FROM '{path}' WITH (TIMESTAMP='t', ON_ERROR='skip');")
    line = 2 if text[0] == "{" else 3
    assert [n.text.split(" is not")[0][-6:] for n in said.notices] == [f"line {line}"]
    assert sorted(r["timestamp"] for r in json_lines_of(copy, raw) if r["timestamp"] < TIME) == [5, 7, 1577934245000]


def test_a_file_that_is_there_is_not_overwritten_unasked(session, copy, raw, tmp_path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text("mine")
    answers = list(session.execute(f"COPY {raw} TO '{path}';"))
    assert isinstance(answers[0], Proposal)
    assert (len(answers), path.read_text(), list(tmp_path.iterdir())) == (1, "mine", [path])
    copy(f"COPY {raw} TO '{path}';")
    assert path.read_text() == '{"a":1}\n'


def test_a_missing_topic_is_planned(session, name, file) -> None:
    path = file('{"a":1}\n')
    answers = list(session.execute(f"COPY {name} FROM '{path}' WITH (PARTITIONS=3);"))
    assert isinstance(answers[0], Proposal)
    assert rows_of(answers[0].plan)[:2] == [
        {"what": "topic", "before": None, "after": name},
        {"what": "partitions", "before": None, "after": "3"},
    ]
    assert len(answers) == 1


@pytest.mark.parametrize("options", ["PARTITIONS=3", "REPLICAS=2", "PARTITIONS=3, REPLICAS=2"])
def test_sizes_of_a_topic_that_is_there_are_said_not_to_hold(copy, raw, file, options) -> None:
    said = copy(f"COPY {raw} FROM '{file(ONE)}' WITH ({options});")
    assert said.text == f"1 record written to {raw}."
    (text,) = [n.text for n in said.notices]
    assert text.startswith(f"topic {raw} stays as it is: ")
    for option in options.split(", "):
        name, asked = option.split("=")
        assert f"{name} {DEMOS if name == 'PARTITIONS' else 1}, not {asked}" in text


def test_sizes_that_the_topic_has_are_not_spoken_of(copy, raw, file) -> None:
    assert copy(f"COPY {raw} FROM '{file(ONE)}' WITH (PARTITIONS={DEMOS}, REPLICAS=1);").notices == ()


def test_create_topic_if_not_exists_says_what_does_not_hold(execute, raw) -> None:
    said = execute(f"CREATE TOPIC IF NOT EXISTS {raw} PARTITIONS 3;")
    assert (said.text, [n.text for n in said.notices]) == (
        f"Topic {raw} exists already.", [f"topic {raw} stays as it is: PARTITIONS {DEMOS}, not 3"]
    )
    assert execute(f"CREATE TOPIC IF NOT EXISTS {raw} PARTITIONS {DEMOS};").notices == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("COPY t FROM '{f}' WITH (KYE='a');", "no option KYE"),
        ("COPY t TO '{f}x.txt';", "does not say what it holds"),
        ("COPY t TO '/dev/null' WITH (FORMAT='csv');", "no regular file"),
        ("COPY t FROM '/dev/zero' WITH (FORMAT='csv');", "is a device"),
        ("COPY t FROM '{f}' WITH (ENVELOPE=true, KEY='a');", "ENVELOPE"),
        ("COPY t TO '{f}' WITH (ENVELOPE=true, FORMAT='csv');", "CSV cannot hold"),
        ("COPY (SELECT 1 AS n) TO '{f}' WITH (ENVELOPE=true);", "not of a query"),
        ("COPY (SELECT * FROM t EMIT CHANGES) TO '{f}';", "bounded"),
        ("COPY t TO '{f}' WITH (FORMAT='xml');", "one of"),
        ("COPY t TO '{d}/none/f.csv';", "no such folder"),
    ],
)
def test_what_cannot_be_is_refused(copy, raw, tmp_path, text, said) -> None:
    text = text.replace("COPY t", f"COPY {raw}").replace("FROM t", f"FROM {raw}").format(f=tmp_path / "f.jsonl", d=tmp_path)
    (tmp_path / "f.jsonl").write_text("{}\n")
    with pytest.raises(KshellError, match=said):
        copy(text)


def test_errors_are_at_their_place(copy, tmp_path) -> None:
    for text, column in (
        (f"COPY no_such TO '{tmp_path}/f.csv';", 6),
        (f"COPY (SELECT nope FROM users) TO '{tmp_path}/f.csv';", 14),
        ("COPY users FROM '/no/such.csv';", 17),
        (f"COPY users TO '{tmp_path}/f.csv' WITH (KYE='a');", len(f"COPY users TO '{tmp_path}/f.csv' WITH (") + 1),
    ):
        with pytest.raises(KshellError) as raised:
            copy(text)
        assert (raised.value.place.line, raised.value.place.column) == (1, column), text
    assert list(tmp_path.iterdir()) == []


def test_files_only_where_they_are_allowed_and_writing_where_it_is(session, raw, file) -> None:
    path = file('{"a":2}\n')
    session.properties = session.properties.set("kshell.files", "false")
    for text in (f"COPY {raw} FROM '{path}';", f"COPY {raw} TO '{path}';"):
        with pytest.raises(StatementError, match="local files"):
            list(session.execute(text))
    session.properties = session.properties.set("kshell.files", "true").set("kshell.read.only", "true")
    for text in (f"COPY {raw} FROM '{path}';", "COMMIT;", f"INSERT INTO {raw} (a) VALUES (1);"):
        with pytest.raises(StatementError, match="read only"):
            list(session.execute(text))


def test_cancelled_it_says_how_far_it_came(session, raw, file) -> None:
    path = file('{"a":1}\n' * 10)
    (task,) = session.execute(f"COPY {raw} FROM '{path}';")
    task.cancel()
    assert task.work().text.startswith(f"Stopped: 0 records written to {raw} (lines 1 to 0 of")
    out = path.with_suffix(".csv")
    (task,) = session.execute(f"COPY {raw} TO '{out}';")
    task.cancel()
    assert task.work().text == f"Stopped: {out} is not written."
    assert not out.exists()
    assert list(out.parent.iterdir()) == [path]


def test_parquet_in_another_type_and_another_order(copy, ask, declared, tmp_path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"S": ["x", "y"], "V": pa.array([1, 3_000_000_000]), "K": ["a", "b"], "more": [1, 2]}), path)
    said = copy(f"COPY {declared} FROM '{path}' WITH (ON_ERROR='skip');")
    assert said.notices[0].text.split(":")[0] == f"{path}, row 2 is not written"
    assert "more" in said.notices[-1].text
    assert ask(f"SELECT * FROM {declared};") == [{"K": "a", "V": 1, "S": "x"}]


@pytest.mark.parametrize("option", ["KEY", "TIMESTAMP"])
def test_a_column_that_an_option_names_and_no_line_has_is_an_error(copy, ask, raw, file, option) -> None:
    path = file('{"id": 1, "n": 2}\n{"id": 2}\n')
    with pytest.raises(BindError, match="has no column nope") as caught:
        copy(f"COPY {raw} FROM '{path}' WITH ({option}='nope');")
    assert "id, n" in caught.value.hint
    assert ask(f"SELECT COUNT(*) FROM {raw};") == [{"COUNT(*)": 1}]


def test_lines_without_the_column_of_the_key_are_counted(copy, raw, file) -> None:
    path = file('{"id": 1}\n{"n": 2}\n{"id": null}\n')
    said = copy(f"COPY {raw} FROM '{path}' WITH (KEY='id');")
    assert [n.text for n in said.notices] == ["2 records have no key: their id is NULL or missing"]


@pytest.mark.parametrize("lines", ['{"id": 1, "name": "a"}', '{"key": "YQ==", "id": 1}', '{"timestamp": 5}'])
def test_what_is_no_dump_is_not_restored_as_tombstones(copy, ask, raw, file, lines) -> None:
    with pytest.raises(BindError, match="the file has no column (key|value)"):
        copy(f"COPY {raw} FROM '{file(lines)}' WITH (ENVELOPE=true);")
    assert ask(f"SELECT COUNT(*) FROM {raw};") == [{"COUNT(*)": 1}]


def test_a_line_of_a_dump_that_is_no_record_is_a_bad_row(copy, raw, file) -> None:
    path = file('{"key": null, "value": "eA=="}\n{"id": 1}\n{"key": "YQ==", "value": null}\n')
    said = copy(f"COPY {raw} FROM '{path}' WITH (ENVELOPE=true, ON_ERROR='skip');")
    assert said.text == f"2 records written to {raw}."
    assert "line 2 is not written: it has neither key nor value" in said.notices[0].text
