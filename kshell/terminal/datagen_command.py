"""`kshell datagen pageviews | users | orders | clickstream`, or of a schema: writes sample records.

It creates the topic where that is missing, and goes on until --limit or Ctrl-C.  `terminal.cli`
calls `main`.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.demo.generators import MAKERS
from kshell.errors import Interrupted, UsageError
from kshell.terminal.options import Formatter, Parser, add_connection, count
from kshell.terminal.sanitize import clean
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.config import Properties
    from kshell.demo.datagen import Datagen
    from kshell.session import Session

__all__ = ["KINDS", "main"]

KINDS = tuple(MAKERS)
_FORMATS = ("JSON", "AVRO")
_RATE = 10.0  # records a second, where neither a rate nor a limit is given
_TICK = 0.05  # seconds between two looks at the clock
_MOST = 2000  # records made at once
_BEGINNING = 1_767_225_600_000  # 2026-01-01, the time of the first record of a seed
_EXAMPLES = """\
examples:
  kshell datagen pageviews                        10 records a second, until Ctrl-C
  kshell datagen orders --rate 500 --limit 100000
  kshell datagen users --topic people --format AVRO --registry http://localhost:8081
  kshell datagen --schema order.avsc --topic orders --key id
"""


def main(arguments: Sequence[str]) -> int:
    """Write the records; returns the exit code."""
    from kshell.engines.chosen import ChosenEngine
    from kshell.session import Session

    options = _parser().parse_args(list(arguments))
    properties = _properties(options)
    session = Session(properties)
    try:
        made = _datagen(options, properties)
        _create(session, made.topic, options.partitions)
        engine = session.engine
        assert isinstance(engine, ChosenEngine)
        largest = engine.local.context.client.largest_batch([made.topic])
        return _write(made, options, properties, largest)
    finally:
        session.close()


def _parser() -> Parser:
    made = Parser(
        prog="kshell datagen", usage="kshell datagen KIND | --schema FILE [options]",
        description="Write sample records to a topic, which is created where it is missing.",
        epilog=_EXAMPLES, formatter_class=Formatter,
        allow_abbrev=False,
    )  # fmt: skip
    add = made.add_argument
    add("kind", nargs="?", default="", metavar="KIND", help=", ".join(KINDS))
    add("--schema", dest="schema_file", default="", metavar="FILE",
        help="records of this schema instead: Avro (.avsc) or JSON Schema (.json)")
    add("--topic", default="", metavar="NAME", help="the topic; without, the kind's name")
    add("--rate", type=_rate, metavar="N",
        help="records a second; without, 10, and with --limit as many as can be")
    add("--limit", type=count, metavar="N", help="end after so many records")
    add("--format", choices=_FORMATS, type=str.upper, default="JSON", metavar="JSON|AVRO",
        help="how values are written; Avro needs the schema registry")
    add("--key", default="", metavar="FIELD", help="the field that is the key")
    add("--seed", default="", metavar="TEXT",
        help="the same records each time, times too; they begin at 2026-01-01")
    add("--partitions", type=count, metavar="N", help="of a topic that is created")
    add_connection(made)
    return made  # fmt: skip


def _rate(text: str) -> float:
    """So many a second."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return rate


def _properties(options: argparse.Namespace) -> Properties:
    from kshell.terminal.messages import note
    from kshell.terminal.settings import gathered, remarks

    options.schema = options.key_schema = ()  # of the shell, for what it reads
    found = gathered(options)
    for text in remarks(options, found):
        note(text)
    return found.properties


