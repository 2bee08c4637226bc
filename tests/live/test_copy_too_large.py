"""COPY … FROM into a topic whose broker refuses large records: each is said with its line, the others are all written, once and in order."""

from __future__ import annotations

import json
import random

import pytest

import kshell
from kshell.errors import BindError, KafkaError

from .test_producing import seen

pytestmark = pytest.mark.live
LIMIT = 2000


@pytest.fixture
def session_of(kafka):
    opened = []

    def of(**properties):
        given = {name.replace("_", "."): value for name, value in properties.items()}
        opened.append(kshell.connect(kafka.bootstrap, properties=given, files=True, yes=True))
        return opened[-1]

    yield of
    for session in opened:
        session.close()


def lines_with_large_ones(large: set[int], count: int = 400, fill: int = 3 * LIMIT) -> list[bytes]:
    """Lines that do not shrink when they are compressed; those whose number is in `large` are over the limit."""
    chosen = random.Random(3)
    return [
        json.dumps({"k": str(n % 7), "n": n, "s": chosen.randbytes((fill if n in large else 100) // 2).hex()}).encode()
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("config", ["topic", "usual"])
def test_skip_leaves_out_only_what_is_too_large(session_of, topic, properties, tmp_path, compression, config) -> None:
    """A topic of small batches, and one of the brokers' usual limit, whose batches hold all small lines together."""
    large = {5, 6, 230, 400}
    name = topic([], partitions=2, **({"max_message_bytes": LIMIT} if config == "topic" else {}))
    lines = lines_with_large_ones(large, fill=3 * LIMIT if config == "topic" else 3_000_000)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(lines))
    session = session_of(compression_type=compression)
    said = session.sql(f"COPY {name} FROM '{path}' WITH (KEY='k', ON_ERROR='skip')")
    assert said.text == f"396 records written to {name}."
    told = [n.text for n in said.notices]
    assert len(told) == 4
    for number, text in zip(sorted(large), told, strict=True):
        assert f"line {number} is not written: " in text
        assert "max.message.bytes" in text
    found = [json.loads(value)["n"] for *_, value, _, _ in seen(properties, name, "read_committed", 2)]
    assert sorted(found) == [n for n in range(1, 401) if n not in large]
    for key in range(7):
        of_key = [n for n in found if n % 7 == key]
        assert of_key == sorted(of_key)
    errors = session.sql("SHOW ERRORS").to_arrow().to_pylist()
    assert sorted(row["offset"] for row in errors) == sorted(large)


def test_without_skip_the_error_has_the_line_and_nothing_after_it_is_written(session_of, topic, properties, tmp_path) -> None:
    name, path = topic([], max_message_bytes=LIMIT), tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(lines_with_large_ones({230, 300})))
    with pytest.raises(BindError) as failed:
        session_of().sql(f"COPY {name} FROM '{path}'")
    assert "line 230" in failed.value.what
    assert "too large" in failed.value.what
    assert "229 records written before (lines 1 to 229), and none after" in failed.value.hint
    found = [json.loads(value)["n"] for *_, value, _, _ in seen(properties, name, "read_committed")]
    assert found == list(range(1, 230))


def test_what_fits_once_it_is_compressed_is_written(session_of, topic, properties, tmp_path) -> None:
    name, path = topic([], max_message_bytes=LIMIT), tmp_path / "rows.jsonl"
    rows = [json.dumps({"n": n, "s": "x" * 50_000}).encode() for n in range(20)]
    path.write_bytes(b"\n".join(rows))
    said = session_of(compression_type="gzip").sql(f"COPY {name} FROM '{path}'")
    assert (said.text, said.notices) == (f"20 records written to {name}.", ())
    assert [value for *_, value, _, _ in seen(properties, name, "read_committed")] == rows


def test_rows_of_a_dump_are_said_with_their_numbers(session_of, topic, properties, tmp_path) -> None:
    """Headers count too."""
    source, target, path = topic([], partitions=2), topic([], partitions=2, max_message_bytes=LIMIT), tmp_path / "d.parquet"
    session = session_of()
    for n in range(10):
        headers = f"MAP('h' := '{'y' * (LIMIT if n == 4 else 10)}')"
        session.sql(f"INSERT INTO {source} (ROWVALUE, ROWPARTITION, ROWHEADERS) VALUES ('{n}', {n % 2}, {headers})")
    session.sql(f"COPY {source} TO '{path}' WITH (ENVELOPE=true)")
    said = session.sql(f"COPY {target} FROM '{path}' WITH (ENVELOPE=true, ON_ERROR='skip')")
    assert said.text == f"9 records written to {target}."
    (text,) = [n.text for n in said.notices]
    assert " row " in text
    found = sorted(int(value) for *_, value, _, _ in seen(properties, target, "read_committed", 2))
    assert found == [n for n in range(10) if n != 4]


def test_rows_of_one_insert_need_not_fit_into_one_batch(session_of, topic, properties) -> None:
    name, session = topic([], max_message_bytes=LIMIT), session_of()
    rows = ", ".join(f"('{n}{'x' * 300}')" for n in range(50))
    session.sql(f"INSERT INTO {name} (ROWVALUE) VALUES {rows}")
    assert len(seen(properties, name, "read_committed")) == 50
    with pytest.raises(KafkaError, match="too large"):
        session.sql(f"INSERT INTO {name} (ROWVALUE) VALUES ('{'x' * 2 * LIMIT}')")
