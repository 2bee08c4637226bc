"""What may be set of one topic: by SET, by -X, by options and by a profile; and what is masked."""

from __future__ import annotations

import pytest

from kshell.config import Properties
from kshell.config.sources import gather
from kshell.errors import UsageError
from kshell.terminal.options import parser
from kshell.terminal.settings import gathered


def test_topics_keep_their_case_and_their_dots():
    made = Properties({"TOPIC.My.Orders.v1.VALUE.FORMAT": "avro", "topic.other.key.schema.file": "k.avsc"})
    assert made.of_topic("My.Orders.v1", "value") == {"format": "avro"}
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


def test_options_of_the_command_line():
    options = parser().parse_args(
        ["--schema", "t=a.proto#p.M", "--key-schema", "t=/x/k.avsc", "--registry", "http://r"]
    )
    made = gathered(options).properties
    assert made.of_topic("t", "value") == {"schema.file": "a.proto", "schema.name": "p.M"}
    assert made.of_topic("t", "key") == {"schema.file": "/x/k.avsc"}
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
    ],
)
def test_what_cannot_hold_is_refused(name, value, said):
    with pytest.raises(UsageError, match=said):
        Properties().set(name, value)
    assert Properties().set("kshell.scan.max.records", "0").number("kshell.scan.max.records") == 0
