"""The WITH clause and what formats carry."""

import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, Window, WindowType
from kshell.catalog.options import CREATE, CREATE_AS, duration_ms
from kshell.catalog.properties import read_with
from kshell.catalog.serde import KEY, VALUE, check_format, check_map_key
from kshell.errors import BindError
from kshell.types import BIGINT, INTEGER, STRING


def test_format_is_both_halves() -> None:
    found = read_with({"FORMAT": "json"}, CREATE)
    assert (found.key_format, found.value_format) == ("JSON", "JSON")


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"FORMAT": "JSON", "VALUE_FORMAT": "JSON"}, "Cannot supply both 'VALUE_FORMAT' and"),
        ({"VALUE_FORMAT": "JSN"}, "Unknown format: JSN"),
        ({"KAFKA_TOPICS": "t"}, "Invalid config variable.* KAFKA_TOPICS"),
        ({"PARTITIONS": "four"}, "Invalid value four for property PARTITIONS"),
        ({"WRAP_SINGLE_VALUE": "yes"}, "Invalid value yes for property WRAP_SINGLE_VALUE"),
        ({"VALUE_DELIMITER": ""}, "Delimiter cannot be empty"),
        ({"VALUE_DELIMITER": "||"}, r"Invalid delimiter value: '\|\|'"),
        (
            {"TIMESTAMP_FORMAT": "yyyy-MM-ddTHH"},
            "Invalid datetime format for config:TIMESTAMP_FORMAT, reason:Unknown pattern letter: T",
        ),
        ({"WINDOW_TYPE": "TUMBLING"}, "require 'WINDOW_SIZE' to be provided"),
        ({"WINDOW_TYPE": "SESSION", "WINDOW_SIZE": "1 DAY"}, "should not be set for SESSION"),
        ({"WINDOW_TYPE": "ROUND"}, "Invalid value ROUND for property WINDOW_TYPE"),
        ({"WINDOW_SIZE": "3 moons"}, "WINDOW_SIZE is invalid.*Unknown time unit: 'MOONS'"),
    ],
)
def test_what_does_not_fit_is_named(properties: dict[str, object], message: str) -> None:
    with pytest.raises(BindError, match=message):
        read_with(properties, CREATE)


def test_a_misspelt_property_has_a_hint() -> None:
    with pytest.raises(BindError) as caught:
        read_with({"VALUE_FORMT": "JSON"}, CREATE)
    assert caught.value.hint == "did you mean VALUE_FORMAT?"


def test_windows_are_of_sources_only() -> None:
    found = read_with({"WINDOW_TYPE": "hopping", "WINDOW_SIZE": "5 seconds"}, CREATE)
    assert found.window == Window(WindowType.HOPPING, 5000)
    with pytest.raises(BindError, match="Invalid config variable"):
        read_with({"WINDOW_TYPE": "SESSION"}, CREATE_AS)


def test_timestamp_names_a_column_as_an_identifier() -> None:
    assert read_with({"TIMESTAMP": "ts"}, CREATE).timestamp == "TS"
    assert read_with({"TIMESTAMP": "`ts`"}, CREATE).timestamp == "ts"


def test_a_delimiter_is_inherited_and_a_schema_id_is_not() -> None:
    default = FormatSpec("DELIMITED", {"DELIMITER": "TAB", "SCHEMA_ID": "3"})
    assert dict(read_with({}, CREATE_AS).value_spec(default).options) == {"DELIMITER": "TAB"}


@pytest.mark.parametrize(
    ("text", "ms"), [("1 MILLISECOND", 1), ("90 seconds", 90_000), ("2 DAYS", 172_800_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "5", "five SECONDS", "5 SECONDS more"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BindError, match="Invalid duration"):
        duration_ms(text)


def columns(*types: pa.DataType) -> list[Column]:
    return [Column(f"C{i}", t) for i, t in enumerate(types)]


@pytest.mark.parametrize(
    ("name", "types", "message"),
    [
        ("KAFKA", (INTEGER, STRING), r"single field. Got: \[`C0` INTEGER, `C1` STRING\]"),
        ("KAFKA", (pa.decimal128(4, 2),), "does not support type 'DECIMAL'"),
        ("KAFKA", (pa.bool_(),), "does not support type 'BOOLEAN'"),
        ("DELIMITED", (pa.list_(INTEGER),), "does not support type 'ARRAY', column: `C0`"),
        ("NONE", (INTEGER,), "only be used when no columns are defined"),
        ("JSON", (pa.map_(INTEGER, STRING),), "JSON only supports MAP types with STRING keys"),
        ("JSON", (pa.list_(pa.map_(INTEGER, STRING)),), "JSON only supports MAP"),
        ("AVRO", (pa.map_(INTEGER, STRING),), "Avro only supports MAPs with STRING keys"),
    ],
)
def test_what_formats_cannot_carry(
    name: str, types: tuple[pa.DataType, ...], message: str
) -> None:
    with pytest.raises(BindError, match=message):
        check_format(FormatSpec(name), columns(*types), VALUE)


def test_avro_has_rules_for_names() -> None:
    with pytest.raises(BindError, match="Illegal initial character: 1ST"):
        check_format(FormatSpec("AVRO"), [Column("1ST", BIGINT)], VALUE)


def test_the_key_is_named_as_the_key() -> None:
    with pytest.raises(BindError) as caught:
        check_format(FormatSpec("KAFKA"), columns(BIGINT, INTEGER), KEY)
    assert caught.value.what == (
        "Key format does not support schema.\n"
        "format: KAFKA\n"
        "schema: Persistence{columns=[`C0` BIGINT KEY, `C1` INTEGER KEY], features=[]}\n"
        "reason: The 'KAFKA' format only supports a single field. "
        "Got: [`C0` BIGINT KEY, `C1` INTEGER KEY]"
    )


def test_formats_refuse_options_of_others() -> None:
    with pytest.raises(BindError, match=r"JSON does not support the following configs: \[delim"):
        check_format(FormatSpec("JSON", {"DELIMITER": "|"}), columns(INTEGER), VALUE)


def test_maps_in_keys() -> None:
    check_map_key(Column("K", pa.list_(INTEGER)))
    with pytest.raises(BindError, match=r"Key column name: `K`. Column type: ARRAY<MAP<"):
        check_map_key(Column("K", pa.list_(pa.map_(STRING, INTEGER))))
