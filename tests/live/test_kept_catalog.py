"""A kept declaration over a topic that was deleted and made anew is told at the next prompt."""

from __future__ import annotations

from pathlib import Path

from kshell.config import Properties
from kshell.kafka import admin
from kshell.session import Session


def prompt(properties: Properties, folder: Path) -> tuple[Session, list[str]]:
    session = Session(properties)
    session.kept_in = folder
    return session, session.keep()


def test_a_topic_made_anew_is_told(properties, client, topic, tmp_path) -> None:
    name = topic()
    first, told = prompt(properties, tmp_path)
    assert told == []
    list(first.execute(f"CREATE STREAM s (a INT) WITH (kafka_topic='{name}', value_format='JSON')"))
    before = client.topic(name).id
    first.close()
    same, told = prompt(properties, tmp_path)
    assert told == []
    same.close()
    admin.delete_topic(properties, name)
    while client.find(name) is not None:
        pass
    topic(name=name)
    assert client.topic(name).id != before
    again, told = prompt(properties, tmp_path)
    assert len(told) == 1
    assert told[0].startswith(f"topic {name} was deleted and made anew since stream S was declared")
    (made,) = again.execute("CREATE OR REPLACE STREAM s (a INT, b INT)"
                            f" WITH (kafka_topic='{name}', value_format='JSON')")  # fmt: skip
    assert made.text == "Stream S is created."
    again.close()
    last, told = prompt(properties, tmp_path)
    assert told == []
    last.close()
