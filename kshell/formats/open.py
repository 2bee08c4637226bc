"""The formats as a table: which module makes the codec of which format.

`source` and `detect` ask `open_codec`.  A format's module is imported when its first codec is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

from kshell.errors import Unsupported
from kshell.formats.base import Codec, Place

__all__ = ["FORMATS", "open_codec"]

# Each row is `module:maker`; a maker takes a Place.  Adding a format is a row here and a row of
# what it can hold in catalog.serde.
FORMATS: Mapping[str, str] = {
    "AVRO": "kshell.formats.avro.codec:open_avro",
    "BYTES": "kshell.formats.primitive:open_bytes",
    "DELIMITED": "kshell.formats.found_lines:open_delimited",
    "JSON": "kshell.formats.found_codec:open_json",
    "JSON_SR": "kshell.formats.json_sr.codec:open_json_sr",
    "KAFKA": "kshell.formats.primitive:open_kafka",
    "NONE": "kshell.formats.primitive:open_none",
    "PROTOBUF": "kshell.formats.protobuf.codec:open_protobuf",
    "PROTOBUF_NOSR": "kshell.formats.protobuf.codec:open_protobuf_nosr",
}


def open_codec(place: Place) -> Codec:
    """The codec of a half; raises Unsupported for a format that is not there."""
    maker = FORMATS.get(place.format.name)
    if maker is None:
        raise Unsupported(f"no format named {place.format.name}")
    codec: Codec = resolve_name(maker)(place)
    return codec
