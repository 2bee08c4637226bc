"""EXPLAIN of what is very large, and of COPY: it reads, writes and asks nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kshell.batch.tables import Range
from kshell.engines.local.statements.explain import _reads
from kshell.errors import BindError

from .answers import rows_of


def test_a_thousand_partitions_are_summed_up():
    ranges = tuple(Range(n, 0, 2, 0, 5) for n in range(1000))
    read = SimpleNamespace(reference=SimpleNamespace(table=SimpleNamespace(name="many")), ranges=ranges)
    rows = rows_of(_reads([read]))
    assert [r["partition"] for r in rows] == [*range(100), None]
    assert sum(r["to read"] for r in rows) == 2000
    assert sum(r["in topic"] for r in rows) == 5000
    assert rows[-1]["because of"] == "900 more partitions"


def texts(answer) -> str:
    """All sentences of an answer."""
    return "\n".join(getattr(part, "text", "") for part in answer.parts)


@pytest.fixture
def raw(topic_of) -> str:
    return topic_of('{"a": 1}', '{"a": 2}')


@pytest.mark.parametrize(
    ("copied", "where"),
    [
        ("(SELECT a FROM {t} WHERE a > 1) TO '{d}/x.csv'", "{d}/x.csv (csv)"),
        ("{t} TO '{d}/x.parquet'", "{d}/x.parquet (parquet)"),
        ("{t} TO '{d}/x' WITH (FORMAT='avro')", "{d}/x (avro)"),
        ("(SELECT a FROM {t}) TO STDOUT", "standard output (jsonl)"),
    ],
)
def test_a_copy_to_is_explained_as_its_select(execute, raw, tmp_path, copied, where) -> None:
    answer = execute(f"EXPLAIN COPY {copied.format(t=raw, d=tmp_path)};")
    assert "Reads 2 of 2 offsets." in texts(answer)
    assert f"Its rows would be written to {where.format(d=tmp_path)}." in texts(answer)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_would_be_replaced_is_named_and_nobody_is_asked(session, execute, raw, tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mine")
    (answer,) = session.execute(f"EXPLAIN COPY {raw} TO '{path}';")
    assert f"{path} (csv), which exists." in texts(answer)
    assert path.read_text() == "mine"


def test_what_copy_to_refuses_explain_refuses_too(execute, raw, tmp_path) -> None:
    for text in ("TO '{d}/none/x.csv'", "TO '{d}/x.unknown'", "TO '{d}/x.csv' WITH (ENVELOPE=true)"):
        with pytest.raises(BindError):
            execute(f"EXPLAIN COPY {raw} {text.format(d=tmp_path)};")


def test_an_error_stands_at_the_name_that_is_copied(execute, tmp_path) -> None:
    text = f"EXPLAIN COPY nothing_there TO '{tmp_path}/x.csv';"
    with pytest.raises(BindError) as raised:
        execute(text)
    assert raised.value.place.column == text.index("nothing") + 1


def test_a_dump_is_explained_by_its_records(execute, raw, tmp_path) -> None:
    answer = execute(f"EXPLAIN COPY {raw} TO '{tmp_path}/x.jsonl' WITH (ENVELOPE=true);")
    assert "2 offsets" in texts(answer)
    assert f"{tmp_path}/x.jsonl (jsonl)" in texts(answer)


def test_a_copy_from_is_a_sentence_and_writes_nothing(execute, ask, raw, tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n7\n")
    answer = execute(f"EXPLAIN COPY {raw} FROM '{path}';")
    assert texts(answer) == f"Would write the rows of {path} (csv) to topic {raw}, which has 4 partitions."
    assert ask(f"SELECT COUNT(*) AS n FROM {raw};") == [{"n": 2}]
    answer = execute(f"EXPLAIN COPY nosuch{raw} FROM '{path}' WITH (PARTITIONS=3);")
    assert f"nosuch{raw}, which does not exist: it would be created with 3 partitions" in texts(answer)
    with pytest.raises(BindError, match="No such file"):
        execute(f"EXPLAIN COPY {raw} FROM '{path}x.csv';")
