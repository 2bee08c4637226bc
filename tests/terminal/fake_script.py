"""`python -m tests.terminal.fake_script -e …`: the real command line over the fake session."""

from __future__ import annotations

import os
import sys
import time

from kshell.results import Running
from kshell.terminal import cli
from tests.terminal.fake_shell import FakeSession

_BEGAN = time.monotonic()


class _Script(FakeSession):
    """Has no queries that a script would stay with; with FAKE_FAILS it has one that fails."""

    def running(self) -> tuple[Running, ...]:
        if "FAKE_FAILS" not in os.environ:
            return ()
        failed = time.monotonic() - _BEGAN > 2
        return (Running("CSAS_2", "failed: no topic" if failed else "5/s", failed=failed),)


if __name__ == "__main__":
    cli.open_session = lambda options, stack: _Script()  # type: ignore[assignment, return-value]
    code = cli.run(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
