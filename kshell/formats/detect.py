"""Finds the format of an undeclared topic's sampled keys or values.

`engines` ask it for each half of a topic.  What the user set comes first (`as_set`); then schema
ids that the registry knows (`by_schema`); then the bytes alone (`guess`).  The share that agrees is
the part of the samples that the format's codec can decode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from kshell.formats.base import Asked, Half
from kshell.formats.framing import ids_of
from kshell.formats.guess import Inferred, infer_key, infer_value

__all__ = ["detect"]

_AGREE = 0.5  # the share of the samples that is needed for a format
_IDS = 20  # with more, whole numbers are no schema ids
_BIGINT = 8  # bytes
_NO_REGISTRY = "behind a schema id; give its schema registry: --registry URL"


def detect(asked: Asked, samples: Sequence[bytes | None]) -> Inferred:
    """The half's format and columns; raises RegistryError, and UsageError for a wrong setting."""
    found = [s for s in samples if s is not None]
    if asked.format is not None:
        from kshell.formats.as_set import as_set

        return as_set(asked, asked.format, found)
    if not found and asked.schemas is not None:
        from kshell.formats.by_schema import newest

        return newest(asked) or _untold(asked, samples)
    ids = ids_of(found)
    framed = sum(ids.values())
    if not found or framed / len(found) < _AGREE or _whole_numbers(found, ids):
        return _untold(asked, samples)
    if asked.schemas is not None:
        from kshell.formats.by_schema import of_registry

        known = of_registry(asked, asked.schemas, found, ids, None)
        if known is not None:
            return known
        note = f"behind schema ids that the registry does not know: {_listed(ids)}"
    else:
        note = f"{_NO_REGISTRY} (ids {_listed(ids)})"
    told = _untold(asked, samples)
    if told.format.name == "KAFKA" and all(len(s) == _BIGINT for s in found):
        return told  # whole numbers whose upper bytes look like an id
    return replace(told, ids=tuple(ids.most_common()), note=note)


def _untold(asked: Asked, samples: Sequence[bytes | None]) -> Inferred:
    return infer_key(samples) if asked.half is Half.KEY else infer_value(samples)


def _whole_numbers(samples: Sequence[bytes], ids: Counter[int]) -> bool:
    """Kafka's BIGINTs, whose upper half looks like many schema ids: no registry is asked."""
    return all(len(s) == _BIGINT for s in samples) and len(ids) > _IDS


def _listed(ids: Counter[int]) -> str:
    few = [str(id) for id, _ in ids.most_common(3)]
    return ", ".join(few) + (", …" if len(ids) > len(few) else "")
