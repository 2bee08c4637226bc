"""The requests about a cluster's state as tables of fields, as Kafka's protocol guide has them.

`look` asks with them, `quotas` and `security` with those that change something; `protocol` reads
and writes them.
"""

from __future__ import annotations

from kshell.kafka.protocol import Api, Array, Field

__all__ = [
    "ALTER_CLIENT_QUOTAS", "ASSIGNMENT", "CONSUMER_GROUP_DESCRIBE", "CREATE_ACLS", "DELETE_ACLS",
    "DESCRIBE_ACLS", "DESCRIBE_CLIENT_QUOTAS", "DESCRIBE_CONFIGS", "DESCRIBE_GROUPS",
    "DESCRIBE_LOG_DIRS", "DESCRIBE_PRODUCERS", "DESCRIBE_TRANSACTIONS", "LIST_GROUPS",
    "LIST_OFFSETS", "LIST_TRANSACTIONS", "OFFSET_COMMIT", "OFFSET_FETCH",
]  # fmt: skip

_I8, _I16, _I32, _I64 = "int8", "int16", "int32", "int64"
_TEXT, _BYTES, _BOOL = "string", "bytes", "bool"
_THROTTLE = Field("throttle", _I32)
_ERROR, _WHY = Field("error", _I16), Field("error_message", _TEXT)
_PARTITIONS = (Field("topic", _TEXT), Field("partitions", Array(_I32)))

LIST_OFFSETS = Api(
    2, "ListOffsets", (1, 6), 6,
    (
        Field("replica", _I32), Field("isolation", _I8, 2),
        Field("topics", Array((
            Field("topic", _TEXT),
            Field("partitions", Array((
                Field("partition", _I32), Field("leader_epoch", _I32, 4), Field("time", _I64),
            ))),
        ))),
    ),
    (
        Field("throttle", _I32, 2),
        Field("topics", Array((
            Field("topic", _TEXT),
            Field("partitions", Array((
                Field("partition", _I32), _ERROR, Field("time", _I64), Field("offset", _I64),
                Field("leader_epoch", _I32, 4),
            ))),
        ))),
    ),
)  # fmt: skip

_COMMITTED = Array((
    Field("topic", _TEXT),
    Field("partitions", Array((
        Field("partition", _I32), Field("committed", _I64), Field("leader_epoch", _I32, 5),
        Field("metadata", _TEXT), _ERROR,
    ))),
))  # fmt: skip
OFFSET_COMMIT = Api(
    8, "OffsetCommit", (2, 8), 8,
    (
        Field("group", _TEXT), Field("generation", _I32), Field("member", _TEXT),
        Field("instance", _TEXT, 7), Field("retention", _I64, until=4),
        Field("topics", Array((
            Field("topic", _TEXT),
            Field("partitions", Array((
                Field("partition", _I32), Field("committed", _I64), Field("leader_epoch", _I32, 6),
                Field("metadata", _TEXT),
            ))),
        ))),
    ),
    (
        Field("throttle", _I32, 3),
        Field("topics", Array((
            Field("topic", _TEXT),
            Field("partitions", Array((Field("partition", _I32), _ERROR))),
        ))),
    ),
)  # fmt: skip

OFFSET_FETCH = Api(
    9, "OffsetFetch", (2, 8), 6,
    (
        Field("group", _TEXT, until=7), Field("topics", Array(_PARTITIONS), until=7),
        Field("groups", Array((
            Field("group", _TEXT), Field("topics", Array(_PARTITIONS)),
        )), 8),
        Field("stable", _BOOL, 7),
    ),
    (
        Field("throttle", _I32, 3), Field("topics", _COMMITTED, until=7),
        Field("error", _I16, until=7),
        Field("groups", Array((Field("group", _TEXT), Field("topics", _COMMITTED), _ERROR)), 8),
    ),
)  # fmt: skip

