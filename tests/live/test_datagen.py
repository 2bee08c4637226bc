"""`kshell datagen` on real Kafka with a real registry."""

from __future__ import annotations

import json
import uuid

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

import kshell
from tests.unit.terminal.test_cli import run

pytestmark = pytest.mark.live

SCHEMA = {"type": "record", "name": "Reading", "namespace": "lab", "fields": [
    {"name": "id", "type": "long"}, {"name": "unit", "type": {"type": "enum", "name": "Unit", "symbols": ["C", "F"]}},
    {"name": "value", "type": ["null", "double"], "default": None}]}  # fmt: skip


def test_avro_goes_by_the_registry(kafka, registry, tmp_path) -> None:
    topic, file = f"d-{uuid.uuid4().hex[:8]}", tmp_path / "reading.avsc"
    file.write_text(json.dumps(SCHEMA))
    where = ("-b", kafka.bootstrap, "--registry", registry.url, "--format", "avro", "--limit", "500", "--partitions", "3")
    for name, kind in ((f"{topic}-users", ("users",)), (topic, ("--schema", str(file)))):
        done = run("datagen", *kind, "--topic", name, *where)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert f"{name}: 500 records, " in done.stderr
    theirs = SchemaRegistryClient({"url": registry.url})
    assert json.loads(theirs.get_latest_version(f"{topic}-value").schema.schema_str) == SCHEMA
    with kshell.connect(kafka.bootstrap, properties={"schema.registry.url": registry.url}) as session:
        assert session.sql(f"SELECT partitions FROM kafka.topics WHERE topic = '{topic}'").rows() == [(3,)]
        assert session.sql(f"SELECT COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT unit) FROM `{topic}`").rows() == [(500, 500, 2)]
        assert session.sql(f"SELECT COUNT(*), COUNT(DISTINCT userid) FROM `{topic}-users`").rows() == [(500, 40)]
