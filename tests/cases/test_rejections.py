"""Our own cases, through the command that people run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kshell.cases.model import Case, Status
from kshell.cases.read import read_cases
from kshell.cases.run import run_case

_CASES = read_cases(str(Path(__file__).with_name("rejections.json")))


@pytest.mark.parametrize("case", _CASES, ids=[f"{c.name} {c.format or ''}" for c in _CASES])
def test_case(case: Case) -> None:
    outcome = run_case(case)
    assert (outcome.status, outcome.reason.split("; kshell: ")[0]) == (
        Status.PASS,
        f"expected: {case.rejection.message if case.rejection else ''}",
    )
