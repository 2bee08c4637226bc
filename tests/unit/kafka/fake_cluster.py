"""A cluster in memory that answers Kafka's requests about state, byte for byte, to a real client."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field

from kshell.errors import Outage
from kshell.kafka import messages
from kshell.kafka.client import Client
from kshell.kafka.ends import EARLIEST
from kshell.kafka.metadata import Broker, Cluster, Partition, Topic
from kshell.kafka.protocol import Api, Request, decode
from kshell.kafka.wire import Wire

APIS = {getattr(messages, n).key: getattr(messages, n) for n in messages.__all__ if n != "ASSIGNMENT"}


@dataclass
class FakeGroup:
    """A group: what it has committed by (topic, partition), and its members' partitions."""

    commits: dict[tuple[str, int], int] = field(default_factory=dict)
    members: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    broker: int = 1
    state: str = "Stable"
    type: str = "classic"


class FakeCluster:
    """Topics as lists of [first, end, leader], groups, and what else brokers are asked for."""

    def __init__(self, brokers: int = 1, versions: dict[int, int] | None = None) -> None:
        self.brokers = [Broker(n + 1, "host", 9092 + n) for n in range(brokers)]
        self.versions = {key: (api.versions[0], api.versions[1]) for key, api in APIS.items()}
        self.versions |= {key: (0, newest) for key, newest in (versions or {}).items()}
        self.topics: dict[str, list[list[int]]] = {}
        self.groups: dict[str, FakeGroup] = {}
        self.acls: list[dict] | None = []
        self.down: set[int] = set()
        self.asked: Counter[str] = Counter()
        self.bodies: list[tuple[int, str, dict]] = []

    def client(self) -> Client:
        """A client of this cluster; close it."""
        client = Client()
        client.wire = _Wire(self)
        return client

    # What a broker answers

    def ListOffsets(self, node: int, body: dict) -> dict:
        def part(topic: str, asked: dict) -> dict:
            first, end, leader = self.topics[topic][asked["partition"]]
            right = leader == node
            offset = first if asked["time"] == EARLIEST else end
            return {"partition": asked["partition"], "error": 0 if right else 6, "time": -1,
                    "offset": offset if right else -1, "leader_epoch": 0}  # fmt: skip

        return {"throttle": 0, "topics": [
            {"topic": t["topic"], "partitions": [part(t["topic"], p) for p in t["partitions"]]}
            for t in body["topics"]
        ]}  # fmt: skip

    def ListGroups(self, node: int, body: dict) -> dict:
        return {"throttle": 0, "error": 0, "groups": [
            {"group": id, "protocol_type": "consumer", "state": g.state, "type": g.type}
            for id, g in self.groups.items() if g.broker == node
        ]}  # fmt: skip

    def DescribeGroups(self, node: int, body: dict) -> dict:
        def member(id: str, held: dict[str, list[int]]) -> dict:
            topics = {"version": 0, "topics": [{"topic": t, "partitions": p} for t, p in held.items()]}
            data = _encoded(messages.ASSIGNMENT, 0, False, topics) + b"\xff\xff\xff\xff"
            return {"member": id, "instance": None, "client": "c", "host": "/10.0.0.1",
                    "metadata": b"", "assignment": data}  # fmt: skip

        return {"throttle": 0, "groups": [
            {"error": 0, "error_message": None, "group": id, "state": self.groups[id].state,
             "protocol_type": "consumer", "strategy": "range", "operations": 0,
             "members": [member(m, held) for m, held in self.groups[id].members.items()]}
            if id in self.groups else
            {"error": 69, "error_message": None, "group": id, "state": "Dead", "protocol_type": "",
             "strategy": "", "members": [], "operations": 0}
            for id in body["groups"]
        ]}  # fmt: skip

    def OffsetFetch(self, node: int, body: dict) -> dict:
        def topics(id: str) -> list[dict]:
            held: dict[str, list[dict]] = {}
            for (topic, partition), offset in self.groups[id].commits.items():
                held.setdefault(topic, []).append(
                    {"partition": partition, "committed": offset, "leader_epoch": 0,
                     "metadata": "", "error": 0}
                )  # fmt: skip
            return [{"topic": topic, "partitions": parts} for topic, parts in held.items()]

        if "group" in body:
            return {"throttle": 0, "error": 0, "topics": topics(body["group"])}
        return {"throttle": 0, "groups": [
            {"group": g["group"], "topics": topics(g["group"]), "error": 0} for g in body["groups"]
        ]}  # fmt: skip

    def DescribeAcls(self, node: int, body: dict) -> dict:
        none = self.acls is None
        return {"throttle": 0, "error": 54 if none else 0, "error_message": None,
                "resources": self.acls or []}  # fmt: skip

    def DescribeConfigs(self, node: int, body: dict) -> dict:
        config = {"name": "retention.ms", "value": "5", "read_only": False, "source": 1,
                  "sensitive": False, "synonyms": [], "type": 5, "documentation": None}  # fmt: skip
        return {"throttle": 0, "resources": [
            {"error": 0, "error_message": None, "type": r["type"], "name": r["name"],
             "configs": [config]} for r in body["resources"]
        ]}  # fmt: skip

    def DescribeLogDirs(self, node: int, body: dict) -> dict:
        part = {"partition": 0, "bytes": 99, "offset_lag": 0, "future": False}
        return {"throttle": 0, "error": 0, "dirs": [
            {"error": 0, "path": "/data", "topics": [{"topic": "orders", "partitions": [part]}],
             "total_bytes": 1, "usable_bytes": 1}
        ]}  # fmt: skip

    def ListTransactions(self, node: int, body: dict) -> dict:
        return {"throttle": 0, "error": 0, "unknown_states": [],
                "transactions": [{"id": f"tx-{node}", "producer": 7, "state": "Ongoing"}]}  # fmt: skip

    def DescribeTransactions(self, node: int, body: dict) -> dict:
        return {"throttle": 0, "transactions": [
            {"error": 0, "id": id, "state": "Ongoing", "timeout": 60000, "started": 1000,
             "producer": 7, "epoch": 1, "topics": [{"topic": "orders", "partitions": [1, 0]}]}
            for id in body["ids"]
        ]}  # fmt: skip

    def DescribeProducers(self, node: int, body: dict) -> dict:
        producer = {"id": 7, "epoch": 1, "last_sequence": 3, "last_time": 1000,
                    "coordinator_epoch": 0, "transaction_start": -1}  # fmt: skip
        return {"throttle": 0, "topics": [
            {"topic": t["topic"], "partitions": [
                {"partition": p, "error": 0, "error_message": None, "producers": [producer]}
                for p in t["partitions"]
            ]} for t in body["topics"]
        ]}  # fmt: skip

    def DescribeClientQuotas(self, node: int, body: dict) -> dict:
        entity = [{"type": "user", "name": None}, {"type": "client-id", "name": "app"}]
        return {"throttle": 0, "error": 0, "error_message": None, "entries": [
            {"entity": entity, "values": [{"name": "producer_byte_rate", "value": 1e6}]}
        ]}  # fmt: skip

    def metadata(self, names: list[str] | None) -> Cluster:
        wanted = self.topics if names is None else [n for n in names if n in self.topics]
        ids = tuple(b.id for b in self.brokers)

        def partition(n: int, leader: int) -> Partition:
            return Partition(n, leader, ids, ids if leader >= 0 else ())

        made = (
            Topic(name, bytes(16), name.startswith("__"),
                  tuple(partition(n, leader) for n, (_, _, leader) in enumerate(self.topics[name])))
            for name in sorted(wanted)
        )  # fmt: skip
        return Cluster("fake", 1, tuple(self.brokers), tuple(made))


