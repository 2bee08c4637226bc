"""DESCRIBE topic EXTENDED: every schema id in a topic, with its count and first offsets.

`describe` calls it.  It reads the whole topic, only the first bytes of each record, for a limited
time; if it could not read all, it says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kshell.errors import CorruptRecord, UnknownSchema
from kshell.formats.base import Half
from kshell.formats.framing import schema_ids
from kshell.formats.registry import Schemas
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot
from kshell.kafka.records import Wanted, decode
from kshell.results import Notice, NoticeKind, Rows, Sections

__all__ = ["schema_ids_of"]

_SECONDS = 10.0


@dataclass(slots=True)
class _Seen:
    """A schema id in keys or in values: its count, and its first offset per partition."""

    count: int
    first: dict[int, int]


def schema_ids_of(
    client: Client, snapshot: Snapshot, halves: Iterable[Half], schemas: Schemas | None
) -> Sections:
    """A table of ids; no parts if neither keys nor values have any."""
    halves = tuple(halves)
    offsets = snapshot.offsets
    total = sum(end - first for first, end in offsets.values())
    if not halves or not total:
        return Sections()
    found: dict[tuple[Half, int], _Seen] = {}
    wanted = Wanted(offset=True, key=Half.KEY in halves, value=Half.VALUE in halves)
    fetch = Fetch(client, snapshot, {p: o for p, o in offsets.items() if o[0] < o[1]})
    began, left, late = time.monotonic(), total, False
    for chunk in fetch:
        late = time.monotonic() - began > _SECONDS
        if late:
            fetch.cancel()
            break
        end = offsets[chunk.partition][1]
        left -= max(min(chunk.next, end) - chunk.start, 0)
        try:
            batch = decode(
                chunk.records, wanted, start=chunk.start, end=end, aborted=chunk.aborted
            ).batch
        except CorruptRecord:
            continue  # a scan reports bad records; here they have no schema
        for half in halves:
            _count(found, half, chunk.partition, batch)
    parts = (_table(found, schemas),) if found else ()
    if not late:
        return Sections(parts)
    text = f"stopped after {_SECONDS:g} s: up to {left:,} of {total:,} records were not read"
    return Sections(parts, (Notice(NoticeKind.PARTIAL, text, left),))


def _count(
    found: dict[tuple[Half, int], _Seen], half: Half, partition: int, batch: pa.RecordBatch
) -> None:
    ids = schema_ids(batch.column(half.value))
    offsets = batch.column("offset")
    there, first, counts = np.unique(ids, return_index=True, return_counts=True)
    for id, row, count in zip(there.tolist(), first.tolist(), counts.tolist(), strict=True):
        if id <= 0:
            continue
        seen = found.setdefault((half, id), _Seen(0, {}))
        seen.count += count
        seen.first.setdefault(partition, offsets[row].as_py())


def _table(found: dict[tuple[Half, int], _Seen], schemas: Schemas | None) -> Rows:
    rows = sorted(found.items(), key=lambda item: (item[0][0].value, item[0][1]))
    return Rows.of(
        pa.table(
            {
                "part": pa.array([half.value for (half, _), _ in rows], pa.string()),
                "schema id": pa.array([id for (_, id), _ in rows], pa.int64()),
                "kind": pa.array([_kind(schemas, id) for (_, id), _ in rows], pa.string()),
                "records": pa.array([seen.count for _, seen in rows], pa.int64()),
                "first offsets": pa.array(
                    [
                        ", ".join(f"{p}: {o}" for p, o in sorted(seen.first.items()))
                        for _, seen in rows
                    ],
                    pa.string(),
                ),
            }
        ),
        "Schema ids (first offset per partition)",
    )


def _kind(schemas: Schemas | None, id: int) -> str | None:
    if schemas is None:
        return None
    try:
        return schemas.by_id(id).type.value
    except UnknownSchema:
        return "not in the registry"
