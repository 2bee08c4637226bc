"""A schedule of faults at every point of a commit, over all operators: what readers of committed
records see is what an undisturbed run makes, each row once."""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from kshell.kafka.produce import OutgoingRecord

from .applications import Process, committed, eventually

pytestmark = pytest.mark.live

T0 = 1_700_000_000_000
WINDOW = "SELECT k, COUNT(*) AS c, SUM(v) AS t FROM s WINDOW {} GROUP BY k EMIT {}"
STREAMS = {
    "passed": "SELECT k, v FROM s",
    "parted": "SELECT v, k FROM s PARTITION BY v",
    "exploded": "SELECT k, EXPLODE(ARRAY[v, v + 1]) AS e FROM s",
    "joined": "SELECT s.k AS k, s.v AS a, r.v AS b FROM s JOIN r WITHIN 40 MILLISECONDS GRACE PERIOD 10 MILLISECONDS ON s.k = r.k",
    "joined_left": "SELECT s.k AS k, s.v AS a, r.v AS b FROM s LEFT JOIN r WITHIN 40 MILLISECONDS GRACE PERIOD 10 MILLISECONDS ON s.k = r.k",
    "joined_full": "SELECT ROWKEY AS k, s.v AS a, r.v AS b FROM s FULL OUTER JOIN r WITHIN 40 MILLISECONDS GRACE PERIOD 10 MILLISECONDS ON s.k = r.k",
    "looked_up": "SELECT s.k AS k, s.v AS a, t.w AS b FROM s LEFT JOIN t ON s.k = t.k",
}
FINAL = {
    "tumbling_final": WINDOW.format("TUMBLING (SIZE 50 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "FINAL"),
    "session_final": WINDOW.format("SESSION (4 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "FINAL"),
    "sliding_final": WINDOW.format("SLIDING (SIZE 20 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "FINAL"),
}
TABLES = {
    "grouped": "SELECT k, COUNT(*) AS c, SUM(v) AS t, COLLECT_LIST(v) AS l, LATEST_BY_OFFSET(v) AS n FROM s GROUP BY k",
    "tumbling": WINDOW.format("TUMBLING (SIZE 50 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "CHANGES"),
    "hopping": WINDOW.format("HOPPING (SIZE 50 MILLISECONDS, ADVANCE BY 20 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "CHANGES"),
    "session": WINDOW.format("SESSION (4 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "CHANGES"),
    "sliding": WINDOW.format("SLIDING (SIZE 20 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)", "CHANGES"),
    "tables": "SELECT t.k AS k, t.w AS a, u.w AS b FROM t LEFT JOIN u ON t.k = u.k",
    "foreign": "SELECT t.k AS k, t.g AS g, u.w AS b FROM t LEFT JOIN u ON t.g = u.k",
    "table_grouped": "SELECT g, COUNT(*) AS c, SUM(w) AS t FROM t GROUP BY g",
    "chained": "SELECT k, COUNT(*) AS c FROM passed GROUP BY k",
}


def script(sources: dict[str, str], tag: str) -> str:
    lines = ["SET 'auto.offset.reset'='earliest';"]
    for name in "sr":
        lines.append(f"CREATE STREAM {name} (k STRING KEY, v BIGINT) WITH (KAFKA_TOPIC='{sources[name]}', VALUE_FORMAT='JSON');")
    for name in "tu":
        lines.append(f"CREATE TABLE {name} (k STRING PRIMARY KEY, g STRING, w BIGINT) WITH (KAFKA_TOPIC='{sources[name]}', VALUE_FORMAT='JSON');")
    for name, query in STREAMS.items():
        lines.append(f"CREATE STREAM {name} WITH (KAFKA_TOPIC='{tag}-{name}', VALUE_FORMAT='JSON') AS {query} EMIT CHANGES;")
    for name, query in {**FINAL, **TABLES}.items():
        emit = "" if "EMIT" in query else " EMIT CHANGES"
        lines.append(f"CREATE TABLE {name} WITH (KAFKA_TOPIC='{tag}-{name}', VALUE_FORMAT='JSON') AS {query}{emit};")
    return "\n".join(lines)


def made_of(topic, chance: random.Random, count: int) -> dict[str, str]:
    """Topics of three partitions; times move on by a millisecond, some rows are late."""
    sources = {}
    for name in "srtu":
        rows = []
        for i in range(count):
            key = f"k{chance.randrange(12)}"
            value = {"v": i} if name in "sr" else {"g": f"k{chance.randrange(12)}", "w": i}
            text = None if name in "tu" and chance.random() < 0.1 else json.dumps(value).encode()
            late = chance.choice([0, 0, 0, 5, 30, 100])
            rows.append(OutgoingRecord(key.encode(), text, T0 + max(i - late, 0)))
        sources[name] = topic(rows, partitions=3)
    return sources


def seen(bootstrap: str, tag: str) -> dict[str, object]:
    """Of streams and final windows how often each row is there, of tables the last row of each key."""
    found: dict[str, object] = {}
    for name in (*STREAMS, *FINAL):
        found[name] = Counter((m.key(), m.value(), m.timestamp()[1]) for m in committed(bootstrap, f"{tag}-{name}"))
    for name in TABLES:
        last = {m.key(): m.value() for m in committed(bootstrap, f"{tag}-{name}")}
        found[name] = {k: v for k, v in last.items() if v is not None}
    return found


def settled(bootstrap: str, tag: str) -> dict[str, object]:
    """What is seen when nothing has come for two seconds."""
    before = None
    while (now := seen(bootstrap, tag)) != before:
        before = now
        time.sleep(2)
    assert all(now.values()), now
    return now


def schedule(kafka, topic, tmp_path: Path, seed: int, faults: int, count: int) -> str:
    """Runs it; gives what happened."""
    chance = random.Random(seed)
    sources = made_of(topic, chance, count)
    tags = {kind: f"{kind}{uuid.uuid4().hex[:8]}" for kind in ("calm", "torn")}
    files = {}
    for kind, tag in tags.items():
        files[kind] = tmp_path / f"{kind}.sql"
        files[kind].write_text(script(sources, tag))
    calm = Process(kafka.bootstrap, files["calm"], tags["calm"], "--commit", "1s").ready()
    began = time.monotonic()
    done, told, zombies = 0, "", []
    while done < faults:
        raised = sorted(chance.sample(range(3, 400), 14))
        ends = [raised[-1] + chance.randrange(1, 40), chance.choice(["kill", "kill", "kill", "term", "stop"])]
        moments = [[n, "raise"] for n in raised] + [ends]
        process = Process(kafka.bootstrap, files["torn"], tags["torn"], "--commit", "1ms", faulty=(json.dumps(moments),))
        end = f": {ends[1]} at"
        deadline = time.monotonic() + 60
        while end not in process.text and time.monotonic() < deadline and process.process.poll() is None:
            time.sleep(0.02)
        done += process.text.count("fault ")
        print(f"{time.monotonic() - began:.0f} s: {done} faults", flush=True)
        told += process.text
        assert end in process.text, process.text[-3000:]  # else the schedule has not bitten
        if ends[1] == "stop":
            zombies.append(process)
        else:
            assert process.wait() == {"kill": -9, "term": 0}[ends[1]], process.text
    last = Process(kafka.bootstrap, files["torn"], tags["torn"], "--commit", "100ms").ready()
    print(f"{time.monotonic() - began:.0f} s: the last one runs", flush=True)
    for zombie in zombies:
        zombie.process.send_signal(18)  # SIGCONT
        assert zombie.wait(20) == 5, zombie.text
    print(f"{time.monotonic() - began:.0f} s: zombies are gone", flush=True)
    expected = settled(kafka.bootstrap, tags["calm"])
    print(f"{time.monotonic() - began:.0f} s: the calm one has ended", flush=True)
    assert calm.terminate() == 0, calm.text
    found = eventually(lambda: seen(kafka.bootstrap, tags["torn"]), lambda now: now == expected, 40)
    assert last.terminate() == 0, last.text
    for name in expected:
        assert found[name] == expected[name], name
    assert "raise at" in told
    return f"{done} faults, {len(zombies)} zombies"


FAULTS = int(os.environ.get("FAULTS", "60"))
ROUND = 90  # faults, after which too little is left to read for more of them


@pytest.mark.timeout(max(540, 6 * FAULTS))
def test_a_sample_of_the_schedule(kafka, topic, tmp_path):
    """Another application over other records each round."""
    seed = int(os.environ.get("FAULT_SEED", "1"))
    for left in range(FAULTS, 0, -ROUND):
        print(f"seed {seed}: {schedule(kafka, topic, tmp_path, seed, min(left, ROUND), 1500)}", flush=True)
        seed += 1
