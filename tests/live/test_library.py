"""kshell as a library on real Kafka: what is written is acknowledged when the session is closed."""

from __future__ import annotations

import uuid

import pyarrow as pa
import pytest

import kshell
from kshell.kafka.produce import OutgoingRecord
from kshell.results import NoticeKind

pytestmark = pytest.mark.live


def test_a_query_writes_all_that_it_made_before_close_returns(kafka, topic):
    source = topic([OutgoingRecord(b"k%d" % (n % 3), b'{"n":%d}' % n) for n in range(3000)], partitions=2)
    name = "t" + uuid.uuid4().hex[:10]
    properties = {"auto.offset.reset": "earliest"}
    with kshell.connect(kafka.bootstrap, properties=properties) as session:
        created, answer = session.run(
            f"CREATE TABLE {name} AS SELECT ROWKEY, COUNT(*) AS c FROM `{source}` GROUP BY ROWKEY;"
            f"SELECT ROWKEY, c FROM {name} ORDER BY 1;"
        )
        assert name.upper() in created.text
        assert answer.rows() == [("k0", 1000), ("k1", 1000), ("k2", 1000)]
        assert answer.notices == ()
        assert [q.failed for q in session.running()] == [False]
    with kshell.connect(kafka.bootstrap, tables={"who": pa.table({"k": ["k1"]})}) as session:
        last = session.sql(
            f"SELECT ARG_MAX(t.C, t.ROWOFFSET) AS c FROM `{name.upper()}` t JOIN who ON t.ROWKEY = who.k"
        )
        assert last.rows() == [(1000,)]


def test_a_scan_limit_is_a_notice(kafka, topic):
    pad = "x" * 3000
    name = topic([OutgoingRecord(None, b'{"n":%d,"p":"%s"}' % (n, pad.encode())) for n in range(2000)])
    with kshell.connect(kafka.bootstrap, properties={"kshell.scan.max.records": 1}) as session:
        result = session.sql(f"SELECT n FROM `{name}`")
        read = len(result.rows())
        (notice,) = result.notices
        assert (notice.kind, notice.count) == (NoticeKind.PARTIAL, 2000 - read)
