"""Continuous queries end to end: statements, records in, records out, each name says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from kshell.cases.model import Case, Status
from kshell.cases.read import read_cases
from kshell.cases.run import run_case

_FILES = ("continuous.json", "joins_and_values.json")
_CASES = [c for f in _FILES for c in read_cases(str(Path(__file__).with_name(f)))]


@pytest.mark.parametrize("case", _CASES, ids=[c.name for c in _CASES])
def test_case(case: Case) -> None:
    outcome = run_case(case)
    assert (outcome.status, outcome.reason) == (Status.PASS, "")
