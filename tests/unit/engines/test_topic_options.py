"""Every `topic.NAME.…` property changes how the topic is read, or is refused."""

from __future__ import annotations

import pytest

from kshell.config import TOPIC_PROPERTIES, Properties
from kshell.engines.local.sources.sample import as_set
from kshell.errors import BindError, UsageError
from kshell.formats.base import Asked, Half
from kshell.formats.detect import detect
from kshell.formats.registry import Remembered, Schema, SchemaType

SAMPLES = [b"\0\0\0\0\1\2x", b"\0\0\0\0\1\2y"]
RECORDS = '[{"type":"record","name":"A","fields":[{"name":"a","type":"string"}]},{"type":"record","name":"B","fields":[{"name":"b","type":"string"}]}]'
PROBES = {
    "format": (["BYTES", "DELIMITED"], {}),
    "schema.file": (["{dir}/a.avsc", "{dir}/b.avsc"], {}),
    "schema.id": (["1", "2"], {}),
    "schema.name": (["A", "B"], {"schema.id": "3"}),
    "delimiter": (["|", "TAB"], {}),
}


def schemas() -> Remembered:
    made = Remembered()
    for id, text in ((1, '"string"'), (2, '"bytes"'), (3, RECORDS)):
        made.put("t-value", Schema(SchemaType.AVRO, text), id)
    return made


def told(half: Half, given: dict[str, str], samples=SAMPLES) -> tuple:
    properties = Properties({f"topic.t.{half.value}.{n}": v for n, v in given.items()})
    found = detect(Asked("t", half, schemas(), as_set(properties, "t", half)), samples)
    return found.format.name, dict(found.format.options), [(c.name, c.type) for c in found.columns]


def test_each_row_has_a_probe():
    assert {f"{half.value}.{name}" for half in Half for name in PROBES} == set(TOPIC_PROPERTIES)


@pytest.mark.parametrize("half", Half)
@pytest.mark.parametrize("name", PROBES)
def test_another_value_reads_the_topic_in_another_way(half, name, tmp_path):
    values, more = PROBES[name]
    for letter in "ab":
        text = '{"type":"record","name":"R","fields":[{"name":"%s","type":"string"}]}' % letter
        (tmp_path / f"{letter}.avsc").write_text(text)
    found = [told(half, {name: value.format(dir=tmp_path), **more}, [b"a|b\tc\td"]) for value in values]
    if name == "delimiter":  # one column of each half of the bar, or one of each tab
        assert [len(columns) for _, _, columns in found] == [2, 3]
    else:
        assert found[0][2] != found[1][2]


def test_an_id_alone_is_its_schemas_format():
    assert told(Half.VALUE, {"schema.id": "1"})[0] == "AVRO"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schema.name": "A"}, "nothing that it belongs to"),
        ({"format": "JSON", "delimiter": "|"}, r"JSON does not support the following configs: \[delimiter\]"),
        ({"format": "JSON", "schema.id": "1"}, r"JSON does not support the following configs: \[schemaId\]"),
        ({"format": "BYTES", "schema.name": "A"}, r"BYTES does not support the following configs: \[fullSchemaName\]"),
        ({"format": "AVRO", "schema.id": "1", "schema.file": "{dir}/a.avsc"}, "SCHEMA_FILE and SCHEMA_ID cannot both"),
        ({"schema.id": "1", "schema.file": "{dir}/a.avsc"}, "SCHEMA_FILE and SCHEMA_ID cannot both"),
        ({"delimiter": "||"}, "a delimiter cannot be"),
        ({"schema.id": "one"}, "is a whole number"),
    ],
)  # fmt: skip
def test_what_nothing_reads_is_refused(given, message, tmp_path):
    (tmp_path / "a.avsc").write_text('"string"')
    given = {name: value.format(dir=tmp_path) for name, value in given.items()}
    with pytest.raises((UsageError, BindError), match=message):
        told(Half.VALUE, given)
