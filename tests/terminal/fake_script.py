"""`python -m tests.terminal.fake_script -e …`: the real command line over the fake session."""

from __future__ import annotations

import os
import sys

from kshell.terminal import cli
from tests.terminal.fake_shell import FakeSession


class _Script(FakeSession):
    """Has no queries that a script would stay with."""

    def running(self) -> tuple[()]:
        return ()


if __name__ == "__main__":
    cli.open_session = lambda options, stack: _Script()  # type: ignore[assignment, return-value]
    code = cli.run(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
