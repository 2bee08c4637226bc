"""Every construct on both engines over the same topics: the sinks have the same records."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import fastavro
import httpx
import pytest
from fastavro.schema import to_parsing_canonical_form

from kshell.config import Properties
from kshell.errors import KshellError
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode
from kshell.session import Session

from .conftest import held
from .flink_cases import CONSTRUCTS, FUNCTIONS, Case, Same, World
from .flink_demo_cases import DEMO
from .flink_format_cases import FORMATS
from .flink_odd_cases import ODD
from .realflink import Flink
from .realkafka import Broker

_WANTED = Wanted(timestamp=True, key=True, value=True)
_AT_ONCE = 8  # jobs that run at the same time
SECONDS = 40.0  # how long the engines may take for a case
Read = tuple[object, object, int]


class Both:
    """A session of each engine over the same topics."""

    def __init__(self, world: World, kafka: Broker, flink: Flink, registry: str, topic) -> None:
        self.prefix = prefix = f"f{uuid.uuid4().hex[:6]}-"
        for name, records in world.topics.items():
            topic(records, name=f"{prefix}{name}")
        common = {"bootstrap.servers": kafka.bootstrap, "auto.offset.reset": "earliest"}
        if registry:
            common["schema.registry.url"] = registry
        self.schemas = Schemas(registry)
        self.here = Session(Properties(common))
        there = {
            "kshell.engine": "flink", "kshell.flink.gateway": flink.gateway,
            "kshell.flink.idle.timeout.ms": "1000", "kshell.flink.timeout.ms": "60000",
        }  # fmt: skip
        self.there = Session(Properties({**common, **there}))
        self.sessions = {"here": self.here, "there": self.there}
        list(self.here.execute(world.here.replace("{t}", prefix)))
        for side, session in self.sessions.items():
            list(session.execute(world.declared.replace("{t}", prefix).replace("{side}", side)))
        self.client = Client.connect(Properties(common))

    def begin(self, n: int, case: Case) -> None:
        """Run a case on both."""
        for side, session in self.sessions.items():
            named = f"X{n} WITH (KAFKA_TOPIC='{self.sink(side, n)}'"
            text = case.ksql.replace("{} WITH (", f"{named}, ").replace("{}", f"{named})").replace("{t}", self.prefix)
            list(session.execute(text))

    def sink(self, side: str, n: int) -> str:
        """The topic of a case's results."""
        return f"{self.prefix}x{n}-{side}"

    def read(self, side: str, n: int, case: Case) -> list[Read]:
        """A sink's records: key, value, time."""
        topic = self.sink(side, n)
        of_key, of_value = (_plain(case, self.schemas, half) for half in ("key", "value"))
        if self.client.find(topic) is None:
            return []
        before = held(self.client, topic)
        found = []
        for chunk in Fetch(self.client, before, before.offsets):
            end = before.offsets[chunk.partition][1]
            batch = decode(chunk.records, _WANTED, start=chunk.start, end=end, aborted=chunk.aborted).batch
            found += [(of_key(r["key"]), of_value(r["value"]), r["timestamp"]) for r in batch.to_pylist()]
        return found

    def compare(self, n: int, case: Case, seconds: float = SECONDS) -> str:
        """Wait until both have written the same; empty, or what differs."""
        end, quiet = time.monotonic() + seconds, time.monotonic() + 4
        before = None
        while True:
            here, there = self.read("here", n, case), self.read("there", n, case)
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


class Schemas:
    """What a registry's ids mean."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: dict[int, tuple[object, object]] = {}

    def plain(self, data: bytes) -> object:
        """A record's schema and value, with the entries of maps in one order."""
        (id,) = struct.unpack(">I", data[1:5])
        if id not in self._known:
            text = httpx.get(f"{self._url}/schemas/ids/{id}").json()["schema"]
            schema = json.loads(text)
            self._known[id] = to_parsing_canonical_form(schema), fastavro.parse_schema(schema)
        given, schema = self._known[id]
        return given, _sorted(fastavro.schemaless_reader(io.BytesIO(data[5:]), schema, None))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if not isinstance(value, list):
        return value
    values = [_sorted(v) for v in value]
    entries = all(isinstance(v, dict) and v.keys() == {"key", "value"} for v in values)
    return sorted(values, key=repr) if entries else values


def _plain(case: Case, schemas: Schemas, half: str) -> Callable[[bytes | None], object]:
    """How a half is compared: a key by its bytes, a value by what it says; Avro by its schema too."""
    delimited = re.search(r"VALUE_DELIMITER='(\w+|.)'", case.ksql)
    delimiter = {"TAB": "\t"}.get(delimited[1], delimited[1]) if delimited else ","

    def number(text: str) -> object:
        return float(f"{float(text):.12g}") if case.rounded else Decimal(text).normalize()

    def plain(data: bytes | None) -> object:
        if data is None:
            return None
        if half in case.avro:
            return schemas.plain(data)
        if half == "key":
            return data
        try:
            return _sorted(json.loads(data, parse_float=number))
        except ValueError:
            pass
        try:  # Flink quotes more of a DELIMITED record than it must
            return next(csv.reader([data.decode()], delimiter=delimiter), [])
        except (UnicodeDecodeError, csv.Error):
            return data

    return plain


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
    last = {repr(key): value for key, value, _ in rows}
    return {key: value for key, value in last.items() if value is not None}


@pytest.fixture
def both(kafka: Broker, flink: Flink, topic) -> Iterator[Callable[..., Both]]:
    """Opens a world."""
    with contextlib.ExitStack() as opened:
        yield lambda world, registry="": opened.enter_context(contextlib.closing(Both(world, kafka, flink, registry, topic)))


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
    differ = _run(both(CONSTRUCTS), [case for case in CONSTRUCTS.cases if case.sample])
    assert not differ, "\n".join(differ)


@pytest.mark.matrix
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("world", [CONSTRUCTS, FORMATS, ODD, DEMO], ids=["constructs", "formats", "odd", "demo"])
def test_all_are_the_same_on_both(both, registry, world):
    differ = _run(both(world, registry.url), world.cases)
    assert not differ, f"{len(differ)} of {len(world.cases)}\n" + "\n".join(differ)


def test_the_list_is_long_enough():
    assert len(CONSTRUCTS.cases) >= 60
    assert len(FUNCTIONS) >= 90
