"""Kafka's configs of a topic that people set: what each is, and its values where these are few.

Completion offers them, and an error of a config that does not exist names the nearest.  The brokers
know all of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["TOPIC_CONFIGS"]

_BOOLEAN = ("true", "false")

TOPIC_CONFIGS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cleanup.policy": ("what is done with old records", ("delete", "compact", "compact,delete")),
    "retention.ms": ("how long records are kept; -1 is without end", ()),
    "retention.bytes": ("how large a partition may be; -1 is without end", ()),
    "compression.type": (
        "how the brokers compress", ("producer", "zstd", "lz4", "snappy", "gzip", "uncompressed")
    ),
    "max.message.bytes": ("the largest batch of records", ()),
    "min.insync.replicas": ("replicas that must have a record for acks=all", ()),
    "message.timestamp.type": ("whose times records have", ("CreateTime", "LogAppendTime")),
    "segment.ms": ("after how long a new segment begins", ()),
    "segment.bytes": ("how large a segment may be", ()),
    "delete.retention.ms": ("how long a tombstone is kept", ()),
    "min.compaction.lag.ms": ("how long a record is not compacted, at least", ()),
    "max.compaction.lag.ms": ("how long a record is not compacted, at most", ()),
    "min.cleanable.dirty.ratio": ("the part of the log that is not compacted, at most", ()),
    "message.timestamp.before.max.ms": ("how old a record's time may be", ()),
    "message.timestamp.after.max.ms": ("how far ahead a record's time may be", ()),
    "unclean.leader.election.enable": ("may a replica that lags become leader", _BOOLEAN),
    "remote.storage.enable": ("are old segments kept in remote storage", _BOOLEAN),
    "local.retention.ms": ("how long records are kept locally", ()),
    "local.retention.bytes": ("how large a partition may be locally", ()),
    "flush.messages": ("after how many records the log is flushed", ()),
    "flush.ms": ("after how long the log is flushed", ()),
    "file.delete.delay.ms": ("how long a deleted segment's file stays", ()),
    "index.interval.bytes": ("how many bytes lie between two entries of the index", ()),
    "segment.index.bytes": ("how large a segment's index may be", ()),
    "segment.jitter.ms": ("how much earlier a segment may begin, by chance", ()),
    "preallocate": ("is a segment's file made whole at once", _BOOLEAN),
    "follower.replication.throttled.replicas": ("followers whose replication is throttled", ()),
    "leader.replication.throttled.replicas": ("leaders whose replication is throttled", ()),
}  # fmt: skip
