"""One record, one value: every statement that reads records is asked for the same odd ones.

The zoo's table says by hand what each is.  Usual records surround them, so that a sample has these alone.
"""

from __future__ import annotations

import math
import time

import pytest

from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.results import Live
from kshell.session import Session

from .answers import rows_of
from .zoo import HERDS, Bad, Herd

AROUND = 30  # more than a sample has of one end
PLACE = "ROWOFFSET AS P"
_named = {"ids": lambda herd: herd.name}


class Keep:
    """A herd in a topic, and a session that knows its format."""

    def __init__(self, herd: Herd, bootstrap: str, topic: str, folder) -> None:
        self.herd, self.topic = herd, topic
        properties = {"bootstrap.servers": bootstrap, "auto.offset.reset": "earliest", "kshell.files": "true"}
        half = f"topic.{topic}.value"
        if herd.format not in ("JSON", "KAFKA"):
            properties[f"{half}.format"] = herd.format
        if herd.schema is not None:
            end, text = herd.schema
            self.file = folder / f"{herd.name}.{end}"
            self.file.write_text(text)
            properties[f"{half}.schema.file"] = str(self.file)
        self.session = Session(Properties(properties))

    def execute(self, text: str):
        return list(self.session.execute(text))[-1]

    def rows(self, text: str) -> tuple[dict[int, dict], dict[int, str]]:
        """Rows by their offset, and reasons of error rows by theirs."""
        log = self.session.engine.context.errors = ErrorLog()
        answer = self.execute(text)
        rows = _until_the_end(answer) if isinstance(answer, Live) else rows_of(answer)
        return {row.pop("P"): row for row in rows}, {bad.offset: bad.reason for bad in log.rows()}

    def declare(self) -> None:
        columns = ", ".join(f"`{n}` {t}" for n, t in self.herd.columns.items())
        options = f"KAFKA_TOPIC='{self.topic}', VALUE_FORMAT='{self.herd.format}'"
        if self.herd.schema is not None:
            options += f", VALUE_SCHEMA_FILE='{self.file}'"
        self.execute(f"CREATE STREAM kept ({columns}) WITH ({options})")

    @property
    def items(self) -> str:
        return ", ".join(f"`{n}`" for n in self.herd.columns)


def _until_the_end(live: Live) -> list[dict]:
    rows, deadline, quiet = [], time.monotonic() + 20, 0
    while quiet < 2:
        assert time.monotonic() < deadline, rows
        changes = live.poll(0.05)
        assert changes is not None
        rows += changes.rows.to_pylist()
        quiet = quiet + 1 if not live.stats().lag and not changes.rows.num_rows else 0
    live.cancel()
    return rows


@pytest.fixture(scope="module", params=HERDS, **_named)
def keep(request, demo, topic_of, tmp_path_factory):
    herd = request.param
    usual = [herd.usual] * AROUND
    topic = topic_of(*usual, *(r for r, _ in herd.records), *usual)
    made = Keep(herd, demo.bootstrap, topic, tmp_path_factory.mktemp("zoo"))
    made.declare()
    yield made
    made.session.close()


def _alike(found, wanted) -> bool:
    """Equal, where NaN is, and the sign of a zero counts."""
    if isinstance(wanted, float) and isinstance(found, float):
        same = found == wanted and math.copysign(1, found) == math.copysign(1, wanted)
        return same or (math.isnan(found) and math.isnan(wanted))
    if isinstance(wanted, dict) and isinstance(found, dict):
        return found.keys() == wanted.keys() and all(_alike(found[n], wanted[n]) for n in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_alike, found, wanted))
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _check(herd: Herd, found: dict[int, dict], bad: dict[int, str], wanted, tombstones: bool) -> None:
    """Each record of the zoo is the row, or the error row, that is wanted of it."""
    wrong = []
    for number, (record, _) in enumerate(herd.records):
        offset, value = AROUND + number, wanted[number]
        if isinstance(value, Bad):
            if offset in found or value.why not in bad.get(offset, "no error"):
                wrong.append((record, value, found.get(offset), bad.get(offset)))
        elif record is None and not tombstones:
            if offset in found or offset in bad:
                wrong.append((record, "no row", found.get(offset), bad.get(offset)))
        else:
            row = dict.fromkeys(herd.columns) | (value or {})
            if offset in bad or not _alike(found.get(offset), row):
                wrong.append((record, row, found.get(offset), bad.get(offset)))
    assert not wrong, "\n".join(map(repr, wrong))
    usual = {*range(AROUND), *range(AROUND + len(wanted), 2 * AROUND + len(wanted))}
    assert usual <= found.keys()
    assert bad.keys() | found.keys() <= set(range(2 * AROUND + len(wanted)))


def undeclared(herd: Herd) -> list:
    return [value for _, value in herd.records]


def declared(herd: Herd) -> list:
    return [herd.of_declared(record, value) for record, value in herd.records]


