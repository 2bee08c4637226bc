"""Compares the sources at the end of a case with those that it expects ("post").

`run` calls it if the records agree.  A schema is written as in a declaration, and the grammar reads
it; names fold as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from kshell.cases.model import SourceSpec
from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Source
from kshell.formats.base import Half
from kshell.formats.source_reader import unwraps
from kshell.sql.clauses import ColumnRole
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.types import read_columns
from kshell.sql.script import Piece
from kshell.types import ksql_name, quote_ksql

__all__ = ["missing_source", "schema_text"]

_KEYS = (ColumnRole.KEY, ColumnRole.PRIMARY_KEY)


def missing_source(
    catalog: Catalog, specs: Sequence[SourceSpec], types: Mapping[str, pa.DataType]
) -> str:
    """The difference of the first source that differs; empty if none does."""
    for spec in specs:
        source = catalog.sources.get(spec.name)
        wrong = "is not there" if source is None else _wrong(source, spec, types)
        if wrong:
            return f"source {spec.name}: {wrong}"
    return ""


def schema_text(source: Source) -> str:
    """A source's columns as in ksqlDB's output.

    >>> from kshell.catalog.model import Column, FormatSpec, Kind
    >>> json = FormatSpec("JSON")
    >>> k, v = (Column("K", pa.int32()),), (Column("V", pa.string()),)
    >>> schema_text(Source("S", Kind.STREAM, "t", k, v, json, json))
    '`K` INTEGER KEY, `V` STRING'
    """
    keys = [f"{quote_ksql(c.name)} {ksql_name(c.type)} KEY" for c in source.key]
    return ", ".join([*keys, *(f"{quote_ksql(c.name)} {ksql_name(c.type)}" for c in source.value)])


def _wrong(source: Source, spec: SourceSpec, types: Mapping[str, pa.DataType]) -> str:
    facts = [
        ("type", source.kind.value, spec.kind or None),
        ("schema", schema_text(source), _written(spec.schema, types)),
        ("key format", source.key_format.name, _upper(spec.key_format.get("format"))),
        ("value format", source.value_format.name, _upper(spec.value_format.get("format"))),
        ("window", *_windows(source, spec)),
        ("key features", _features(source, Half.KEY), spec.key_features),
        ("value features", _features(source, Half.VALUE), spec.value_features),
        ("read-only", source.read_only, spec.read_only),
    ]
    for what, actual, expected in facts:
        if expected is not None and actual != expected:
            return f"{what}: expected {expected}, got {actual}"
    return ""


def _features(source: Source, half: Half) -> tuple[str, ...]:
    return ("UNWRAP_SINGLES",) if unwraps(source, half) else ()


def _upper(name: Any) -> str | None:
    return str(name).upper() if name is not None else None


def _written(schema: str | None, types: Mapping[str, pa.DataType]) -> str | None:
    if schema is None:
        return None
    columns = read_columns(Cursor(Piece(f"({schema})"), types))
    texts = [
        f"{quote_ksql(c.name.folded())} {ksql_name(c.type)}" + (" KEY" if c.role in _KEYS else "")
        for c in sorted(columns, key=lambda c: c.role not in _KEYS)
    ]
    return ", ".join(texts)


def _windows(source: Source, spec: SourceSpec) -> tuple[Any, Any]:
    wanted = _upper(spec.key_format.get("windowType"))
    if wanted is None:
        return None, None
    size = spec.key_format.get("windowSize")
    window = source.window
    actual = (window.type.value, window.size_ms) if window is not None else None
    if actual is not None and size is None:
        actual = (actual[0], None)
    return actual, (wanted, int(size) if size is not None else None)
