"""`kshell` and `python -m kshell`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line; never returns."""
    # numpy comes with pyarrow; its linear algebra, which nothing here needs, starts a thread for
    # each core: a fifth of the time to the first answer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kshell.terminal.cli import run

    # Records come by the hundred thousand and none is part of a cycle: looking for some costs half
    # of the time to read them without the compiled parts.
    gc.set_threshold(100_000)
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
