"""The statements of `kshell --demo --tour` over records of the demo, written to topics on both engines.

`test_flink_matrix` runs them.  Each engine reads the streams that it has written itself.
"""

from __future__ import annotations

from kshell.demo.generators import STREAMS
from kshell.kafka.produce import OutgoingRecord

from .flink_cases import MINUTE, T0, Case, Same, World, of_stream, of_table

__all__ = ["DEMO"]

_TOPICS = {"users": (0, 60, 10), "pageviews": (MINUTE, 600, 50), "reviews": (MINUTE, 150, 200)}  # from, how many, ms between


def _records(topic: str) -> list[OutgoingRecord]:
    (stream,) = [s for s in STREAMS if s.topic == topic]
    first, count, step = _TOPICS[topic]
    times = range(T0 + first, T0 + first + count * step, step)
    return [OutgoingRecord(r.key, r.value, r.timestamp) for r in stream.records(1, 0, iter(times))]


_DECLARED = """
CREATE STREAM views (userid VARCHAR KEY, pageid VARCHAR) WITH (KAFKA_TOPIC='{t}pageviews', VALUE_FORMAT='JSON');
CREATE TABLE people (id VARCHAR PRIMARY KEY, regionid VARCHAR, gender VARCHAR) WITH (KAFKA_TOPIC='{t}users', VALUE_FORMAT='JSON');
CREATE STREAM enriched WITH (KAFKA_TOPIC='{t}enriched-{side}') AS SELECT v.userid AS userid, v.pageid, p.regionid, p.gender
  FROM views v LEFT JOIN people p ON v.userid = p.id EMIT CHANGES;
CREATE STREAM words WITH (KAFKA_TOPIC='{t}words-{side}') AS SELECT EXPLODE(SPLIT(LCASE(text), ' ')) AS word FROM `{t}reviews` EMIT CHANGES;
"""
_REGIONS = "SELECT regionid, gender, COUNT(*) AS views FROM enriched WINDOW TUMBLING (SIZE 30 SECONDS) GROUP BY regionid, gender"
_ROBOTS = """SELECT userid, COUNT(*) AS views, TIMESTAMPTOSTRING(WINDOWSTART, 'HH:mm:ss') AS since
  FROM enriched WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY userid HAVING COUNT(*) > 15"""

DEMO = World(
    {name: _records(name) for name in _TOPICS},
    _DECLARED,
    [
        of_stream("demo: views with their users", "SELECT * FROM enriched", Same.BAG),
        Case("demo: views by region and gender", f"CREATE TABLE {{}} WITH (KEY_FORMAT='JSON') AS {_REGIONS} EMIT CHANGES;", Same.FINAL),
        of_table("demo: who opens too many pages", _ROBOTS, Same.FINAL),
        of_stream("demo: complaints", "SELECT userid, stars, text FROM `{t}reviews` WHERE stars = 1"),
        of_stream("demo: words", "SELECT * FROM words"),
        of_table("demo: word count", "SELECT word, COUNT(*) AS n FROM words GROUP BY word", Same.FINAL),
    ],
)
