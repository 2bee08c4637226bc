"""What each refusal of a transaction means, and what is done then: by a sender that refuses."""

from __future__ import annotations

import threading

import pytest

from kshell.config import Properties
from kshell.errors import Forbidden, KafkaError, KshellError, Outage
from kshell.kafka import transactions
from kshell.kafka.exactly_once import ExactlyOnce
from kshell.kafka.outgoing import Outgoing, OutgoingRecord, Refused
from kshell.kafka.transaction import write_at_once
from kshell.kafka.transactions import Fenced, Transactions, Undone

RECORDS = Outgoing.of([OutgoingRecord(b"k", b"v")])
FENCED, CONFLICT, TIMED_OUT = -144, -173, -185
AWAY = Refused(TIMED_OUT, "no answer", retriable=True)


class Sender:
    """Refuses what it has a refusal for, as often as it has one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refusals: dict[str, list[Refused]] = {}
        self.failed: list[tuple] = []
        self.over = (0, "")
        self.queued = 0

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.refusals.get(name):
            raise self.refusals[name].pop(0)

    def init_transactions(self, seconds: float) -> None:
        self._called("init")

    def begin(self) -> None:
        self._called("begin")

    def send(self, topic: str, records: Outgoing, row: int = 0) -> int:
        self._called("send")
        return len(records)

    def send_offsets(self, member: bytes, offsets, seconds: float) -> None:
        self._called("offsets")

    def commit(self, seconds: float) -> None:
        self._called("commit")

    def abort(self, seconds: float) -> None:
        self._called("abort")

    def poll(self, seconds: float) -> None:
        pass

    def flush(self, seconds: float) -> int:
        return self.queued

    def fatal(self) -> tuple[int, str]:
        return self.over

    def __len__(self) -> int:
        return self.queued


@pytest.fixture
def sender(monkeypatch) -> Sender:
    made = Sender()
    monkeypatch.setattr(transactions, "sender_of", lambda settings: made)
    return made


@pytest.fixture
def properties() -> Properties:
    return Properties({"bootstrap.servers": "b:1", "delivery.timeout.ms": "50", "transactional.id": "x"})


@pytest.fixture
def made(sender, properties) -> Transactions:
    return Transactions(properties, "x")


def test_a_call_that_never_returns_is_given_up_and_another_producer_goes_on(sender, properties, monkeypatch) -> None:
    monkeypatch.setattr(transactions, "_STUCK", 0.2)
    monkeypatch.setattr(sender, "send_offsets", lambda *_: threading.Event().wait())
    copies = ExactlyOnce(properties.set("delivery.timeout.ms", "60000"), "g")
    assert copies.write("t", RECORDS, b"m", ("s", {0: 1})) is False
    assert "does not come back" in copies.note
    assert (sender.calls.count("init"), sender.calls.count("commit")) == (2, 0)
    monkeypatch.undo()
    monkeypatch.setattr(transactions, "sender_of", lambda settings: sender)
    assert copies.write("t", RECORDS, b"m", ("s", {0: 1})) is True
    assert copies.note == ""


def copied(properties: Properties) -> bool:
    return ExactlyOnce(properties, "g").write("t", RECORDS, b"m", ("s", {0: 1}))


def written(properties: Properties) -> None:
    write_at_once(properties, "x", [("t", RECORDS)])


@pytest.mark.parametrize("call", ["send", "offsets", "commit", "abort"])
def test_who_is_fenced_is_not_retriable_whatever_it_says(sender, made, call) -> None:
    """librdkafka calls the errors retriable that come after the fatal one."""
    made.begin()
    sender.over = (FENCED, "fenced")
    sender.refusals[call] = [Refused(CONFLICT, "again", retriable=True)] * 1000
    calls = {"send": lambda: made.send("t", RECORDS), "offsets": lambda: made.send_offsets("g", [], b"m"),
             "commit": made.commit, "abort": made.abort}  # fmt: skip
    with pytest.raises(Fenced, match="another process writes as transactional id x"):
        calls[call]()
    assert sender.calls.count(call) == 1


@pytest.mark.parametrize("write", [copied, written])
def test_all_who_write_in_transactions_say_that_they_are_fenced(sender, properties, write) -> None:
    sender.refusals["commit"] = [Refused(FENCED, "fenced", fatal=True)]
    with pytest.raises(Fenced) as raised:
        write(properties)
    assert "goes on from there" in raised.value.hint


REFUSALS = [
    (Refused(TIMED_OUT, "no answer"), Outage, "cannot commit: no answer"),
    (Refused(16, "not the coordinator", abortable=True), Outage, "cannot commit: not the coordinator"),
    (Refused(27, "a new generation", abortable=True), Undone, "cannot commit: a new generation"),
    (Refused(48, "wrong state"), KafkaError, "cannot commit: wrong state"),
    (Refused(29, "denied", abortable=True), Forbidden, "not allowed: WRITE on topic t"),
    (Refused(30, "denied", abortable=True), Forbidden, "not allowed: READ on group g"),
    (Refused(53, "denied", fatal=True), Forbidden, "not allowed: WRITE on transactional id x"),
    (Refused(90, "fenced", fatal=True), Fenced, "another process writes as transactional id x"),
]


@pytest.mark.parametrize(("refusal", "kind", "said"), REFUSALS, ids=[str(r[0].code) for r in REFUSALS])
def test_what_a_refusal_is_called(sender, made, refusal, kind, said) -> None:
    made.begin()
    made.send("t", RECORDS)
    made.send_offsets("g", [], b"m")
    sender.refusals["commit"] = [refusal]
    with pytest.raises(KshellError) as raised:
        made.commit()
    assert type(raised.value) is kind
    assert raised.value.what.startswith(said)


def test_a_record_says_more_than_its_commit(sender, made) -> None:
    made.begin()
    made.send("t", RECORDS)
    sender.failed += [("t", 1, -152, "purged"), ("t", 1, 10, "too large")]
    with pytest.raises(KafkaError, match="cannot write: topic t, partition 1: too large") as raised:
        made.commit()
    assert "max.message.bytes" in raised.value.hint
    assert "commit" not in sender.calls
    made.abort()
    made.begin()
    made.commit()


def test_what_can_be_tried_again_is(sender, properties) -> None:
    sender.refusals["commit"] = [Refused(27, "a new generation", abortable=True)]
    writer = ExactlyOnce(properties, "g")
    assert not writer.write("t", RECORDS, b"m", ("s", {0: 1}))
    assert writer.note == "tried again: cannot commit: a new generation"
    assert writer.write("t", RECORDS, b"m", ("s", {0: 1}))
    assert not writer.note
    assert sender.calls == ["init", *("begin", "send", "offsets", "commit", "abort"), *("begin", "send", "offsets", "commit")]


@pytest.mark.parametrize(
    ("failing", "known"), [("queued", True), ("commit", False)], ids=["before the commit", "its answer"]
)
def test_whether_it_is_known_what_a_commit_did(sender, properties, failing, known) -> None:
    if failing == "queued":
        sender.queued = 1
    else:
        sender.refusals = {"commit": [AWAY] * 10**6, "abort": [Refused(-172, "it commits")]}
    with pytest.raises(Outage) as raised:
        written(properties)
    assert ("not known" in raised.value.what) != known
    assert sender.calls[-1] == "abort"
