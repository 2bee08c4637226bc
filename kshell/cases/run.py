"""One case from its statements to its outcome.

`command` calls `run_case`, in several processes.  A case that cannot be judged because kshell
failed in itself is an error, not a failure.
"""

from __future__ import annotations

from kshell.cases.model import Case, Outcome, Status
from kshell.cases.rejection import explain_rejection, is_expected
from kshell.cases.world import World
from kshell.errors import KshellError, Unsupported

__all__ = ["run_case"]


def run_case(case: Case) -> Outcome:
    """Runs it; never raises but what ends the program."""
    try:
        status, reason = _judge(case)
    except Exception as error:  # a bug in kshell is that case's outcome, and the others go on
        status, reason = Status.ERROR, f"internal error: {type(error).__name__}: {error}"
    return Outcome(case.file, case.name, case.format, status, reason)


def _judge(case: Case) -> tuple[Status, str]:
    world = World(properties=dict(case.properties))
    try:
        world.run("\n".join(case.statements))
    except KshellError as error:
        return _judge_refusal(case, error)
    if case.rejection is not None:
        expected = case.rejection.message or case.rejection.type
        return Status.FAIL, f"expected: {expected}; kshell: took it"
    return Status.ERROR, "records are not run yet"


def _judge_refusal(case: Case, error: KshellError) -> tuple[Status, str]:
    if case.rejection is not None:
        reason = explain_rejection(error, case.rejection)
        return (Status.PASS if is_expected(error, case.rejection) else Status.FAIL), reason
    status = Status.ERROR if isinstance(error, Unsupported) else Status.FAIL
    return status, f"{type(error).__name__}: {error.what}"