LIST_GROUPS = Api(
    16, "ListGroups", (0, 5), 3,
    (Field("states", Array(_TEXT), 4), Field("types", Array(_TEXT), 5)),
    (
        Field("throttle", _I32, 1), _ERROR,
        Field("groups", Array((
            Field("group", _TEXT), Field("protocol_type", _TEXT), Field("state", _TEXT, 4),
            Field("type", _TEXT, 5),
        ))),
    ),
)  # fmt: skip

DESCRIBE_GROUPS = Api(
    15, "DescribeGroups", (0, 6), 5,
    (Field("groups", Array(_TEXT)), Field("operations", _BOOL, 3)),
    (
        Field("throttle", _I32, 1),
        Field("groups", Array((
            _ERROR, Field("error_message", _TEXT, 6), Field("group", _TEXT), Field("state", _TEXT),
            Field("protocol_type", _TEXT), Field("strategy", _TEXT),
            Field("members", Array((
                Field("member", _TEXT), Field("instance", _TEXT, 4), Field("client", _TEXT),
                Field("host", _TEXT), Field("metadata", _BYTES), Field("assignment", _BYTES),
            ))),
            Field("operations", _I32, 3),
        ))),
    ),
)  # fmt: skip

# What a member of a classic consumer group holds, inside DescribeGroups.
ASSIGNMENT = (Field("version", _I16), Field("topics", Array(_PARTITIONS)))

_HELD = (Field("topics", Array((Field("id", "uuid"), *_PARTITIONS))),)
CONSUMER_GROUP_DESCRIBE = Api(
    69, "ConsumerGroupDescribe", (0, 1), 0,
    (Field("groups", Array(_TEXT)), Field("operations", _BOOL)),
    (
        _THROTTLE,
        Field("groups", Array((
            _ERROR, _WHY, Field("group", _TEXT), Field("state", _TEXT), Field("epoch", _I32),
            Field("assignment_epoch", _I32), Field("strategy", _TEXT),
            Field("members", Array((
                Field("member", _TEXT), Field("instance", _TEXT), Field("rack", _TEXT),
                Field("epoch", _I32), Field("client", _TEXT), Field("host", _TEXT),
                Field("subscribed", Array(_TEXT)), Field("pattern", _TEXT),
                Field("assignment", _HELD), Field("target", _HELD), Field("type", _I8, 1),
            ))),
            Field("operations", _I32),
        ))),
    ),
)  # fmt: skip

DESCRIBE_CONFIGS = Api(
    32, "DescribeConfigs", (1, 4), 4,
    (
        Field("resources", Array((
            Field("type", _I8), Field("name", _TEXT), Field("keys", Array(_TEXT)),
        ))),
        Field("synonyms", _BOOL), Field("documentation", _BOOL, 3),
    ),
    (
        _THROTTLE,
        Field("resources", Array((
            _ERROR, _WHY, Field("type", _I8), Field("name", _TEXT),
            Field("configs", Array((
                Field("name", _TEXT), Field("value", _TEXT), Field("read_only", _BOOL),
                Field("source", _I8), Field("sensitive", _BOOL),
                Field("synonyms", Array((
                    Field("name", _TEXT), Field("value", _TEXT), Field("source", _I8),
                ))),
                Field("type", _I8, 3), Field("documentation", _TEXT, 3),
            ))),
        ))),
    ),
)  # fmt: skip

# A rule; in a filter what is null, or 1, may be anything.
_RULE = (
    Field("resource_type", _I8), Field("resource", _TEXT), Field("pattern", _I8),
    Field("principal", _TEXT), Field("host", _TEXT), Field("operation", _I8),
    Field("permission", _I8),
)  # fmt: skip
DESCRIBE_ACLS = Api(
    29, "DescribeAcls", (1, 3), 2,
    _RULE,
    (
        _THROTTLE, _ERROR, _WHY,
        Field("resources", Array((
            Field("type", _I8), Field("name", _TEXT), Field("pattern", _I8),
            Field("acls", Array((
                Field("principal", _TEXT), Field("host", _TEXT), Field("operation", _I8),
                Field("permission", _I8),
            ))),
        ))),
    ),
)  # fmt: skip

