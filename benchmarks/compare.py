"""Alternating runs and their medians: what every benchmark here uses."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # tests.live.realkafka is used from here
KSHELL = [sys.executable, "-m", "kshell"]
RUNS = 7


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def process(command: Sequence[str], env: Mapping[str, str] | None = None) -> Callable[[], object]:
    """A whole process, its output thrown away; it must succeed."""

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)

    return run


def alternate(candidates: Mapping[str, Callable[[], object]], runs: int = RUNS) -> dict[str, float]:
    """Median seconds of each, run in turn after one warm-up each."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for work in candidates.values():
        work()
    for _ in range(runs):
        for name, work in candidates.items():
            taken[name].append(seconds(work))
    return {name: statistics.median(times) for name, times in taken.items()}


def report(name: str, ours: float, peer: float, target: str) -> None:
    """One line: the times, the ratio, and what was aimed at."""
    print(f"{name:58s} {ours:8.3f} s  peer {peer:8.3f} s  ratio {ours / peer:6.3f}  target {target}",
          flush=True)  # fmt: skip
