"""`kshell` and `python -m kshell`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; never returns."""
    from kshell.terminal.cli import run

    code = run(sys.argv[1:])
    # Exiting here spares tearing down DuckDB and Arrow, which costs 30 ms and prints about leaks.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            pass
    os._exit(code)


if __name__ == "__main__":
    main()
