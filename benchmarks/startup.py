"""`kshell -e "SHOW TOPICS"` as a multiple of `python -c "import pyarrow"`, on real Kafka."""

from __future__ import annotations

import sys

from compare import KSHELL, alternate, process, report

from tests.live import realkafka


def main() -> None:
    """Run in turn, print the ratio."""
    with realkafka.broker() as broker:
        show = process([*KSHELL, "-b", broker.bootstrap, "-e", "SHOW TOPICS"])
        times = alternate({"pyarrow": process([sys.executable, "-c", "import pyarrow"]), "show": show}, 15)
        report("SHOW TOPICS vs import pyarrow", times["show"], times["pyarrow"], "<= 1.6")


if __name__ == "__main__":
    main()
