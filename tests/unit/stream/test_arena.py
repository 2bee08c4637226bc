"""Rows by their ids, and the rows of a table: against lists and dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.stream.arena import KeyedRows, Rows
from kshell.stream.state import Entries

many = settings(max_examples=40, deadline=None, database=None)
SCHEMA = pa.schema([("k", pa.string()), ("n", pa.int64())])


def batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip("kn", r, strict=True)) for r in rows], schema=SCHEMA)


def listed(rows: pa.RecordBatch) -> list[tuple[Any, ...]]:
    return [tuple(r.values()) for r in rows.to_pylist()]


def as_dict(entries: Entries) -> dict[Any, Any]:
    assert isinstance(entries.values, pa.RecordBatch)
    assert not any(entries.gone.to_pylist())
    return dict(zip(listed(entries.keys), listed(entries.values), strict=True))


ADDED = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 99)), max_size=40)


@many
@given(st.lists(st.tuples(ADDED, st.integers(0, 3)), max_size=10), st.integers(0, 4))
def test_rows(calls: list[tuple[list[Any], int]], start: int) -> None:
    rows, copy = Rows(SCHEMA), Rows(SCHEMA)
    model: dict[int, Any] = {}
    for turn, (added, gone) in enumerate(calls):
        ids = rows.add(batch(added))
        model |= dict(zip(ids.tolist(), added, strict=True))
        dead = [i for i in model if i % 4 < gone]
        rows.drop(np.array(dead[::-1], np.int64))
        for i in dead:
            del model[i]
        order = list(model)[::-1]
        assert listed(rows.take(np.array(order, np.int64))) == [model[i] for i in order]
        assert len(rows) == len(model)
        assert as_dict(rows.snapshot()) == {(i,): r for i, r in model.items()}
        if turn == start:
            copy.load(rows.snapshot())
        elif turn > start:
            copy.load(rows.changed())
            assert as_dict(copy.snapshot()) == as_dict(rows.snapshot())


@many
@given(st.lists(st.tuples(ADDED, st.sets(st.sampled_from("abcdefgh"))), max_size=10), st.integers(0, 4))
def test_keyed_rows(calls: list[tuple[list[Any], set[str]]], start: int) -> None:
    rows, copy = KeyedRows(SCHEMA, ["k"]), KeyedRows(SCHEMA, ["k"])
    model: dict[Any, Any] = {}
    for turn, (added, gone) in enumerate(calls):
        given = batch(added)
        rows.put(rows.slots(given), given)
        model |= {r[0]: r for r in added}
        slots = rows.keys.find([pa.array(sorted(gone), pa.string())])
        rows.drop(slots[slots >= 0])
        for key in gone:
            model.pop(key, None)
        ids = rows.find([pa.array(list("abcdefgh"))])
        assert [k for k, i in zip("abcdefgh", ids, strict=True) if i >= 0] == sorted(model)
        assert listed(rows.take(ids[ids >= 0])) == [model[k] for k in sorted(model)]
        assert as_dict(rows.snapshot()) == {(k,): r for k, r in model.items()}
        if turn == start:
            copy.load(rows.snapshot())
        elif turn > start:
            copy.load(rows.changed())
            assert as_dict(copy.snapshot()) == as_dict(rows.snapshot())


def test_memory_follows_the_rows_that_live() -> None:
    rows = Rows(SCHEMA)
    for n in range(300):
        ids = rows.add(batch([("x" * 100, n)] * 1000))
        rows.drop(ids[10:])
    assert len(rows) == 3000
    assert rows.nbytes < 3 * 3000 * 120


def test_few_rows_at_a_time_do_not_make_many_chunks() -> None:
    rows = Rows(SCHEMA)
    for n in range(2000):
        rows.add(batch([("x", n)]))
    assert len(rows._chunks) < 20