CREATE_ACLS = Api(
    30, "CreateAcls", (1, 3), 2,
    (Field("rules", Array(_RULE)),),
    (_THROTTLE, Field("results", Array((_ERROR, _WHY)))),
)
DELETE_ACLS = Api(
    31, "DeleteAcls", (1, 3), 2,
    (Field("filters", Array(_RULE)),),
    (
        _THROTTLE,
        Field("results", Array((
            _ERROR, _WHY, Field("rules", Array((_ERROR, _WHY, *_RULE))),
        ))),
    ),
)  # fmt: skip

DESCRIBE_LOG_DIRS = Api(
    35, "DescribeLogDirs", (0, 4), 2,
    (Field("topics", Array(_PARTITIONS)),),
    (
        _THROTTLE, Field("error", _I16, 3),
        Field("dirs", Array((
            _ERROR, Field("path", _TEXT),
            Field("topics", Array((
                Field("topic", _TEXT),
                Field("partitions", Array((
                    Field("partition", _I32), Field("bytes", _I64), Field("offset_lag", _I64),
                    Field("future", _BOOL),
                ))),
            ))),
            Field("total_bytes", _I64, 4), Field("usable_bytes", _I64, 4),
        ))),
    ),
)  # fmt: skip

DESCRIBE_CLIENT_QUOTAS = Api(
    48, "DescribeClientQuotas", (0, 1), 1,
    (
        Field("components", Array((
            Field("type", _TEXT), Field("match_type", _I8), Field("match", _TEXT),
        ))),
        Field("strict", _BOOL),
    ),
    (
        _THROTTLE, _ERROR, _WHY,
        Field("entries", Array((
            Field("entity", Array((Field("type", _TEXT), Field("name", _TEXT)))),
            Field("values", Array((Field("name", _TEXT), Field("value", "float64")))),
        ))),
    ),
)  # fmt: skip

_ENTITY = Array((Field("type", _TEXT), Field("name", _TEXT)))
ALTER_CLIENT_QUOTAS = Api(
    49, "AlterClientQuotas", (0, 1), 1,
    (
        Field("entries", Array((
            Field("entity", _ENTITY),
            Field("operations", Array((
                Field("name", _TEXT), Field("value", "float64"), Field("remove", _BOOL),
            ))),
        ))),
        Field("only_check", _BOOL),
    ),
    (
        _THROTTLE,
        Field("entries", Array((_ERROR, _WHY, Field("entity", _ENTITY)))),
    ),
)  # fmt: skip

DESCRIBE_PRODUCERS = Api(
    61, "DescribeProducers", (0, 0), 0,
    (Field("topics", Array(_PARTITIONS)),),
    (
        _THROTTLE,
        Field("topics", Array((
            Field("topic", _TEXT),
            Field("partitions", Array((
                Field("partition", _I32), _ERROR, _WHY,
                Field("producers", Array((
                    Field("id", _I64), Field("epoch", _I32), Field("last_sequence", _I32),
                    Field("last_time", _I64), Field("coordinator_epoch", _I32),
                    Field("transaction_start", _I64),
                ))),
            ))),
        ))),
    ),
)  # fmt: skip

DESCRIBE_TRANSACTIONS = Api(
    65, "DescribeTransactions", (0, 0), 0,
    (Field("ids", Array(_TEXT)),),
    (
        _THROTTLE,
        Field("transactions", Array((
            _ERROR, Field("id", _TEXT), Field("state", _TEXT), Field("timeout", _I32),
            Field("started", _I64), Field("producer", _I64), Field("epoch", _I16),
            Field("topics", Array(_PARTITIONS)),
        ))),
    ),
)  # fmt: skip

LIST_TRANSACTIONS = Api(
    66, "ListTransactions", (0, 1), 0,
    (
        Field("states", Array(_TEXT)), Field("producers", Array(_I64)),
        Field("duration", _I64, 1),
    ),
    (
        _THROTTLE, _ERROR, Field("unknown_states", Array(_TEXT)),
        Field("transactions", Array((
            Field("id", _TEXT), Field("producer", _I64), Field("state", _TEXT),
        ))),
    ),
)  # fmt: skip
