"""Alternating runs and their medians: what every benchmark here uses."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # tests.live.realkafka is used from here
KSHELL = [sys.executable, "-m", "kshell"]
RUNS = 7


class Taken(NamedTuple):
    """What one call took: seconds by the clock, and CPU seconds of this process and of those it ran."""

    wall: float
    cpu: float


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    return taken_by(work).wall


def taken_by(work: Callable[[], object]) -> Taken:
    """One call, by both clocks."""
    before, began = os.times(), time.perf_counter()
    work()
    wall, after = time.perf_counter() - began, os.times()
    return Taken(wall, sum(after[:4]) - sum(before[:4]))


def process(command: Sequence[str], env: Mapping[str, str] | None = None) -> Callable[[], object]:
    """A whole process, its output thrown away; it must succeed."""

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)

    return run


def alternate(candidates: Mapping[str, Callable[[], object]], runs: int = RUNS) -> dict[str, Taken]:
    """The medians of each, run in turn after one warm-up each."""
    taken: dict[str, list[Taken]] = {name: [] for name in candidates}
    for work in candidates.values():
        work()
    for _ in range(runs):
        for name, work in candidates.items():
            taken[name].append(taken_by(work))
    return {
        name: Taken(*(statistics.median(clock) for clock in zip(*times, strict=True)))
        for name, times in taken.items()
    }


def report(name: str, ours: Taken, peer: Taken, target: str) -> None:
    """One line: CPU seconds, their ratio and what was aimed at, and the same by the clock."""
    print(
        f"{name:52s} CPU {ours.cpu:7.3f} s  peer {peer.cpu:7.3f} s  ratio {ours.cpu / peer.cpu:6.3f}"
        f"  target {target:8s} wall {ours.wall:7.3f} / {peer.wall:7.3f} = {ours.wall / peer.wall:6.3f}",
        flush=True,
    )
