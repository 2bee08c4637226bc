"""State that an earlier kshell wrote is read; state of a later one is refused with a word."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from kshell.engines.local.durable.fingerprint import check_upgrade, fingerprint
from kshell.engines.local.durable.ledger import saved_of
from kshell.engines.local.durable.states import Filling
from kshell.errors import BindError, UsageError
from tests.streams.query import Query
from tests.streams.records import Record

STORED = Path(__file__).with_name("state-1.json")  # written by 0.2.0 after the records a 5, b 7, a 1
L = """CREATE STREAM L (K STRING KEY, V BIGINT)
    WITH (KAFKA_TOPIC='l', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"""
SCRIPT = f"""{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, AVG(V) AS A, COLLECT_LIST(V) AS C,
    LATEST_BY_OFFSET(V) AS E FROM L WINDOW TUMBLING (SIZE 10 MILLISECONDS) GROUP BY K;"""


def stored() -> dict[bytes, bytes]:
    found = json.loads(STORED.read_text())
    return {key.encode(): base64.b64decode(value) for key, value in found.items()}


def test_what_version_1_wrote_is_read():
    saved, query = saved_of(stored()), Query.of(SCRIPT)
    assert saved.header is not None
    assert saved.standing is not None
    assert saved.standing.lanes[0, 0].next == 3
    check_upgrade("O", saved.header.fingerprint, fingerprint(query.sink, query.graph))
    Filling(query.graph).load(saved)
    (made,) = query.made(Record("l", "a", (3,), 9))
    assert made.value == "3|3.0|5,1,3|3"


def test_a_later_version_is_refused():
    later = stored()
    later[b"h"] = json.dumps({**json.loads(later[b"h"]), "version": 2, "kshell": "9.9"}).encode()
    with pytest.raises(UsageError, match=r"written by kshell 9\.9"):
        saved_of(later)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("COUNT(*)", "SUM(V)", "Aggregate: aggregates"),
        ("10 MILL", "20 MILL", r"Aggregate: window TUMBLING \(size 10 ms\), now TUMBLING \(size 20 ms\)"),
        ("MILLISECONDS)", "MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", r"now TUMBLING \(size 10 ms, grace period 5 ms\)"),
        ("TUMBLING (SIZE 10 MILLISECONDS)", "HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 5 MILLISECONDS)", r"now HOPPING \(size 10 ms, advance by 5 ms\)"),
        ("FROM L W", "FROM L W", ""),
        ("FROM L W", "FROM L WHERE V > 1 W", ""),
        ("COUNT(*) AS N", "COUNT(*) + 1 AS N", ""),
        ("KEY_FORMAT='KAFKA'", "KEY_FORMAT='JSON'", ""),
        ("KAFKA_TOPIC='l'", "KAFKA_TOPIC='m'", "Scan: topic"),
        ("V BIGINT", "V INT", "columns"),
    ],
)  # fmt: skip
def test_what_may_change(old: str, new: str, what: str):
    header, query = saved_of(stored()).header, Query.of(SCRIPT.replace(old, new))
    assert header is not None
    mine = fingerprint(query.sink, query.graph)
    if not what:
        check_upgrade("O", header.fingerprint, mine)
        return
    with pytest.raises(BindError, match=what):
        check_upgrade("O", header.fingerprint, mine)
