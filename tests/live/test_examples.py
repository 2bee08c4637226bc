"""The run commands of examples/: what the container and the unit start is started here as it is."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from kshell.config import Properties
from kshell.kafka import admin
from kshell.kafka.produce import OutgoingRecord, Producer

from .applications import committed, eventually
from .realkafka import free_port
from .test_applications import get

pytestmark = pytest.mark.live
EXAMPLES = Path(__file__).parents[2] / "examples"


def of_the_container() -> list[str]:
    text = (EXAMPLES / "Dockerfile").read_text()
    entry, command = (json.loads(re.search(rf"(?m)^{word} (\[.*\])$", text)[1]) for word in ("ENTRYPOINT", "CMD"))
    return [*entry, *command]


def of_the_unit() -> list[str]:
    text = (EXAMPLES / "kshell-page-counts.service").read_text()
    return shlex.split(re.search(r"(?m)^ExecStart=(.*)$", text)[1])


def views(broker, first: int) -> None:
    producer = Producer(Properties({"bootstrap.servers": broker.bootstrap}))
    producer.send("pageviews", [
        OutgoingRecord(None, json.dumps({"userid": "u", "pageid": f"p{n % 2}"}).encode(), 1_700_000_000_000 + n)
        for n in range(first, first + 10)
    ])  # fmt: skip
    producer.flush()


def test_the_unit_goes_on_where_the_container_stood(own_broker, tmp_path):
    properties = Properties({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topic(properties, "pageviews", partitions=2, replicas=1, configs={})
    env = {**os.environ, "KSHELL_BOOTSTRAP_SERVERS": own_broker.bootstrap, "XDG_CONFIG_HOME": str(tmp_path)}
    for turn, command in enumerate((of_the_container(), of_the_unit())):
        views(own_broker, 10 * turn)
        port = str(free_port())
        words = [w.replace("9100", port).replace("0.0.0.0", "127.0.0.1") for w in command]
        words = [str(EXAMPLES / "page_counts.sql") if w.endswith("page_counts.sql") else w for w in words]
        assert words[0].endswith("kshell")
        process = subprocess.Popen([sys.executable, "-m", "kshell", *words[1:]], env=env)
        try:
            wanted = 10 * (turn + 1)
            found = eventually(lambda: counts(own_broker), lambda found, n=wanted: sum(found.values()) == n)
            assert found == {"p0": wanted // 2, "p1": wanted // 2}
            assert json.loads(get(int(port), "/health"))["well"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def counts(broker) -> dict[str, int]:
    """The last value of each key; the window's start follows the page in the key."""
    try:
        found = committed(broker.bootstrap, "page_counts")
    except KafkaException:  # the topic is not there yet
        return {}
    return {m.key()[:-8].decode(): json.loads(m.value())["VIEWS"] for m in found}
