"""Every construct on both engines over the same topics: the sinks have the same records."""

from __future__ import annotations

import csv
import json
import time
import uuid
from collections.abc import Iterator, Sequence

import pytest

from kshell.config import Properties
from kshell.errors import KshellError
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode
from kshell.session import Session

from .conftest import held
from .flink_cases import CASES, FUNCTIONS, TOPICS, Case, Same, declarations
from .realflink import Flink
from .realkafka import Broker

_WANTED = Wanted(timestamp=True, key=True, value=True)
_AT_ONCE = 8  # jobs that run at the same time
Read = tuple[bytes | None, object, int]


class Both:
    """A session of each engine over the same topics."""

    def __init__(self, kafka: Broker, flink: Flink, topic, prefix: str) -> None:
        for name, records in TOPICS.items():
            topic(records, name=f"{prefix}{name}")
        common = {"bootstrap.servers": kafka.bootstrap, "auto.offset.reset": "earliest"}
        self.prefix = prefix
        self.here = Session(Properties(common))
        self.there = Session(Properties({**common, "kshell.engine": "flink", "kshell.flink.gateway": flink.gateway}))
        self.sessions = {"here": self.here, "there": self.there}
        for session in self.sessions.values():
            list(session.execute(declarations(prefix)))
        self.client = Client.connect(Properties(common))

    def begin(self, n: int, case: Case) -> None:
        """Run a case on both."""
        for side, session in self.sessions.items():
            named = f"X{n} WITH (KAFKA_TOPIC='{self.sink(side, n)}'"
            text = case.ksql.replace("{} WITH (", f"{named}, ").replace("{}", f"{named})")
            list(session.execute(text))

    def sink(self, side: str, n: int) -> str:
        """The topic of a case's results."""
        return f"{self.prefix}x{n}-{side}"

    def read(self, side: str, n: int) -> list[Read]:
        """A sink's records: key, value, time."""
        topic = self.sink(side, n)
        if self.client.find(topic) is None:
            return []
        before = held(self.client, topic)
        found = []
        for chunk in Fetch(self.client, before, before.offsets):
            end = before.offsets[chunk.partition][1]
            batch = decode(chunk.records, _WANTED, start=chunk.start, end=end, aborted=chunk.aborted).batch
            found += [(r["key"], _value(r["value"]), r["timestamp"]) for r in batch.to_pylist()]
        return found

    def compare(self, n: int, case: Case, seconds: float = 40) -> str:
        """Wait until both have written the same; empty, or what differs."""
        end, quiet = time.monotonic() + seconds, time.monotonic() + 4
        before = None
        while True:
            here, there = self.read("here", n), self.read("there", n)
            if here and _same(case.same, here, there) and here == before:
                return ""
            if here != before:
                before, quiet = here, time.monotonic() + 4
            if time.monotonic() > end or (there and time.monotonic() > quiet + 8):
                return f"{case.name} ({case.same.value}): {case.ksql}\n  here  {_shown(here)}\n  there {_shown(there)}\n  {_differ(here, there)}"
            time.sleep(0.2)

    def end(self) -> None:
        """End what the cases began."""
        for session in self.sessions.values():
            list(session.execute("TERMINATE ALL;"))

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()
        self.client.close()


def _value(value: bytes | None) -> object:
    if value is None:
        return None
    try:  # the last digit of a variance depends on the order of its sums
        return json.loads(value, parse_float=lambda text: float(f"{float(text):.12g}"))
    except ValueError:  # Flink quotes more of a DELIMITED record than it must
        return next(csv.reader([value.decode("utf-8", "surrogateescape")]))


def _shown(rows: Sequence[Read]) -> str:
    return "\n        ".join(map(str, rows))


def _differ(here: list[Read], there: list[Read]) -> list[str]:
    """The fields of records in the same place that differ."""
    return [
        f"{name}: {a[name]!r}, there {b.get(name)!r}"
        for (_, a, _), (_, b, _) in zip(here, there, strict=False)
        if isinstance(a, dict) and isinstance(b, dict)
        for name in a
        if a[name] != b.get(name)
    ]


def _same(how: Same, here: list[Read], there: list[Read]) -> bool:
    if how is Same.ORDERED:
        return here == there
    if how is Same.BAG:
        return sorted(map(repr, here)) == sorted(map(repr, there))
    return _last(here) == _last(there)


def _last(rows: list[Read]) -> dict:
    last = {key: value for key, value, _ in rows}
    return {key: value for key, value in last.items() if value is not None}


@pytest.fixture
def both(kafka: Broker, flink: Flink, topic) -> Iterator[Both]:
    made = Both(kafka, flink, topic, f"f{uuid.uuid4().hex[:6]}-")
    yield made
    made.close()


def _run(both: Both, cases: Sequence[Case]) -> list[str]:
    differ = []
    for first in range(0, len(cases), _AT_ONCE):
        some = list(enumerate(cases))[first : first + _AT_ONCE]
        begun = []
        for n, case in some:
            try:
                both.begin(n, case)
                begun.append((n, case))
            except KshellError as error:
                differ.append(f"{case.name}: {case.ksql}\n  {type(error).__name__}: {error}")
        differ += [found for n, case in begun if (found := both.compare(n, case))]
        both.end()
    return differ


def test_a_sample_is_the_same_on_both(both):
    differ = _run(both, [case for case in CASES if case.sample])
    assert not differ, "\n".join(differ)


@pytest.mark.matrix
@pytest.mark.timeout(1800)
def test_all_are_the_same_on_both(both):
    assert len(CASES) >= 60
    assert len(FUNCTIONS) >= 90
    differ = _run(both, CASES)
    assert not differ, f"{len(differ)} of {len(CASES)}\n" + "\n".join(differ)
