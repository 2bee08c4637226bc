"""Reads a file of rows block by block, for COPY: memory stays flat, and a bad row has its line.

A reader is made for a kind of file and the columns that are wanted of it, and then iterated once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import KshellError
from kshell.formats.blocks import NEWLINE, Block, Blocks, ends_of, good, no_column, pieces
from kshell.formats.cells import Bad
from kshell.formats.csv_blocks import read_csv

__all__ = ["KINDS", "open_blocks"]

_ROWS = 1 << 15  # rows of Parquet and Avro at a time
_SAMPLES = 1000  # objects that show which fields a file of JSON has


# Lines of JSON


def _json(blocks: Blocks) -> Iterator[Block]:
    """Objects, one on each line; empty lines are passed over."""
    from kshell.formats.base import Half, Place
    from kshell.formats.json_codec import JsonCodec

    wanted = tuple(
        Column(c.name, pa.string()) if pa.types.is_null(c.type) else c for c in blocks.wanted or ()
    )
    blocks.columns = wanted
    place = Place(blocks.path, Half.VALUE, FormatSpec("JSON"), wanted, loose=blocks.loose)
    codec, names = JsonCodec(place), [c.name for c in wanted]
    first = True
    for data, line in pieces(blocks, quoted=False):
        texts, lines = _lines(data, line)
        if first:
            _look(blocks, texts)
            first = False
        if names:
            found = codec.decode(texts, names)
            bad, block = found.bad, good(found.columns, names, lines, found.bad)
        else:
            bad = _not_objects(texts)
            block = good([texts], ["text"], lines, bad)
        if bad:
            kept = np.isin(lines, block.lines)
            texts = texts.filter(pa.array(kept))
        yield Block(block.rows, block.lines, block.bad, texts)


def _not_objects(texts: pa.Array) -> Bad:
    """The rows that are no objects of JSON, where no field is read."""
    from kshell.formats.json_scan import Field, Names, Types, scan

    found = scan(texts, [Field("", pa.string())], Names.EXACT, Types.KSQL)
    return list(found.bad)


def _lines(data: bytes, line: int) -> tuple[pa.Array, Any]:
    """The lines that are not empty, without their ends, and their numbers."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    bytes_ = np.frombuffer(data, np.uint8)
    ends = ends_of(bytes_, np.flatnonzero(bytes_ == NEWLINE), ())
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends - np.arange(len(ends))  # so many line breaks are before each end
    plain = data.replace(b"\n", b"")
    made = pa.Array.from_buffers(
        pa.binary(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(plain)]
    )
    numbers = line + np.arange(len(ends))
    there = np.diff(offsets) > 0
    if not there.all():
        made, numbers = made.filter(pa.array(there)), numbers[there]
    return made, numbers


def _look(blocks: Blocks, texts: pa.Array) -> None:
    """Settle from the first objects what nobody wanted; BindError where a needed field lacks."""
    from kshell.formats.shapes import shape_of

    shape, _ = shape_of(texts.slice(0, _SAMPLES).to_pylist())
    fold: Callable[[str], str] = str.upper if blocks.loose else str
    known = {fold(c.name) for c in blocks.columns}
    blocks.others = tuple(name for name in shape.fields if fold(name) not in known)
    there = {fold(name) for name in shape.fields}
    for name in blocks.needs:
        if there and fold(name) not in there:
            raise no_column(name, list(shape.fields))


# Parquet and Avro


def _parquet(blocks: Blocks) -> Iterator[Block]:
    from pyarrow import parquet

    file = parquet.ParquetFile(blocks.stream)
    blocks.what = "row"
    blocks.choose(file.schema_arrow)
    names = list(dict.fromkeys(blocks.names.values()))
    for batch in file.iter_batches(_ROWS, columns=names, use_threads=False):
        blocks.read = blocks.stream.tell()
        yield blocks.of_batch(batch)


def _avro(blocks: Blocks) -> Iterator[Block]:
    from kshell.formats.avro_file import read_avro

    blocks.what = "row"
    schema, batches = read_avro(blocks.stream, blocks.wrong)
    blocks.choose(schema)
    for batch in batches:
        blocks.read = blocks.stream.tell()
        yield blocks.of_batch(batch)


KINDS: Mapping[str, Callable[[Blocks], Iterator[Block]]] = {
    "jsonl": _json,
    "csv": read_csv,
    "parquet": _parquet,
    "avro": _avro,
}


def open_blocks(kind: str, blocks: Blocks) -> Iterator[Block]:
    """The blocks of a file of a kind; raises BindError with the path and the line."""
    try:
        yield from KINDS[kind](blocks)
    except KshellError:
        raise
    except Exception as error:  # libraries raise all kinds at damaged bytes
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise blocks.wrong(f"it cannot be read: {why}") from None
