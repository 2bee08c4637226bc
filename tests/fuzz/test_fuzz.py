"""A short run of each fuzzer in a process of its own; KSHELL_FUZZ sets another length."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .run import TARGETS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.timeout(3600)
def test_nothing_crashes_hangs_or_raises_another_error(target):
    count = os.environ.get("KSHELL_FUZZ", "10000")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", target, count],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{count} inputs" in done.stdout
