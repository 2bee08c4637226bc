"""The containers of operators' state: C and Python give the same, and both what plain Python says."""

from __future__ import annotations

import importlib
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.stream import containers_py

many = settings(max_examples=60, deadline=None, database=None)


def _both() -> list[Any]:
    try:
        return [importlib.import_module("kshell.stream._containers"), containers_py]
    except ImportError:
        pytest.skip("the part in C was not built")


def ints(values: list[int]) -> Any:
    return np.array(values, np.int64)


def listed(result: Any) -> Any:
    return [part.tolist() for part in result] if isinstance(result, tuple) else result.tolist()


KEY = st.tuples(
    st.one_of(st.none(), st.binary(max_size=9)), st.one_of(st.none(), st.integers(-3, 3))
)
KEYS = st.lists(KEY, min_size=1, max_size=30)


@many
@given(st.lists(st.tuples(st.sampled_from(["add", "find", "drop"]), KEYS, st.integers(0, 5)), max_size=12))
def test_key_map(calls: list[tuple[str, list[Any], int]]) -> None:
    types = [pa.binary(), pa.int32()]
    maps = [module.KeyMap(types) for module in _both()]
    model: dict[Any, int] = {}
    for call, keys, cut in calls:
        columns = [pa.array(c, t).slice(0) for c, t in zip(zip(*keys, strict=True), types, strict=True)]
        columns = [pa.concat_arrays([c.slice(0, 1), c]).slice(1) for c in columns]  # an offset
        if call == "drop":
            gone = sorted({model.pop(k) for k in keys[cut:] if k in model})
            for one in maps:
                one.drop(ints(gone))
        elif call == "find":
            expected = [model.get(k, -1) for k in keys]
            assert [one.find(columns).tolist() for one in maps] == [expected] * 2
        else:
            fresh = [k not in model and k not in keys[:i] for i, k in enumerate(keys)]
            (slots, new), (others, same) = (one.add(columns) for one in maps)
            assert slots.tolist() == others.tolist()
            assert new.tolist() == same.tolist() == fresh
            model |= dict(zip(keys, slots.tolist(), strict=True))
            assert len(set(model.values())) == len(model)
        assert {len(one) for one in maps} == {len(model)}
        assert len({one.size for one in maps}) == 1
        for one in maps:
            values = one.values(ints(list(model.values())))
            assert list(zip(*(v.to_pylist() for v in values), strict=True)) == list(model)


def test_a_key_map_of_many() -> None:
    rows = pa.array(range(200_000), pa.int64())
    for module in _both():
        keys = module.KeyMap([pa.int64()])
        slots, _ = keys.add([rows])
        keys.drop(slots[slots % 3 > 0])
        assert (keys.find([rows]) == np.where(slots % 3 > 0, -1, slots)).all()
        again, fresh = keys.add([rows])
        assert fresh.sum() == (slots % 3 > 0).sum()
        assert keys.size == 200_000
        assert keys.values(again)[0].equals(rows)


def test_a_key_map_of_long_and_short_keys() -> None:
    keys = [None if n % 7 == 0 else b"k" * (n * 211 % 3001) for n in range(500)]
    column = pa.array(keys, pa.binary())
    model = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    for module in _both():
        keymap = module.KeyMap([pa.binary()])
        slots, fresh = keymap.add([column])
        assert slots.tolist() == [model[key] for key in keys]
        assert np.flatnonzero(fresh).tolist() == [keys.index(key) for key in model]
        assert (keymap.find([column]) == slots).all()


@many
@given(st.lists(st.tuples(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 3))), st.integers(-9, 9))))
def test_heap(calls: list[tuple[list[tuple[int, int]], int]]) -> None:
    heaps = [module.Heap() for module in _both()]
    model: list[tuple[int, int]] = []
    for pairs, until in calls:
        model = sorted(model + pairs)
        first = [p for p in model if p[0] <= until]
        model = model[len(first) :]
        for heap in heaps:
            heap.push(ints([t for t, _ in pairs]), ints([i for _, i in pairs]))
            times, items = heap.pop(until)
            assert list(zip(times.tolist(), items.tolist(), strict=True)) == first
            assert len(heap) == len(model)


