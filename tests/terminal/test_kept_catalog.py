"""What is declared at the prompt is there at the next prompt, and in no script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from kshell.demo.broker import Demo
from kshell.demo.broker import start as start_demo


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    broker = start_demo()
    yield broker
    broker.close()


def test_the_next_prompt_has_it_and_a_script_has_not(start, demo, tmp_path) -> None:
    first = start("kshell", "-b", demo.bootstrap)
    first.wait("kshell>")
    first.type("CREATE STREAM o (orderid INT) WITH (kafka_topic='orders', value_format='JSON');\r")
    first.wait("Stream O is created.")
    first.type("\x04")
    first.process.wait()
    second = start("kshell", "-b", demo.bootstrap)
    second.wait("kshell>")
    second.type("SHOW STREAMS;\r")
    second.wait("declared at an earlier prompt")
    assert "│ orders" in second.text()
    third = start("kshell", "-b", demo.bootstrap, "--no-catalog")
    third.wait("kshell>")
    third.type("SHOW STREAMS;\r")
    third.wait("No stream is declared")
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path)}
    script = [sys.executable, "-m", "kshell", "-b", demo.bootstrap, "-e", "SHOW STREAMS"]
    said = subprocess.run(script, env=env, capture_output=True, text=True, timeout=60)
    assert "No stream is declared" in said.stdout + said.stderr