class _Connection:
    def __init__(self, cluster: FakeCluster, node: int) -> None:
        self._cluster, self._node = cluster, node
        self.versions = cluster.versions

    async def send(self, request: Request) -> dict:
        api, version = APIS[request.API_KEY], request.API_VERSION
        flexible = version >= api.flexible
        body = decode(api.request, version, flexible, request.encode())
        self._cluster.asked[api.name] += 1
        self._cluster.bodies.append((self._node, api.name, body))
        answer = getattr(self._cluster, api.name)(self._node, body)
        return request.decode(io.BytesIO(_encoded(api.response, version, flexible, answer)))


def _encoded(fields, version: int, flexible: bool, value: dict) -> bytes:
    return Request(Api(0, "", (0, 0), 0 if flexible else 99, fields, ()), version, value).encode()


class _Wire(Wire):
    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__()
        self._of = cluster
        self.cluster = cluster.metadata([])

    async def connection(self, node: int, group: str = "control") -> _Connection:
        if node in self._of.down:
            raise ConnectionRefusedError("refused")
        return _Connection(self._of, node)

    async def metadata(self, topics: list[str] | None) -> Cluster:
        self._of.asked["Brokers" if topics == [] else "Topics"] += 1
        if len(self._of.down) == len(self._of.brokers):
            raise Outage("no broker answers")
        self.cluster = self._of.metadata(topics)
        return self.cluster
