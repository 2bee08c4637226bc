"""Gives a join the rows of both inputs one after the other, as they stand in the step.

`graph` puts it around a join that takes one input at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pyarrow as pa

from kshell.changes import Changes

__all__ = ["Alternating"]


class _OneAtATime(Protocol):
    def step(self, port: int, batch: Changes) -> Changes:
        """The output for rows of one input; `port` is 0 for the left, 1 for the right."""


class Alternating:
    """Steps a join for each place of the step at which there are rows."""

    def __init__(self, join: _OneAtATime) -> None:
        self.join = join

    def step(self, *inputs: Changes) -> Changes:
        """The outputs, each in the place of the rows that made it."""
        left, right = inputs
        if not right or not left:
            port = 0 if left else 1
            if inputs[port].order is None:
                return self.join.step(port, inputs[port])
        out = [
            Changes(made.rows, made.weights, pa.repeat(pa.scalar(place, pa.int64()), len(made)))
            for port, place, part in _places(left, right)
            if len(made := self.join.step(port, part))
        ]
        if not out:
            return self.join.step(0, left.slice(0, 0))
        return Changes.concat(out, out[0].rows.schema)


def _places(left: Changes, right: Changes) -> Iterator[tuple[int, int, Changes]]:
    """The rows of each place with their input, in the order of the places."""
    parts = []
    for port, changes in enumerate((left, right)):
        if not changes:
            continue
        assert changes.order is not None  # both inputs have rows
        places = np.asarray(changes.order)
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        ends = np.append(starts[1:], len(places))
        parts += [
            (int(places[start]), port, changes.slice(int(start), int(end - start)))
            for start, end in zip(starts, ends, strict=True)
        ]
    parts.sort(key=lambda part: part[0])
    return ((port, place, rows) for place, port, rows in parts)
