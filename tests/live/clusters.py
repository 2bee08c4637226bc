"""Two clusters for tests: one is this session's, the other that of profile `prod`."""

from __future__ import annotations

from dataclasses import dataclass

from kshell.config import Properties
from kshell.config.sources import config_file
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.outgoing import Outgoing, OutgoingRecord
from kshell.kafka.produce import Producer
from kshell.kafka.records import Wanted, decode

__all__ = ["Cluster", "name_profile"]

_ALL = Wanted(True, True, True, True, True)


def name_profile(monkeypatch, folder, bootstrap: str, name: str = "prod", more: str = "") -> None:
    """A config.toml whose profile is at those brokers."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    config_file().parent.mkdir(parents=True, exist_ok=True)
    text = f'[profile.{name}]\n"bootstrap.servers" = "{bootstrap}"\n{more}'
    with config_file().open("a") as file:
        file.write(text)


@dataclass
class Cluster:
    """A cluster as a test fills it and looks at it."""

    properties: Properties

    @classmethod
    def at(cls, bootstrap: str) -> Cluster:
        return cls(Properties({"bootstrap.servers": bootstrap}))

    def __post_init__(self) -> None:
        self.client = Client.connect(self.properties)

    def create(self, name: str, partitions: int = 1, replicas: int = 1, **configs: object) -> str:
        named = {k.replace("_", "."): str(v) for k, v in configs.items()}
        admin.create_topic(self.properties, name, partitions=partitions, replicas=replicas, configs=named)
        while (topic := self.client.find(name)) is None or any(p.leader < 0 for p in topic.partitions):
            pass
        return name

    def send(self, name: str, records: Outgoing | list[OutgoingRecord], codec: str = "none") -> None:
        producer = Producer(self.properties.set("compression.type", codec))
        producer.send(name, records)
        producer.flush()

    def records(self, name: str, isolation: str = "read_committed") -> dict[int, list[tuple]]:
        """(timestamp, key, value, headers) of each record, by partition and in their order."""
        snapshot = self.client.snapshot(self.client.topic(name), isolation)
        found: dict[int, list[tuple]] = {p: [] for p in snapshot.offsets}
        for chunk in Fetch(self.client, snapshot, {p: o for p, o in snapshot.offsets.items() if o[0] < o[1]}):
            made = decode(chunk.records, _ALL, start=chunk.start, end=1 << 62, aborted=chunk.aborted)
            assert not made.bad
            for row in made.batch.to_pylist():
                headers = [(h["key"], h["value"]) for h in row["headers"]]
                found[chunk.partition].append((row["timestamp"], row["key"], row["value"], headers))
        return found

    def batches(self, name: str) -> dict[int, list[bytes]]:
        """The bytes of each batch behind the checksum and what says who sent it, by partition."""
        snapshot = self.client.snapshot(self.client.topic(name), "read_committed")
        found: dict[int, list[bytes]] = {p: [] for p in snapshot.offsets}
        for chunk in Fetch(self.client, snapshot, {p: o for p, o in snapshot.offsets.items() if o[0] < o[1]}):
            data = bytes(chunk.records)
            while len(data) > 61:
                size = 12 + int.from_bytes(data[8:12], "big")
                found[chunk.partition].append(data[21:43] + data[57:size])
                data = data[size:]
        return found

    def close(self) -> None:
        self.client.close()
