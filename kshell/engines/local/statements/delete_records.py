"""DELETE RECORDS: plans that partitions begin later; `engine` dispatches here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.sources.offsets_at import first_at, moment_of
from kshell.engines.local.statements.proposals import known_topic, remark, users_of, without_leader
from kshell.errors import BindError, KafkaError
from kshell.kafka.metadata import Snapshot
from kshell.results import Answer, Message, Proposal, titled
from kshell.sql.cluster import DeleteRecords
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["delete_records"]

_TYPES = {"topic": pa.string(), **dict.fromkeys(("partition", "before", "after"), pa.int64()),
          "records": pa.string(), "note": pa.string()}  # fmt: skip


def delete_records(
    context: Context, statement: DeleteRecords, properties: Properties
) -> Answer | Proposal:
    """DELETE RECORDS; raises UnknownName, BindError, KafkaError, Forbidden."""
    topic = known_topic(context, statement.topic)
    _check_policy(context, statement, properties)
    snapshot = context.client.snapshot(topic, properties["isolation.level"])
    if statement.partition is not None:
        snapshot.check_whole()
    ends, rows = {}, []
    for partition, offset in sorted(_wanted(context, statement, snapshot).items()):
        first, end = snapshot.offsets[partition]
        after = min(max(offset, first), end)
        note = f"{offset:,} is not there: the log ends at {end:,}" if offset > end else None
        if after > first:
            ends[partition] = after
            rows.append((topic.name, partition, first, after, f"up to {after - first:,}", note))
    if not ends:
        return Message(f"Topic {topic.name} has no records before that.")

    def apply() -> Answer:
        context.admin(properties).delete_records(topic.name, ends)
        where = many(len(ends), "partition")
        return Message(f"Records of topic {topic.name} are deleted in {where}.")

    title = f"Delete records of topic {topic.name}"
    names = list(_TYPES)[: None if any(row[-1] for row in rows) else -1]
    plan = titled(title, {n: [row[i] for row in rows] for i, n in enumerate(names)}, _TYPES)
    notices = (*without_leader(snapshot), *map(remark, users_of(context, topic.name)))
    return Proposal(f"{title}?", plan, apply, notices)


def _check_policy(context: Context, statement: DeleteRecords, properties: Properties) -> None:
    """Raise BindError for a topic that is only compacted: Kafka refuses to."""
    name = statement.topic.text
    try:
        policy = context.admin(properties).topic_configs(name)["cleanup.policy"].value
    except KafkaError:  # a user who may delete records may not see this
        return
    if "delete" not in policy:
        raise BindError(
            f"topic {name} is compacted, and Kafka deletes no records there",
            hint=f"ALTER TOPIC {name} SET 'cleanup.policy'='compact,delete' first",
            place=statement.topic.place,
        )


def _wanted(
    context: Context, statement: DeleteRecords, snapshot: Snapshot
) -> dict[int, int]:
    """Per partition, the offset before which records go."""
    held = dict(snapshot.offsets)
    if statement.partition is not None:
        number = statement.partition.value
        if number not in held:
            raise BindError(
                f"topic {snapshot.name} has no partition {number}: it has"
                f" {many(len(held), 'partition')}",
                place=statement.partition.place,
            )
        held = {number: held[number]}
    before = statement.before
    if before.offset is not None:
        return dict.fromkeys(held, before.offset)
    if before.before_end is not None:
        return {p: end for p, (_, end) in held.items()}
    since = moment_of(before.moment, int(time.time() * 1000), before.place)
    return first_at(context.client, snapshot, held, since)