def test_a_bounded_query_over_a_topic(keep):
    if not keep.herd.fits:
        pytest.skip("a bounded query makes the types wider: test_values and test_wider_singles have what comes of it")
    rows, bad = keep.rows(f"SELECT {PLACE}, {keep.items} FROM {keep.topic}")
    _check(keep.herd, rows, bad, undeclared(keep.herd), tombstones=True)


def test_a_continuous_query_over_a_topic(keep):
    rows, bad = keep.rows(f"SELECT {PLACE}, {keep.items} FROM {keep.topic} EMIT CHANGES")
    _check(keep.herd, rows, bad, undeclared(keep.herd), tombstones=False)


@pytest.mark.parametrize("end", ["", " EMIT CHANGES"])
def test_a_declared_stream(keep, end):
    rows, bad = keep.rows(f"SELECT {PLACE}, {keep.items} FROM kept{end}")
    _check(keep.herd, rows, bad, declared(keep.herd), tombstones=False)


def test_print(keep):
    """The text of values without a schema; else the value, or the error, that a query has."""
    herd = keep.herd
    wanted = undeclared(herd)
    if herd.plain:
        wanted = [_text(record) for record, _ in herd.records]
    elif len(herd.columns) == 1:
        wanted = [v if v is None or isinstance(v, Bad) else v["VALUE"] for v in wanted]
    else:
        wanted = [v if v is None or isinstance(v, Bad) else dict.fromkeys(herd.columns) | v for v in wanted]
    log = keep.session.engine.context.errors = ErrorLog()
    printed = _until_the_end(keep.execute(f"PRINT {keep.topic} FROM BEGINNING"))
    rows = {r["offset"]: r["value"] for r in printed if r["error"] is None}
    bad = {r["offset"]: r["error"] for r in printed if r["error"] is not None}
    assert bad == {b.offset: b.reason for b in log.rows()}
    for number, value in enumerate(wanted):
        offset = AROUND + number
        record = herd.records[number][0]
        if isinstance(value, Bad):
            assert offset not in rows, record
            assert value.why in bad[offset], record
        else:
            assert offset in rows, record
            assert _alike(rows[offset], value), record
    assert len(rows) + len(bad) == 2 * AROUND + len(wanted)


def _text(record: bytes | None):
    try:
        return None if record is None else record.decode()
    except UnicodeDecodeError:
        return Bad("not valid UTF-8")


def test_a_stream_made_of_it(keep):
    """What CREATE STREAM AS SELECT writes, read back; JSON has no NaN and no infinities."""
    name = f"copy_{keep.herd.name}"
    keep.execute(f"CREATE STREAM {name} WITH (VALUE_FORMAT='JSON') AS SELECT {PLACE}, {keep.items} FROM {keep.topic} EMIT CHANGES")
    (query,) = [q for q in keep.session.engine.context.queries.values() if q.sink.target.name == name.upper()]
    assert query.catch_up(10)
    keep.execute(f"TERMINATE {query.id}")
    rows, _ = keep.rows(f"SELECT P, {keep.items} FROM {name}")
    for number, (record, value) in enumerate(keep.herd.records):
        offset = AROUND + number
        if value is None or isinstance(value, Bad):
            assert offset not in rows, record
        elif not any(isinstance(v, float) and not math.isfinite(v) for v in value.values()):
            assert _alike(rows[offset], dict.fromkeys(keep.herd.columns) | value), record


def test_asserted_values(keep):
    """ASSERT VALUES of one good record after the other; bad ones are not there for it."""
    herd = keep.herd
    taken = keep.session.engine.context.asserted.setdefault(keep.topic, set())
    taken.update((0, offset) for offset in range(AROUND))
    said = []
    for number, value in enumerate(declared(herd)):
        row = None if value is None or isinstance(value, Bad) else [value.get(n) for n in herd.columns]
        shown = [_literal(cell) for cell in row or ()]
        if row is None or None in shown:
            taken.add((0, AROUND + number))
        else:
            said.append(f"({', '.join(shown)})")
    log = keep.session.engine.context.errors = ErrorLog()
    told = keep.execute(f"ASSERT VALUES kept ({keep.items}) VALUES {', '.join(said)}")
    assert "has the asserted record" in told.text
    wanted = {AROUND + n for n, value in enumerate(declared(herd)) if isinstance(value, Bad)}
    assert {b.offset for b in log.rows()} == wanted


def _literal(value) -> str | None:
    """The value in SQL; None for one that has no literal, or is not equal to itself."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float):
        return None if math.isnan(value) else f"CAST('{value!r}' AS DOUBLE)".replace("inf", "Infinity")
    if isinstance(value, list):
        cells = [_literal(v) for v in value]
        return f"ARRAY[{', '.join(cells)}]" if any(v is not None for v in value) else None
    if isinstance(value, dict):
        cells = [_literal(v) for v in value.values()]
        return "STRUCT(" + ", ".join(f"`{n}` := {c}" for n, c in zip(value, cells, strict=True)) + ")"
    return str(value)