ROW = st.tuples(st.integers(0, 3), st.integers(0, 30))
CALL = st.tuples(st.sampled_from(["add", "between", "remove", "expire"]), st.lists(ROW, max_size=20),
                 st.integers(0, 30))  # fmt: skip


@many
@given(st.lists(CALL, max_size=20))
def test_times(calls: list[tuple[str, list[tuple[int, int]], int]]) -> None:
    both = [module.Times() for module in _both()]
    model: dict[int, list[tuple[int, int]]] = defaultdict(list)
    count = 0
    for call, rows, until in calls:
        slots, times = ints([s for s, _ in rows]), ints([t for _, t in rows])
        if call == "add":
            ids = np.arange(count, count + len(rows))
            count += len(rows)
            for (slot, time), item in zip(rows, ids.tolist(), strict=True):
                model[slot] = sorted([*model[slot], (time, item)])
            for one in both:
                one.add(slots, times, ids)
        elif call == "remove":
            found = [(s, t, next((i for u, i in model[s] if u == t), 0)) for s, t in rows]
            for slot, time, item in found:
                if (time, item) in model[slot]:
                    model[slot].remove((time, item))
            for one in both:
                one.remove(*(ints([f[n] for f in found]) for n in range(3)))
        elif call == "expire":
            had = {s for s in model if model[s]}
            gone = sorted(i for s in model for t, i in model[s] if t <= until)
            for slot in model:
                model[slot] = [e for e in model[slot] if e[0] > until]
            for one in both:
                ids, empty = one.expire(until)
                assert sorted(ids.tolist()) == gone
                assert sorted(empty.tolist()) == sorted(s for s in had if not model[s])
        asked = ints([-1, 0, 1, 2, 3, 9])
        low, high = ints([until - 5] * 6), ints([until] * 6)
        expected = [
            (n, item, time)
            for n, slot in enumerate(asked.tolist())
            for time, item in model.get(slot, [])
            if until - 5 <= time <= until
        ]
        for one in both:
            assert list(zip(*listed(one.between(asked, low, high)), strict=True)) == expected
            assert one.counts(asked, low, high).sum() == len(expected)
            assert listed(one.held(asked)) == [len(model.get(s, [])) for s in asked.tolist()]
            assert len(one) == sum(map(len, model.values()))


def test_far_late_rows_of_one_slot_keep_their_order() -> None:
    """More than a few entries are moved at once, which is another way."""
    times = np.random.default_rng(1).permutation(np.repeat(np.arange(2000), 2))
    ids = np.arange(4000)
    expected = ids[np.argsort(times, kind="stable")].tolist()
    for module in _both():
        one = module.Times()
        for start in range(0, 4000, 1000):
            part = slice(start, start + 1000)
            one.add(np.zeros(1000, np.int64), times[part], ids[part])
        assert one.between(ints([0]), ints([0]), ints([5000]))[1].tolist() == expected


WAITER = st.tuples(st.integers(0, 1), st.integers(0, 25), st.integers(0, 6), st.booleans(), st.integers(0, 20))


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(WAITER, max_size=60), st.integers(0, 9), st.integers(0, 9), st.integers(0, 6), st.integers(1, 9))
def test_waiting(
    rows: list[tuple[int, int, int, bool, int]], left: int, right: int, grace: int, size: int
) -> None:
    """Late and early rows, some of which end the wait of one of the other side."""
    c, twin = (module.Waiting(left, right, grace) for module in _both())
    now, clock, events = -1, 0, []
    for item, (side, step, late, stays, _) in enumerate(rows):
        clock += step
        now = max(now, clock - late)
        events.append((side, clock - late, now, item, stays))
    for start in range(0, len(events), size):
        part = events[start : start + size]
        ended = [(n, events[rows[start + n][4]]) for n in range(len(part)) if rows[start + n][4] < start + n]
        ended = [(n, e) for n, e in ended if e[0] != part[n][0]]
        arrays = [ints([e[k] for e in part]) for k in range(4)]
        arrays += [np.array([e[4] for e in part], np.bool_)]
        arrays += [ints([n for n, _ in ended]), ints([e[1] for _, e in ended]), ints([e[3] for _, e in ended])]
        assert listed(c.step(*arrays)) == listed(twin.step(*arrays))
        assert (len(c), c.least) == (len(twin), twin.least)
