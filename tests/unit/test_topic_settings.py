"""What may be set of one topic: by SET, by -X, by options and by a profile; and what is masked."""

from __future__ import annotations

import re

import pytest

from kshell.catalog.serde import CAPABILITIES
from kshell.config import PROPERTIES, TOPIC_PROPERTIES, Properties
from kshell.config.property_row import SCHEMA_FILES
from kshell.config.sources import gather
from kshell.errors import UsageError
from kshell.formats.open import FORMATS
from kshell.formats.schema_files import _SUFFIXES
from kshell.session import Session
from kshell.terminal.options import parser
from kshell.terminal.settings import gathered


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Schema files in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("k.avsc", "a.proto"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_topics_keep_their_case_and_their_dots():
    made = Properties({"TOPIC.My.Orders.v1.VALUE.FORMAT": "avro", "topic.other.key.schema.file": "k.avsc"})
    assert made.of_topic("My.Orders.v1", "value") == {"format": "AVRO"}
    assert made.of_topic("my.orders.v1", "value") == {}
    assert made.of_topic("other", "key") == {"schema.file": "k.avsc"}
    assert ("topic.other.key.schema.file", "k.avsc", "", "session") in made.shown()
    assert dict(Properties(dict(made))) == dict(made)
    assert made.unset("topic.other.key.schema.file").of_topic("other", "key") == {}


def test_a_topic_may_be_called_like_a_part_of_a_property():
    made = Properties({"topic.value.value.format": "JSON", "topic.a.key.b.value.format": "BYTES"})
    assert made.of_topic("value", "value") == {"format": "JSON"}
    assert made.of_topic("a.key.b", "value") == {"format": "BYTES"}


@pytest.mark.parametrize("name", ["topic.t.value.colour", "topic.t.key.schema", "topics.t.value.format"])
def test_unknown_ones_are_refused(name):
    with pytest.raises(UsageError):
        Properties({name: "x"})


def test_a_profile_may_nest_its_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "kshell").mkdir()
    (tmp_path / "kshell" / "config.toml").write_text(
        '[profile.lab]\nbootstrap.servers = "b:1"\n"schema.registry.url" = "http://r"\n'
        '[profile.lab.topic."a.b"]\nvalue.format = "AVRO"\nkey.schema.file = "k.avsc"\n'
    )
    made = gather(profile="lab").properties
    assert (made["bootstrap.servers"], made["schema.registry.url"]) == ("b:1", "http://r")
    assert made.of_topic("a.b", "value") == {"format": "AVRO"}
    assert made.of_topic("a.b", "key") == {"schema.file": "k.avsc"}


def test_options_of_the_command_line(files):
    options = parser().parse_args(
        ["--schema", "t=a.proto#p.M", "--key-schema", f"t={files}/k.avsc", "--registry", "http://r"]
    )
    made = gathered(options).properties
    assert made.of_topic("t", "value") == {"schema.file": "a.proto", "schema.name": "p.M"}
    assert made.of_topic("t", "key") == {"schema.file": f"{files}/k.avsc"}
    assert made["schema.registry.url"] == "http://r"
    with pytest.raises(UsageError, match="--schema takes topic=file"):
        gathered(parser().parse_args(["--schema", "a.proto"]))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://al:pw@r:8081", "http://********@r:8081"),
        ("http://a:pw@x,https://b:pw@y/p", "http://********@x,https://********@y/p"),
        ("http://r:8081/a@b", "http://r:8081/a@b"),
    ],
)
def test_a_password_in_an_address_is_masked(url, shown):
    made = Properties({"schema.registry.url": url})
    assert ("schema.registry.url", shown, "", "session") in made.shown()
    assert "pw" not in repr(made)
    assert made["schema.registry.url"] == url


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("kshell.connect.timeout.ms", "0", "cannot be 0"),
        ("kshell.sample.records", "0", "cannot be 0"),
        ("kshell.sample.records", "²", "whole number"),
        ("kshell.scan.max.records", "-1", "whole number"),
        ("kshell.scan.max.records", "9" * 30, "whole number"),
        ("topic.t.value.schema.id", "x", "whole number"),
        ("isolation.level", "dirty", "cannot be 'dirty'"),
        ("topic.t.value.format", "NOPE", "cannot be 'NOPE'"),
        ("topic.t.key.format", "42", "cannot be '42'"),
        ("topic.t.value.schema.file", "gone.avsc", "no such file"),
        ("topic.t.key.schema.file", "k.txt", "no schema file by its name"),
        ("topic.t.value.schema.file", "", "no schema file by its name"),
        ("topic.t.value.delimiter", "||", "a delimiter cannot be"),
        ("topic.t.value.delimiter", "", "a delimiter cannot be"),
        ("ksql.persistence.default.format.value", "JSONN", "cannot be 'JSONN'"),
        ("ksql.persistence.default.format.key", "BYTES", "cannot be 'BYTES'"),
    ],
)
def test_what_cannot_hold_is_refused(name, value, said):
    with pytest.raises(UsageError, match=said):
        Properties().set(name, value)
    assert Properties().set("kshell.scan.max.records", "0").number("kshell.scan.max.records") == 0


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("topic.t.value.format", "AVROO", r"did you mean AVRO\? It is one of JSON, JSON_SR, AVRO, .*BYTES$"),
        ("topic.t.value.format", "42", "^one of JSON, JSON_SR, AVRO, .*BYTES$"),
        ("isolation.level", "read_comitted", r"did you mean read_committed\?"),
        ("topic.t.value.schema.file", "a.prot.proto", r"did you mean a\.proto\?"),
        ("topic.t.value.schema.file", "k.txt", r"\.avsc, \.json"),
        ("topic.t.value.delimiter", "tabs", "TAB or SPACE"),
    ],
)
def test_a_refused_value_names_those_that_may_be_and_the_nearest(name, value, hint):
    with pytest.raises(UsageError) as caught:
        Properties().set(name, value)
    assert re.search(hint, caught.value.hint)
    with pytest.raises(UsageError):
        Properties({name: value})
    with pytest.raises(UsageError):
        gathered(parser().parse_args(["-X", f"{name}={value}"]))


def test_a_file_that_goes_away_does_not_keep_others_from_being_set(files):
    made = Properties({"topic.t.value.schema.file": "k.avsc"})
    (files / "k.avsc").unlink()
    assert made.set("kshell.dialect", "duckdb").unset("kshell.dialect").of_topic("t", "value")


def test_the_formats_and_files_that_may_be_set_are_those_that_are_read():
    assert set(TOPIC_PROPERTIES["value.format"].values) == set(FORMATS)
    assert set(PROPERTIES["ksql.persistence.default.format.value"].values) == set(CAPABILITIES)
    assert set(SCHEMA_FILES) == set(_SUFFIXES)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("SET 'topic.x.value.format'='NOPE';", "'NOPE'"),
        ("SET 'kshell.dialect'='duckdb', 'isolation.level' =\n 'dirty';", "'dirty'"),
        ("SET 'kshell.dialekt'='duckdb';", "'kshell.dialekt'"),
        ("SET 'topic.x.value.colour'='red';", "'topic.x.value.colour'"),
        ("ALTER SYSTEM 'kshell.dialect'='kql';", "'kql'"),
        ("UNSET 'kshell.dialekt';", "'kshell.dialekt'"),
    ],
)
def test_a_refused_set_has_its_place(text, at):
    with pytest.raises(UsageError) as caught:
        list(Session(Properties()).execute(text))
    place, lines = caught.value.place, text.split("\n")
    assert lines[place.line - 1][place.column - 1 :][: place.length] == at
    assert caught.value.hint
