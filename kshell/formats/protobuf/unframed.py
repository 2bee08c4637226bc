"""Protobuf records of a schema file, whether or not a registry's producer framed them.

`codec` uses it if SCHEMA_FILE gives the message.  A frame begins with a zero byte and a message
never does, so the first byte shows which it is.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kshell.errors import CorruptRecord
from kshell.formats.framing import HEADER, NO_VALUE, UNFRAMED, read_indexes, schema_ids
from kshell.formats.json_scan import Scanned
from kshell.formats.protobuf.decode import Plain

__all__ = ["Unframed"]


class Unframed:
    """Removes frames and message indexes, then reads as `Plain` does."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain

    def decode(self, data: pa.Array) -> Scanned:
        """A column for each field; the ids in front, which no registry knows, count for nothing."""
        ids = schema_ids(data)
        framed = np.flatnonzero((ids != UNFRAMED) & (ids != NO_VALUE))
        if not len(framed):
            return self._plain.decode(data)
        values = data.to_pylist()
        bad: list[tuple[int, str]] = []
        for row in framed.tolist():
            payload = values[row][HEADER:]
            try:
                values[row] = payload[read_indexes(payload)[1] :]
            except CorruptRecord as error:
                values[row] = None
                bad.append((row, error.what))
        found = self._plain.decode(pa.array(values, pa.binary()))
        return Scanned(found.columns, sorted([*found.bad, *bad]))
