"""Snapshots of the catalog: what may be added, replaced, changed and dropped."""

from dataclasses import replace

import pytest

from kshell.catalog.catalog import Catalog, RunningQuery
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.errors import BindError, UnknownName
from kshell.types import BIGINT, INTEGER, STRING


def source(name: str, kind: Kind = Kind.STREAM, **changes: object) -> Source:
    made = Source(
        name=name,
        kind=kind,
        topic=name.lower(),
        key=(Column("K", INTEGER),),
        value=(Column("V", STRING),),
        key_format=FormatSpec("KAFKA"),
        value_format=FormatSpec("JSON"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_adding_makes_a_new_snapshot_and_leaves_the_old_one() -> None:
    before = Catalog()
    after = before.add(source("S"))
    assert list(before.sources) == []
    assert list(after.sources) == ["S"]


def test_a_name_is_taken_once() -> None:
    with pytest.raises(BindError, match="Cannot add table 'S': A stream with the same name"):
        Catalog().add(source("S")).add(source("S", Kind.TABLE))


def test_unquoted_names_fold_to_upper_case_and_quoted_ones_do_not() -> None:
    catalog = Catalog().add(source("S"))
    assert catalog.find("s", quoted=False) is catalog.sources["S"]
    assert catalog.find("s", quoted=True) is None


def test_topics_keep_their_spelling_and_match_in_any_case_unless_two_differ_by_case() -> None:
    catalog = Catalog().with_topic(source("orders", declared=False))
    assert catalog.find("ORDERS", quoted=False) is catalog.topics["orders"]
    both = catalog.with_topic(source("Orders", declared=False))
    assert both.find("ORDERS", quoted=False) is None
    assert both.find("Orders", quoted=False) is both.topics["Orders"]


def test_a_declared_source_hides_a_topic_of_its_name() -> None:
    catalog = Catalog().with_topic(source("ORDERS", declared=False)).add(source("ORDERS"))
    found = catalog.find("orders", quoted=False)
    assert found is not None
    assert found.declared


def test_replacing_may_add_columns_at_the_end() -> None:
    wider = source("S", value=(Column("V", STRING), Column("W", BIGINT)))
    after = Catalog().add(source("S")).add_or_replace(wider)
    assert [c.name for c in after.sources["S"].value] == ["V", "W"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topic": "other"}, "topic = s which is not upgradeable to other"),
        ({"value": (Column("V", INTEGER),)}, r"missing or reordered: \[`V` STRING\]"),
        ({"value": (Column("W", STRING),)}, r"missing or reordered: \[`V` STRING\]"),
        ({"key": (Column("K", STRING),)}, r"missing or reordered: \[`K` INTEGER KEY\]"),
        ({"kind": Kind.TABLE}, "'`S`' has type = KSTREAM which is not upgradeable to KTABLE"),
        ({"value_format": FormatSpec("AVRO")}, "value format = JSON which is not upgradeable"),
    ],
)
def test_replacing_may_not_change_what_is_there(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BindError, match=message):
        Catalog().add(source("S")).add_or_replace(source("S", **changes))


def test_read_only_sources_are_neither_replaced_nor_altered_nor_lose_their_topic() -> None:
    catalog = Catalog().add(source("S", read_only=True))
    with pytest.raises(BindError, match="CREATE OR REPLACE is not supported on source streams"):
        catalog.add_or_replace(source("S"))
    with pytest.raises(BindError, match="ALTER operations are not supported on source streams"):
        catalog.alter("S", Kind.STREAM, [Column("W", STRING)])
    with pytest.raises(BindError, match="Cannot delete topic for read-only source: S"):
        catalog.drop("S", Kind.STREAM, delete_topic=True)
    assert "S" not in catalog.drop("S", Kind.STREAM).sources


def test_dropping_what_is_not_there() -> None:
    catalog = Catalog().add(source("ORDERS"))
    with pytest.raises(UnknownName, match="Stream ORDER does not exist") as caught:
        catalog.drop("ORDER", Kind.STREAM)
    assert caught.value.hint == "did you mean ORDERS?"
    assert catalog.drop("ORDER", Kind.STREAM, if_exists=True) is catalog


def test_dropping_a_stream_as_a_table() -> None:
    with pytest.raises(BindError, match="type is STREAM, but statement was DROP TABLE"):
        Catalog().add(source("S")).drop("S", Kind.TABLE)


def test_a_source_in_use_stays_until_its_queries_stop() -> None:
    catalog = Catalog().add(source("S")).add(source("OUT", query_id="CSAS_OUT_1"))
    running = catalog.with_query(RunningQuery("CSAS_OUT_1", frozenset({"S"}), frozenset({"OUT"})))
    with pytest.raises(BindError, match=r"read from this source: \[CSAS_OUT_1\]"):
        running.drop("S", Kind.STREAM)
    assert "OUT" not in running.drop("OUT", Kind.STREAM).sources
    assert "S" not in running.without_query("CSAS_OUT_1").drop("S", Kind.STREAM).sources


def test_another_query_that_writes_keeps_the_sink() -> None:
    catalog = Catalog().add(source("OUT"))
    running = catalog.with_query(RunningQuery("INSERTQUERY_2", frozenset(), frozenset({"OUT"})))
    with pytest.raises(BindError, match=r"write into this source: \[INSERTQUERY_2\]"):
        running.drop("OUT", Kind.STREAM)


def test_altering_adds_columns_and_refuses_names_that_are_taken() -> None:
    catalog = Catalog().add(source("S"))
    wider = catalog.alter("S", Kind.STREAM, [Column("W", BIGINT)])
    assert [c.name for c in wider.sources["S"].columns()] == ["K", "V", "W"]
    with pytest.raises(BindError, match="Cannot add column `K` to schema"):
        catalog.alter("S", Kind.STREAM, [Column("K", BIGINT)])
    with pytest.raises(BindError, match="not supported for CREATE ... AS statements"):
        Catalog().add(source("S", query_id="CSAS_S_0")).alter("S", Kind.STREAM, [])


def test_altering_asks_the_format() -> None:
    flat = source("S", value_format=FormatSpec("KAFKA"))
    with pytest.raises(BindError, match="'KAFKA' format only supports a single field"):
        Catalog().add(flat).alter("S", Kind.STREAM, [Column("W", BIGINT)])


def test_types_are_registered_once() -> None:
    catalog = Catalog().add_type("ADDRESS", STRING)
    with pytest.raises(BindError, match="already registered with type: STRING"):
        catalog.add_type("ADDRESS", INTEGER)
    assert catalog.add_type("ADDRESS", INTEGER, if_not_exists=True) is catalog
    assert dict(catalog.drop_type("ADDRESS").types) == {}
    with pytest.raises(UnknownName, match="Type NONE does not exist"):
        catalog.drop_type("NONE")
