"""Exported state as a store would keep it: what is there, by part and key."""

from __future__ import annotations

from collections.abc import Mapping

from kshell.stream.state import Entries

__all__ = ["State", "applied", "held"]

State = dict[str, dict[str, str]]


def held(parts: Mapping[str, Entries]) -> State:
    """What is there; each key stands once, there or gone."""
    out: State = {}
    for name, entries in parts.items():
        values = entries.values.to_pylist()
        keys = [repr(key) for key in entries.keys.to_pylist()]
        assert len(set(keys)) == len(keys)
        there = zip(keys, values, entries.gone.to_pylist(), strict=True)
        out[name] = {key: repr(value) for key, value, gone in there if not gone}
    return out


def applied(state: State, parts: Mapping[str, Entries]) -> None:
    """Puts what changed over what was there."""
    for name, entries in parts.items():
        mine = state.setdefault(name, {})
        for key, gone in zip(entries.keys.to_pylist(), entries.gone.to_pylist(), strict=True):
            if gone:
                mine.pop(repr(key), None)
        mine.update(held({name: entries})[name])
