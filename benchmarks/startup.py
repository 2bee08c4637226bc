"""`kshell -e "SHOW TOPICS"` as a multiple of `python -c pass`, on real Kafka."""

from __future__ import annotations

import sys

from compare import KSHELL, alternate, process, report

from tests.live import realkafka


def main() -> None:
    """Run in turn, print the ratio."""
    with realkafka.broker() as broker:
        show = process([*KSHELL, "-b", broker.bootstrap, "-e", "SHOW TOPICS"])
        times = alternate({"python": process([sys.executable, "-c", "pass"]), "show": show}, 15)
        report("kshell -e 'SHOW TOPICS' vs python -c pass", times["show"], times["python"], "<= 12")


if __name__ == "__main__":
    main()