def _datagen(options: argparse.Namespace, properties: Properties) -> Datagen:
    from kshell.errors import nearest

    kind, file = options.kind, options.schema_file
    if bool(kind) == bool(file):
        raise UsageError(
            "datagen takes a kind of records, or --schema FILE",
            hint=f"kshell datagen {' | '.join(KINDS)}",
        )
    if kind and kind not in KINDS:
        close = nearest(kind, KINDS)
        hint = f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(KINDS)}"
        raise UsageError(f"datagen knows no {kind}", hint=hint)
    topic = options.topic or kind
    if not topic:
        raise UsageError("--schema needs --topic NAME")
    from kshell.demo.datagen import Datagen
    from kshell.formats.registry_http import open_schemas
    from kshell.formats.schema_files import read_schema_file

    schema = read_schema_file(file) if file else None
    schemas = open_schemas(properties) if "schema.registry.url" in properties else None
    seed = options.seed or str(time.time_ns())
    return Datagen.of(
        kind, topic, seed, options.format, schema, options.key, properties, schemas
    )


def _create(session: Session, topic: str, partitions: int | None) -> None:
    """Create the topic where it is missing: datagen needs no --yes."""
    from kshell.results import Message, Proposal
    from kshell.terminal.messages import note
    from kshell.types import quote_text

    text = f"CREATE TOPIC IF NOT EXISTS {quote_text(topic)}"
    for event in session.execute(text + (f" PARTITIONS {partitions}" if partitions else "")):
        if isinstance(event, Proposal):
            event.accepted = True
            note(f"Topic {clean(topic)} is created.")
        elif isinstance(event, Message):
            for notice in event.notices:
                note(clean(notice.text))


def _write(
    made: Datagen, options: argparse.Namespace, properties: Properties, largest: int | None
) -> int:
    from kshell.kafka.produce import Producer

    rate = options.rate or (math.inf if options.limit else _RATE)
    clock = _Clock(rate, options.limit or sys.maxsize, bool(options.seed))
    producer = Producer(properties, largest=largest)
    code = 0
    with _said(made.topic, clock) as say:
        try:
            for first, times in clock.due():
                producer.send(made.topic, made.batch(first, times))
                producer.check()
                say()
        except KeyboardInterrupt:
            code = Interrupted.exit_code
        finally:
            clock.ended = time.monotonic()
            producer.leave()  # what was sent is acknowledged, or it is an error
    return code


@dataclass
class _Clock:
    """Says when which records are due; with a seed their times are the same each time."""

    rate: float
    limit: int
    seeded: bool
    sent: int = 0
    began: float = 0.0
    ended: float = 0.0

    def due(self) -> Iterator[tuple[int, list[int]]]:
        """(the number of the first, the times) of the records that are due; ends at the limit."""
        self.began = time.monotonic()
        while self.sent < self.limit:
            passed = time.monotonic() - self.began
            due = math.inf if self.rate == math.inf else int(passed * self.rate) + 1
            count = int(min(due - self.sent, _MOST, self.limit - self.sent))
            if count < 1:
                wait = self.sent / self.rate - passed
                time.sleep(min(max(wait, 0.001), _TICK))
                continue
            yield self.sent, [self._time(n) for n in range(self.sent, self.sent + count)]
            self.sent += count

    def _time(self, number: int) -> int:
        if not self.seeded:
            return int(time.time() * 1000)
        step = 1000 / (self.rate if self.rate != math.inf else 1000)
        return _BEGINNING + int(number * step)

    def text(self) -> str:
        """How many records, and how many a second."""
        seconds = (self.ended or time.monotonic()) - self.began if self.began else 0.0
        a_second = f"{self.sent / seconds:,.0f}" if seconds > 0.1 else "…"
        return f"{many(self.sent, 'record')}, {a_second} a second"


@contextmanager
def _said(topic: str, clock: _Clock) -> Iterator[Callable[[], None]]:
    """Says on a terminal each second how it goes, and at the end what was written."""
    from kshell.terminal.messages import note

    live = sys.stderr.isatty()
    at = 0.0

    def say() -> None:
        nonlocal at
        if live and time.monotonic() - at >= 1:
            at = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{clean(topic)}: {clock.text()}; Ctrl-C ends")
            sys.stderr.flush()

    try:
        yield say
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
        note(f"{clean(topic)}: {clock.text()}.")
