"""The README's pictures, from a real run of `kshell --demo` on a pty: `make screenshots`.

Each shot is the keys to press, what to wait for, and a file name; adding one is adding a row.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from draw import svg  # noqa: E402

from tests.terminal.screen import Screen  # noqa: E402

COLUMNS, LINES = 104, 30
CLEAR = ("\x03", "\x0c")  # one by one: a terminal answers in between


@dataclass(frozen=True, slots=True)
class Shot:
    """`keys` are typed one after the other, each `pause` seconds apart; then `wait` is shown."""

    name: str
    title: str
    keys: tuple[str, ...]
    wait: str
    pause: float = 1.2
    lines: int = LINES
    after: str = ""


JOIN = (
    "SELECT u.regionid, COUNT(*) AS orders, ROUND(SUM(o.total), 2) AS revenue,\r"
    "       MAX(o.total) AS largest\r"
    "FROM orders o JOIN users u ON o.userid = u.userid\r"
    "WHERE o.address->country <> 'US'\r"
    "GROUP BY u.regionid ORDER BY revenue DESC LIMIT 7;\r"
)

SHOTS = (
    Shot(
        "completion", "kshell: topics and their fields, as you type",
        ("SELECT p.viewtime, u.gender FROM pageviews p\r"
         "JOIN users u ON p.userid = u.userid\rWHERE u.", "\x1b[B\x1b[B\x1b[B"),
        "column of users", lines=16,
    ),
    Shot(
        "query", "kshell: a bounded answer over what is in the topics now", (JOIN,), "rows,",
        lines=27,
    ),
    Shot(
        "live", "kshell: a continuous answer, as records arrive",
        ("SELECT userid, total, address->city AS city, items[1]->name AS first\r"
         "FROM orders WHERE total > 5 EMIT CHANGES;\r",),
        "● live", pause=9, lines=22, after="q",
    ),
    Shot(
        "describe", "kshell: a topic's columns, as inferred", ("DESCRIBE orders;\r",),
        "end offset", lines=38,
    ),
    Shot(
        "error", "kshell: what is wrong, where, and what to try",
        ("SELECT useridd, total FROM orders;\r", "SELECT * FROM page_views;\r",
         "SELECT * FORM users;\r"),
        "Try:", lines=30,
    ),
)  # fmt: skip


def take(screen: Screen, shot: Shot) -> None:
    """Type the keys and write the picture."""
    screen.resize(COLUMNS, shot.lines)
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
    path.write_text(text)
    print(f"{path.relative_to(HERE.parent)}: {len(text):,} bytes")
    screen.type(shot.after or "\x03")
    screen.pump(0.5)


def main() -> None:
    """Take all, or those named on the command line."""
    wanted = sys.argv[1:] or [shot.name for shot in SHOTS]
    with tempfile.TemporaryDirectory() as state:
        env = {"XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state}
        screen = Screen([sys.executable, "-m", "kshell", "--demo"], env, COLUMNS, LINES)
        try:
            screen.wait("127.0.0.1", 30)
            for shot in SHOTS:
                if shot.name in wanted:
                    take(screen, shot)
        finally:
            screen.close()


if __name__ == "__main__":
    main()
