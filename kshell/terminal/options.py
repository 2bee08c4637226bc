"""The options of the command line: the table for argparse, what it says, and what it gives.

`cli` reads them.  Light to import.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from typing import NoReturn

from kshell import __version__
from kshell.errors import EXIT_CODES, UsageError, nearest, reason_of
from kshell.terminal.encoding import as_utf8
from kshell.terminal.formats import FORMATS

__all__ = ["SUBCOMMANDS", "Formatter", "Parser", "add_connection", "connection_options", "count",
           "length_of_time", "parser", "script_of", "variables_of"]  # fmt: skip

EXAMPLES = """\
examples:
  kshell --demo                                   an embedded broker with sample data
  kshell --demo --tour                            the same, and statements typed for you
  kshell -b localhost:9092                        the prompt; help; lists the statements
  kshell -b localhost:9092 -e "SHOW TOPICS"
  kshell -b localhost:9092 -e "SELECT * FROM orders EMIT CHANGES" | jq .total
  kshell -b localhost:9092 -f check.sql --define day=2026-11-29 --timeout 60
  kshell -F client.properties                     properties as Java's tools take them
  kshell run FILE --app NAME                      keep a file's queries running, exactly once
  kshell datagen pageviews                        sample records into a topic
  kshell test FILE…                               test cases, without a broker
  kshell config init | show | validate            write, show or check the configuration
  kshell completion bash | zsh | fish             a script that completes these options

A terminal gets a table and a pipe gets jsonl, unless --output says otherwise.
A script that leaves queries running (CREATE … AS SELECT) goes on until Ctrl-C or --timeout.

exit codes:
"""
_CODES = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
# The commands beside the shell itself, which come before options.
SUBCOMMANDS = ("run", "test", "config", "datagen", "completion")
_NAME = re.compile(r"\w+")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|)", re.ASCII)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """One line for an option: its short and first long name, and its value once."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = [o for o in action.option_strings if not o.startswith("--")][:1]
        names += [o for o in action.option_strings if o.startswith("--")][:1]
        value = f" {action.metavar}" if action.metavar else ""
        return ", ".join(names) + value


class Parser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help"
        if "unrecognized arguments" in message:
            wrong = message.split(": ")[-1].split()[0].split("=")[0]
            known = [o for action in self._actions for o in action.option_strings]
            close = nearest(wrong, known)
            message = f"no option {wrong}"
            if wrong in SUBCOMMANDS:
                hint = f"{wrong} comes first: kshell {wrong} --help"
            elif close:
                hint = f"did you mean {' or '.join(close)}?"
        raise UsageError(message, hint=hint)


def length_of_time(text: str) -> float:
    """A length of time: 30, 30s, 1.5m, 500ms."""
    match = _LENGTH.fullmatch(text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time, such as 30 or 5m")
    return seconds


def count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The parser; its errors are UsageErrors."""
    made = Parser(
        prog="kshell",
        usage="kshell [options]",
        description="psql for Kafka: topics are tables.",
        epilog=EXAMPLES + _CODES,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    connection_options(made)
    add = made.add_argument
    add("-e", "-c", "--execute", action="append", default=[], metavar="SQL",
        help="run statements and exit; may be repeated (also -c)")
    add("-f", "--file", metavar="FILE", help="run a script and exit; - is standard input")
    add("-o", "--output", choices=FORMATS, metavar="FORMAT",
        help=", ".join(FORMATS))
    add("--limit", type=count, metavar="N", help="of a script's answers: no more rows than this")
    add("--timeout", type=length_of_time, metavar="TIME",
        help="of a script's statements: 30, 5m; a bounded one fails then, a continuous one ends")
    add("--on-error", choices=("stop", "continue", "skip"), default="stop",
        metavar="stop|continue|skip",
        help="after a statement of a script that failed: stop, or continue; skip: leave out the bad"
        " rows of the files that COPY reads")
    add("-y", "--yes", action="store_true",
        help="make changes of the cluster (CREATE TOPIC, RESET GROUP, …) without a question;"
        " a script without it shows their plans alone")
    add("--engine", choices=("local", "flink"), metavar="local|flink",
        help="where continuous queries run: in this process, or on Apache Flink")
    add("--gateway", metavar="URL", help="Flink's SQL gateway")
    add("--no-catalog", action="store_true",
        help="at the prompt: declare nothing of what earlier prompts declared, and keep nothing")
    add("--demo", action="store_true", help="an embedded broker with live sample data")
    add("--tour", action="store_true",
        help="with --demo: type the talk's statements at the prompt; Enter runs each")
    add("--auto", action="store_true", help="with --tour: run each without Enter, and leave")
    add("--csv-safe", action="store_true", help="disarm formulas in CSV and TSV cells")
    add("--debug", action="store_true", help="show tracebacks")
    add("--version", action="version", version=f"kshell {__version__}")
    return made  # fmt: skip


def connection_options(made: argparse.ArgumentParser) -> None:
    """Add the options that say which cluster it is, what is set and what topics hold."""
    add_connection(made)
    add = made.add_argument
    add("--define", action="append", default=[], metavar="NAME=VALUE",
        help="define a variable for ${NAME}; may be repeated")
    add("--schema", action="append", default=[], metavar="TOPIC=FILE",
        help="a topic's values have this schema: .avsc, .proto, .desc, .json;"
        " FILE#NAME names the message")
    add("--key-schema", action="append", default=[], metavar="TOPIC=FILE",
        help="the same of its keys")  # fmt: skip


def add_connection(to: argparse.ArgumentParser) -> None:
    """The options of all commands that connect."""
    add = to.add_argument
    add("-b", "--bootstrap", "--bootstrap-server", "--bootstrap-servers", metavar="HOST:PORT[,…]",
        help="brokers to connect to first (also --bootstrap-server)")
    add("-X", "--property", action="append", default=[], metavar="NAME=VALUE",
        help="set a property; SHOW PROPERTIES lists them; may be repeated")
    add("-F", "--command-config", default="", metavar="FILE",
        help="properties from a client's file: Java's client.properties, librdkafka's, kcat's")
    add("--profile", default="", metavar="NAME",
        help="a [profile.NAME] of config.toml; without, [profile.default]")
    add("--registry", metavar="URL", help="the schema registry")
    add("--connect", metavar="URL", help="Kafka Connect's REST API")  # fmt: skip


def variables_of(options: argparse.Namespace) -> dict[str, str]:
    """The variables that --define defines."""
    variables = {}
    for item in options.define:
        name, equals, value = item.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError(f"--define takes name=value, not {item}")
        variables[name] = value
    return variables


def script_of(options: argparse.Namespace) -> str | None:
    """The text to run without a prompt, or None for a prompt."""
    _check_tour(options)
    texts = list(options.execute)
    if options.file == "-":
        texts.append(sys.stdin.read())
    elif options.file:
        try:
            with open(options.file, encoding="utf-8") as file:
                texts.append(file.read())
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{options.file} cannot be read: {reason_of(error)}") from None
    if not texts and not sys.stdin.isatty():
        texts.append(sys.stdin.read())
    return as_utf8(";\n".join(texts)) if texts else None


def _check_tour(options: argparse.Namespace) -> None:
    """Raises UsageError where --tour or --auto cannot do what it says."""
    if options.auto and not options.tour:
        raise UsageError("--auto needs --tour")
    if options.tour and not options.demo:
        raise UsageError("--tour needs --demo: it creates topics")
    if options.tour and (options.execute or options.file or not sys.stdin.isatty()):
        raise UsageError("--tour types at a prompt: it takes no -e, no -f and no pipe")
