"""The README's pictures, from a real run on the demo's broker, on a pty: `make screenshots`.

Each shot is the keys to press, what to wait for, and a file name; adding one is adding a row.  A
recording is a command that runs until it ends, and all that its screen showed.  A
picture that would differ from the one that is there in numbers and colours alone (a port, counts,
times, what has just changed) is left as it is; delete it to have it made anew.
"""

from __future__ import annotations

import io
import json
import random
import re
import select
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import fastavro

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from draw import Frame, film, frame_of, svg  # noqa: E402

from kshell.config import Properties  # noqa: E402
from kshell.demo import broker  # noqa: E402
from kshell.kafka.produce import OutgoingRecord, Producer  # noqa: E402
from tests.terminal.screen import Screen  # noqa: E402

COLUMNS, LINES = 104, 30
CLEAR = ("\x03", "\x0c")  # one by one: a terminal answers in between


@dataclass(frozen=True, slots=True)
class Shot:
    """`keys` are typed one after the other, each `pause` seconds apart; then `wait` is shown.

    `before` is typed first and is not in the picture.
    """

    name: str
    title: str
    keys: tuple[str, ...]
    wait: str
    pause: float = 1.2
    lines: int = LINES
    before: tuple[str, ...] = ()
    after: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run of kshell with these arguments; `still` is on the frame for where nothing moves."""

    name: str
    title: str
    arguments: tuple[str, ...]
    still: str
    columns: int = 80
    lines: int = 24


JOIN = (
    "SELECT u.regionid, COUNT(*) AS orders, ROUND(SUM(o.total), 2) AS revenue,\r"
    "       MAX(o.total) AS largest\r"
    "FROM orders o JOIN users u ON o.userid = u.userid\r"
    "WHERE o.address->country <> 'US'\r"
    "GROUP BY u.regionid ORDER BY revenue DESC LIMIT 7;\r"
)
PEOPLE = (
    "CREATE TABLE people (id VARCHAR PRIMARY KEY, regionid VARCHAR)"
    " WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');\r"
)
WINDOWED = (
    "SELECT p.regionid AS region, WINDOWSTART, COUNT(*) AS views,"
    " COUNT_DISTINCT(v.pageid) AS pages, LATEST_BY_OFFSET(v.userid) AS latest\r"
    "FROM pageviews v JOIN people p ON v.userid = p.id\r"
    "WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY p.regionid EMIT CHANGES;\r"
)
CHARTED = (
    "SELECT p.regionid AS region, WINDOWSTART, COUNT(*) AS views\r"
    "FROM pageviews v JOIN people p ON v.userid = p.id\r"
    "WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY p.regionid EMIT CHANGES;\r"
)
KEPT = (
    "CREATE TABLE spent AS\r"
    "  SELECT userid, COUNT(*) AS orders, ROUND(SUM(total), 2) AS total\r"
    "  FROM orders GROUP BY userid HAVING COUNT(*) > 100 EMIT CHANGES;\r"
)

SHOTS = (
    Shot(
        "completion", "kshell: topics and their fields, as you type",
        ("SELECT p.viewtime, u.gender FROM pageviews p\r"
         "JOIN users u ON p.userid = u.userid\rWHERE u.", "\x1b[B\x1b[B\x1b[B"),
        "registertime", lines=16,
    ),
    Shot(
        "query", "kshell: a bounded answer over what is in the topics now", (JOIN,), "rows,",
        lines=27,
    ),
    Shot(
        "live", "kshell: a join counted in windows, live; what has just changed is green",
        (WINDOWED,), "● live", pause=8, lines=22,
        before=("SET 'auto.offset.reset'='earliest';\r", PEOPLE), after="q",
    ),
    Shot(
        "chart", "kshell: page views of each region, minute by minute, live: c in the live view",
        (CHARTED, "c"), "● live  chart", pause=15, lines=21,
        before=("SET 'auto.offset.reset'='earliest';\r", "DROP TABLE IF EXISTS people;\r", PEOPLE),
        after="qq",
    ),
    Shot(
        "background", "kshell: a query in the background, and its table asked",
        (KEPT, "SHOW QUERIES;\r", "SELECT * FROM spent ORDER BY total DESC LIMIT 5;\r"),
        "5 rows", pause=3, lines=32,
        before=("SET 'auto.offset.reset'='earliest';\r",), after="TERMINATE ALL;\r",
    ),
    Shot(
        "describe", "kshell: Avro with a schema file, and the records that do not fit it",
        ("DESCRIBE payments;\r",
         "SELECT card, COUNT(*) AS n, SUM(amount) FROM payments GROUP BY card ORDER BY 2 DESC;\r",
         "SHOW ERRORS;\r"),
        "in this session", lines=54,
    ),
    Shot(
        "error", "kshell: what is wrong, where, and what to try",
        ("SELECT useridd, total FROM orders;\r", "SELECT * FROM page_views;\r",
         "SELECT userid, COUNT(*) FROM orders EMIT CHANGES;\r", "SELECT * FORM users;\r"),
        "FROM?", lines=38,
    ),
)  # fmt: skip

RECORDINGS = (
    Recording("tour", "kshell --demo --tour", ("--demo", "--tour", "--auto"),
              "│ WINDOWSTART "),
)
LAST = 4.0  # seconds for which the last frame stays

PAYMENT = {
    "type": "record", "name": "Payment", "fields": [
        {"name": "id", "type": "long"},
        {"name": "card", "type": {"type": "enum", "name": "Card",
                                  "symbols": ["VISA", "MASTERCARD", "AMEX"]}},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal",
                                    "precision": 9, "scale": 2}},
        {"name": "paid", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}  # fmt: skip


def payments() -> list[OutgoingRecord]:
    """A thousand Avro records, and two of the last are none."""
    chance = random.Random(7)
    schema = fastavro.parse_schema(PAYMENT)
    now = int(time.time() * 1000)
    out = []
    for number in range(1000):
        value = {
            "id": number, "card": chance.choice(["VISA", "VISA", "MASTERCARD", "AMEX"]),
            "amount": Decimal(chance.randrange(100, 20_000)).scaleb(-2), "paid": now,
            "note": "gift" if chance.random() < 0.2 else None,
        }  # fmt: skip
        written = io.BytesIO()
        fastavro.schemaless_writer(written, schema, value)
        out.append(OutgoingRecord(key=f"card-{number % 9}".encode(), value=written.getvalue()))
    out[-3:-1] = [OutgoingRecord(key=b"card-1", value=v) for v in (b'{"id": 9}', b"\xff" * 12)]
    return out


def words(picture: str) -> str:
    """What a picture says, without its numbers and spaces."""
    return re.sub(r"[\d.,\s]+", "", "".join(re.findall(">([^<]*)<", picture)))


def take(screen: Screen, shot: Shot) -> None:
    """Type the keys and write the picture."""
    screen.resize(COLUMNS, shot.lines)
    for keys in shot.before:
        screen.type(keys)
        screen.pump(1)
    for keys in CLEAR:
        screen.type(keys)
        screen.pump(0.5)
    for keys in shot.keys:
        screen.type(keys)
        screen.pump(shot.pause)
    screen.wait(shot.wait)
    text = svg(screen.screen, shot.title)
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    path = HERE / f"{shot.name}.svg"
    if path.exists() and words(path.read_text()) == words(text):
        print(f"{path.relative_to(HERE.parent)}: as it was")
    else:
        path.write_text(text)
        print(f"{path.relative_to(HERE.parent)}: {len(text):,} bytes")
    screen.type(shot.after or "\x03")
    screen.pump(1)


def _settle(screen: Screen) -> None:
    """Read for a tenth of a second, and on until nothing comes: half a drawing is no frame."""
    screen.pump(0.08)
    while select.select([screen.process.child_fd], [], [], 0.005)[0] and screen.process.isalive():
        screen.pump(0.001)


def record(recording: Recording, env: dict[str, str]) -> None:
    """Run it to its end and write the film."""
    command = [sys.executable, "-m", "kshell", *recording.arguments]
    screen = Screen(command, env, recording.columns, recording.lines, cwd=str(HERE.parent))
    frames: list[Frame] = []
    still, began = 0.0, time.monotonic()
    try:
        while screen.process.isalive():
            _settle(screen)
            frame = frame_of(screen.screen, time.monotonic() - began if frames else 0.0)
            if not frames or frame.lines != frames[-1].lines:
                frames.append(frame)
                still = frame.second if recording.still in screen.text() else still
    finally:
        screen.close()
    assert screen.process.exitstatus == 0, screen.history()
    text = film(frames, frames[-1].second + LAST, still, recording.title)
    (HERE / f"{recording.name}.svg").write_text(text)
    print(f"{recording.name}: {len(text.encode()):,} bytes, {len(frames)} frames")


def main() -> None:
    """Take all, or those named on the command line."""
    wanted = sys.argv[1:] or [made.name for made in (*SHOTS, *RECORDINGS)]
    demo = broker.start()
    with tempfile.TemporaryDirectory() as state:
        env = {f"XDG_{home}_HOME": state for home in ("STATE", "CONFIG", "CACHE")}
        schema = Path(state) / "payment.avsc"
        schema.write_text(json.dumps(PAYMENT))
        producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
        producer.send("payments", payments())
        producer.flush()
        command = [sys.executable, "-m", "kshell", "-b", demo.bootstrap,
                   "--schema", f"payments={schema}"]  # fmt: skip
        screen = Screen(command, env, COLUMNS, LINES)
        try:
            screen.wait("127.0.0.1", 30)
            for shot in SHOTS:
                if shot.name in wanted:
                    take(screen, shot)
        finally:
            screen.close()
            demo.close()
        for recording in RECORDINGS:
            if recording.name in wanted:
                record(recording, env)


if __name__ == "__main__":
    main()
