"""`kshell test`: reads case files, runs them without a broker, reports.

    kshell test FILE…                                    ksqlDB's query-validation JSON
    kshell test -s statements.sql -i input.json -o output.json
    kshell test FILE… --report report.json

Exit code 0 if every case passes, 1 if one does not, 2 for a wrong command line.  `terminal.cli`
calls `main`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kshell.cases.model import Case, Outcome, Status
from kshell.cases.read import read_cases, read_three_files
from kshell.errors import UsageError, reason_of
from kshell.whole_file import WholeFile

__all__ = ["main"]

_SHARE = 16  # cases given to a worker at a time: few, so that no worker ends late


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kshell test", description="Run test cases of statements and records; no broker."
    )
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help='{"tests": [{name, statements, inputs, …}]}')
    add("-s", "--sql-file", metavar="FILE", help="one case: its statements")
    add("-i", "--input-file", metavar="FILE", help='its records: {"inputs": […]}')
    add("-o", "--output-file", metavar="FILE", help='what must come out: {"outputs": […]}')
    add("--report", metavar="FILE", help="write a JSON array, one object a case")
    add("--only", metavar="TEXT", help="only cases whose file or name contains the text")
    add("--jobs", type=int, default=0, metavar="N", help="processes (default: one a core)")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run the cases; returns the exit code; raises UsageError."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 2
    cases = _cases(options)
    outcomes = []
    for outcome in _run_all(cases, options.jobs or os.cpu_count() or 1):
        outcomes.append(outcome)
        _say(outcome)
    if options.report:
        _report(options.report, outcomes)
    count = Counter(o.status for o in outcomes)
    shown = ", ".join(f"{count[s]} {s.value}" for s in Status)
    print(f"{len(outcomes)} case{'s' * (len(outcomes) != 1)}: {shown}")
    return 0 if count[Status.PASS] == len(outcomes) else 1


def _cases(options: argparse.Namespace) -> list[Case]:
    cases: list[Case] = []
    if options.sql_file:
        if not options.output_file:
            raise UsageError(
                "-s needs -o: without what must come out nothing is tested",
                hint="kshell test -s FILE -i FILE -o FILE; the input may be left out",
            )
        cases.append(read_three_files(options.sql_file, options.input_file, options.output_file))
    elif options.input_file or options.output_file:
        raise UsageError("-i and -o go with -s", hint="kshell test -s FILE -i FILE -o FILE")
    for file in options.files:
        cases += read_cases(file)
    if not cases and not options.files:
        raise UsageError("nothing to test", hint="kshell test FILE…, or -s FILE -i FILE -o FILE")
    if options.only:
        wanted = options.only.casefold()
        cases = [c for c in cases if wanted in f"{c.file} {c.name}".casefold()]
    return cases


def _run_all(cases: Sequence[Case], jobs: int) -> Iterator[Outcome]:
    """Runs the cases in that many processes; the outcomes are in the order of the cases."""
    from kshell.cases.run import run_case

    if jobs == 1 or len(cases) <= _SHARE:
        yield from map(run_case, cases)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Not a Pool: if a worker dies at once, a Pool starts it again and again.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_case, cases, chunksize=_SHARE)


def _say(outcome: Outcome) -> None:
    if outcome.status is not Status.PASS:
        format_ = f" [{outcome.format}]" if outcome.format else ""
        reason = outcome.reason.replace("\n", " ")
        print(f"{outcome.status.value.upper()} {outcome.file}: {outcome.name}{format_}: {reason}")


def _report(path: str, outcomes: Iterable[Outcome]) -> None:
    try:
        whole = WholeFile(path)
        json.dump([o.as_json() for o in outcomes], whole.file, indent=1, ensure_ascii=False)
        whole.file.write("\n")
        whole.done()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}") from None
