"""`kshell` and `python -m kshell`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line; never returns."""
    # numpy comes with pyarrow.  Its linear algebra, which kshell does not use, would start a thread
    # for each core and take a fifth of the time to the first answer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Hundreds of thousands of records come and none is part of a cycle: without the compiled parts,
    # the search for cycles takes half of the time to read them.  The start alone makes 150,000
    # objects that stay; to search those takes 50 ms.
    gc.set_threshold(250_000)
    try:
        from kshell.terminal.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while it imports
        code = 130
    # Exit here: to take down DuckDB and Arrow costs 30 ms and prints about leaks.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            pass
    os._exit(code)


if __name__ == "__main__":
    main()
