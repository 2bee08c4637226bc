"""What HELP says, for each kind of word that it knows."""

from __future__ import annotations

import pytest

from kshell.catalog.options import OPTIONS
from kshell.config import PROPERTIES, Properties
from kshell.errors import UnknownName
from kshell.session import Session
from kshell.sql.functions import names
from kshell.sql.help import HELP, help_on, usage
from kshell.sql.keywords import STATEMENTS
from kshell.sql.parse import parse
from kshell.sql.reference import ENTRIES
from kshell.terminal.commands import COMMANDS, command_texts


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_an_example_is_in_the_grammar_and_begins_as_its_entry_does(entry):
    (statement,) = parse(entry.example)
    words = {entry.short.split()[0], *entry.short.split()[0].split("|"), *(w.split()[0] for w in entry.words)}
    assert statement.text.split()[0] in words


def test_every_statement_has_an_entry():
    # WITH begins a SELECT too.
    assert all(any(word in (e.name.split()[0], *e.words) for e in ENTRIES) for word in STATEMENTS)


def test_the_list_of_all_fits_a_terminal():
    lines = HELP.splitlines()
    assert len(lines) == len(ENTRIES) + 2
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_how_it_is_written_fits_a_terminal(entry):
    assert max(map(len, entry.syntax.splitlines())) <= 80


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("", HELP),
        ("SELECT", "[WHERE condition] [GROUP BY …]"),
        ("select", "[WHERE condition] [GROUP BY …]"),
        ("group  by", "[WHERE condition] [GROUP BY …]"),
        ("window", "HOPPING (SIZE n unit, ADVANCE BY n unit)"),
        ("CREATE", "CREATE TYPE [IF NOT EXISTS] name AS type;"),
        ("drop topic", "DROP TOPIC [IF EXISTS] name;"),
        ("CREATE TABLE", "WITH (KAFKA_TOPIC='topic', VALUE_FORMAT='format', …);"),
        ("CREATE TABLE", "SELECT … [EMIT CHANGES | EMIT FINAL];"),
        ("RUN", "RUN SCRIPT 'file';"),
        ("auto.offset.reset", "where a continuous query starts\nOne of earliest, latest.\nDefault: latest."),
        ("ssl.truststore.location", "ssl.ca.location: the authorities to trust"),
        ("topic.orders.value.format", "topic.orders.value.format: how its values are written"),
        ("SASL.PASSWORD", "A secret: it is never shown."),
        ("kshell.sample.records", "A whole number, 1 or more."),
        ("kshell.sample.records", "In the environment: KSHELL_SAMPLE_RECORDS."),
        ("read_only", "kshell.read.only: statements that write"),
        ("kshell.read.only", "Of the connection; SET does not change it."),
        ("key_format", "KEY_FORMAT, in WITH of CREATE, CREATE … AS SELECT: the keys' format\nOne of JSON,"),
        ("ucase", "UCASE(STRING) -> STRING"),
        ("COUNT()", "COUNT, aggregate function"),
        ("\\watch", "run the statement before it (or the last) again and again"),
    ],
)
def test_what_is_said(topic, said):
    assert said in help_on(topic, command_texts())


@pytest.mark.parametrize(
    ("topic", "near"),
    [("SELEC", "SELECT"), ("sasl.pasword", "sasl.password"), ("UCAS", "UCASE"), ("KEY_FORMA", "KEY_FORMAT"), ("\\wtch", "\\watch")],
)
def test_the_nearest_is_named(topic, near):
    with pytest.raises(UnknownName) as caught:
        help_on(topic, command_texts())
    assert near in caught.value.hint


def test_every_property_option_function_and_command_has_help():
    commands = command_texts()
    for topic in (*PROPERTIES, *OPTIONS, *names(), *(c.word for c in COMMANDS)):
        assert help_on(topic, commands)


@pytest.mark.parametrize("text", ["HELP 'sasl.password';", "help sasl.password", "HELP `sasl.password`;"])
def test_a_session_says_it(text):
    (message,) = Session(Properties()).execute(text)
    assert message.text.startswith("sasl.password: ")


def test_help_never_shows_a_value_that_is_set():
    (message,) = Session(Properties({"sasl.password": "hunter2"})).execute("HELP sasl.password")
    assert "hunter2" not in message.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("PRINT x y", "PRINT topic"), ("insert", "INSERT INTO topic VALUES (…)"), ("TERMINATE", "PAUSE|RESUME|TERMINATE id|ALL"), ("", "HELP"), ("frob", "HELP")],
)
def test_how_a_statement_is_written(text, shown):
    assert usage(text).startswith(shown)
