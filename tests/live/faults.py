"""`kshell run` that fails at given moments: python -m tests.live.faults MOMENTS run FILE …

MOMENTS is JSON: [[n, action], …].  At the n-th point that any query's commit passes (begin, outputs,
deltas, offsets, commit) it does the action: kill, stop, term or raise.  Steps are small, so that
there are many.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from kshell.engines.local.durable import life, query
from kshell.errors import KafkaError
from kshell.terminal.cli import run

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


def main() -> None:
    moments, arguments = json.loads(sys.argv[1]), sys.argv[2:]
    lock, count = threading.Lock(), 0

    def passed(point: str) -> None:
        nonlocal count
        with lock:
            count += 1
            due = [action for n, action in moments if n == count]
        for action in due:
            print(f"fault {count}: {action} at {point}", file=sys.stderr, flush=True)
            if action == "raise":
                raise KafkaError("a fault")
            os.kill(os.getpid(), SIGNALS[action])

    held = query.Held
    query.Held = lambda owner, _: held(owner, passed)  # type: ignore[misc,assignment]
    life._STEP_ROWS = int(os.environ.get("STEP_ROWS", "30"))
    life._EXPIRES = float(os.environ.get("EXPIRES", "60"))
    code = run(arguments)
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
