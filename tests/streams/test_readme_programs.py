"""The two Java programs whose lines the README counts compile, and count."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .oracle import Oracle, streams_jars

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("ReadmePrograms.java")


def test_they_count(streams: Oracle, tmp_path: Path) -> None:
    path = ":".join(map(str, streams_jars()))
    sources = [*(ROOT / "docs" / "streams").glob("*.java"), DRIVER]
    subprocess.run(["javac", "-d", str(tmp_path), "-cp", path, *map(str, sources)], check=True)
    command = ["java", f"-Dstate={tmp_path / 'state'}", "-cp", f"{tmp_path}:{path}", "ReadmePrograms"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    counts = [line for line in done.stdout.splitlines() if "=" in line]
    assert counts[:3] == ["all=1", "streams=1", "streams=2"]
    # Records 0 and 20 s are in one window of half a minute, 40 s in the next.
    assert [c.rpartition("=")[2] for c in counts[3:]] == ['{"views":1}', '{"views":2}', '{"views":1}']
