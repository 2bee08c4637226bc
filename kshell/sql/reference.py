"""The statements as people look them up: how each is written, what it does, an example.

HELP prints them, docs/reference.md is made of them, and a test parses every example.  Light to
import.
"""

from __future__ import annotations

from kshell.sql.reference_entry import Entry
from kshell.sql.reference_producing import PRODUCING
from kshell.sql.reference_queries import QUERIES

__all__ = ["ENTRIES", "Entry"]


_QUERY_WORDS = ("FROM", "WHERE", "JOIN", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "WITH", "UNION")

ENTRIES = (
    Entry(
        "SELECT", "SELECT … FROM topic", "a bounded answer over what is in the topic now",
        "[WITH name AS (query), …]\n"
        "SELECT expression [AS name], … FROM source [JOIN source ON condition] …\n"
        "  [WHERE condition] [GROUP BY …] [HAVING …] [ORDER BY …] [LIMIT n];\n"
        "All of DuckDB's SQL; a->b is a field of a nested value. A source is a topic,\n"
        "a stream or a table. Conditions on ROWTIME, ROWPARTITION, ROWOFFSET, ROWKEY\n"
        "seek instead of scanning.",
        "SELECT regionid, COUNT(*) AS n FROM users WHERE ROWTIME >= '10 minutes ago'"
        " GROUP BY regionid;",
        _QUERY_WORDS,
    ),
    Entry(
        "AT GROUP", "SELECT … FROM t AT GROUP name", "from where a consumer group stands",
        "SELECT … FROM topic [alias] AT GROUP name …;\n"
        "Each partition from the group's commit on, or without one from the log's start.\n"
        "The group is not joined, and nothing is committed. EXPLAIN shows the offsets.",
        "SELECT COUNT(*) AS behind FROM orders AT GROUP billing;",
        ("GROUP",),
    ),
    Entry(
        "SELECT FROM _", "SELECT … FROM _", "the last answer's rows, read once",
        "SELECT … FROM _;\n"
        "_ is a table of the rows of the last SELECT, or of a live view that has ended.",
        "SELECT COUNT(*) AS n FROM _;",
        ("_",),
    ),
    Entry(
        "EMIT CHANGES", "SELECT … EMIT CHANGES", "rows as they arrive; q stops, Space pauses",
        "SELECT … FROM source [WINDOW window]\n"
        "  [JOIN source [WITHIN n unit] ON condition] … [WHERE condition]\n"
        "  [GROUP BY …] [PARTITION BY …] [HAVING …]\n"
        "  EMIT CHANGES | EMIT FINAL [LIMIT n];\n"
        "window: TUMBLING (SIZE n unit) | HOPPING (SIZE n unit, ADVANCE BY n unit)\n"
        "  | SESSION (n unit) | SLIDING (SIZE n unit), each with [, RETENTION n unit]\n"
        "  [, GRACE PERIOD n unit].\n"
        "EMIT FINAL gives a window's result once, when it has closed.\n"
        "auto.offset.reset says where the query begins.",
        "SELECT userid, COUNT(*) AS n FROM pageviews WINDOW TUMBLING (SIZE 1 MINUTE)"
        " GROUP BY userid EMIT CHANGES;",
        ("EMIT", "EMIT FINAL", "WINDOW", "TUMBLING", "HOPPING", "SESSION", "SLIDING", "WITHIN",
         "GRACE PERIOD", "PARTITION BY"),
    ),
    Entry(
        "HISTORY", "HISTORY OF key IN topic", "a key's values, and what changed",
        "HISTORY OF 'key' | number IN topic;\n"
        "All its records in order of time: the fields that changed, tombstones as\n"
        "deleted. A key of several fields is JSON. All partitions are read; with\n"
        "SET 'kshell.partitioner'='murmur2' only that where Java's clients put it.",
        "HISTORY OF 'User_1' IN users;",
        ("KEY", "TOMBSTONE"),
    ),
    Entry(
        "SHOW", "SHOW TOPICS|QUERIES|FUNCTIONS|…", "what there is",
        "SHOW | LIST [ALL] TOPICS [EXTENDED]; ALL has the internal ones too\n"
        "SHOW STREAMS | TABLES | QUERIES [EXTENDED];\n"
        "SHOW FUNCTIONS | TYPES | VARIABLES | PROPERTIES | ERRORS;\n"
        "SHOW GROUPS | BROKERS | TRANSACTIONS | ACLS | QUOTAS;\n"
        "SHOW [ALL] PARTITIONS [topic];\n"
        "SHOW PRODUCERS [topic];\n"
        "SHOW CONFIGS [topic | BROKER n];\n"
        "SHOW [SOURCE | SINK] CONNECTORS | PLUGINS; of Kafka Connect (--connect)\n"
        "SHOW SUBJECTS [EXTENDED]; of the schema registry (--registry)\n"
        "SHOW SCHEMAS | COMPATIBILITY [subject];\n"
        "SHOW SYSTEM TABLES; SELECT * FROM kafka.name reads one",
        "SHOW TOPICS EXTENDED;",
        ("LIST", "SHOW TOPICS", "SHOW STREAMS", "SHOW TABLES", "SHOW QUERIES", "SHOW FUNCTIONS",
         "SHOW TYPES", "SHOW VARIABLES", "SHOW PROPERTIES", "SHOW GROUPS", "SHOW BROKERS",
         "SHOW PARTITIONS", "SHOW CONFIGS", "SHOW PRODUCERS", "SHOW TRANSACTIONS", "SHOW ACLS",
         "SHOW QUOTAS", "SHOW SYSTEM TABLES", "SHOW CONNECTORS", "SHOW PLUGINS", "SHOW SUBJECTS",
         "SHOW SCHEMAS", "SHOW COMPATIBILITY", "KAFKA", "PLUGINS", "SUBJECTS", "SCHEMAS"),
    ),
    Entry(
        "DESCRIBE", "DESCRIBE name [EXTENDED]", "columns as found, partitions, offsets, configs",
        "DESCRIBE topic | stream | table [EXTENDED | FULL]; FULL reads every record\n"
        "DESCRIBE STREAMS | TABLES [EXTENDED];\n"
        "DESCRIBE kafka.name; the columns of a system table\n"
        "DESCRIBE GROUP name; its members, what they have, and its lag\n"
        "DESCRIBE CONNECTOR name; its tasks, its configs, why it has failed\n"
        "DESCRIBE FUNCTION name;",
        "DESCRIBE orders EXTENDED;",
        ("DESCRIBE FUNCTION", "DESCRIBE GROUP", "DESCRIBE CONNECTOR"),
    ),
    Entry(
        "PRINT", "PRINT topic [FROM x | LAST n]", "records as they are",
        "PRINT topic [PARTITION n] [FROM x] [TO y] [INTERVAL n]\n"
        "  [WHERE condition] [LIMIT n];\n"
        "PRINT topic [PARTITION n] LAST n [WHERE condition];\n"
        "x, y: BEGINNING, END, an offset, -n (n before the end), or a moment: '@-10m',\n"
        "  '10 minutes ago', '2026-01-31T10:00'; they hold for each partition, without y.\n"
        "With TO or LAST it ends; else it goes on with what arrives.\n"
        "INTERVAL n: each nth record.",
        "PRINT orders PARTITION 0 FROM '@-10m' TO END WHERE total > 100 LIMIT 3;",
        ("FROM BEGINNING", "LAST", "TO"),
    ),
    Entry(
        "EXPLAIN", "EXPLAIN statement | id", "what would be read, and how",
        "EXPLAIN statement; of COPY the query, and where its rows go; of a change of the\n"
        "  cluster and of MIRROR the plan: nothing is changed\n"
        "EXPLAIN id; the plan of a query that runs",
        "EXPLAIN SELECT COUNT(*) FROM orders WHERE ROWPARTITION = 1;",
    ),
    *PRODUCING,
    Entry(
        "CREATE STREAM", "CREATE STREAM|TABLE … WITH (…)", "declare what a topic holds",
        "CREATE [OR REPLACE] [SOURCE] STREAM | TABLE [IF NOT EXISTS] name\n"
        "  [(column type [KEY | PRIMARY KEY | HEADERS | HEADER('key')], …)]\n"
        "  WITH (KAFKA_TOPIC='topic', VALUE_FORMAT='format', …);\n"
        "Without columns they come from the schema registry or a schema file.",
        "CREATE STREAM o (id BIGINT KEY, total DOUBLE)"
        " WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');",
        ("CREATE", "CREATE TABLE", "WITH"),
    ),
    Entry(
        "CREATE TABLE FROM FILE", "CREATE TABLE … FROM FILE 'path'", "a file's rows, to join with",
        "CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name\n"
        "  [(column type [PRIMARY KEY], …)] FROM FILE 'path';\n"
        "path: a local .csv, .json, .jsonl, .ndjson, .parquet or .avro, read once.\n"
        "Without columns they are the file's; without a PRIMARY KEY the column that a\n"
        "continuous query joins it on is the key, and must be unique.",
        "CREATE TABLE regions (regionid STRING PRIMARY KEY, name STRING) FROM FILE 'regions.csv';",
        ("CREATE", "CREATE TABLE", "FROM FILE", "FILE"),
    ),
    Entry(
        "CREATE STREAM AS", "CREATE STREAM|TABLE … AS SELECT …",
        "in the background, into a topic",
        "CREATE [OR REPLACE] STREAM | TABLE [IF NOT EXISTS] name [WITH (…)] AS\n"
        "  SELECT … [EMIT CHANGES | EMIT FINAL];\n"
        "The query lives as long as the shell. SHOW QUERIES says how it does.",
        "CREATE TABLE n_of AS SELECT userid, COUNT(*) AS n FROM pageviews"
        " GROUP BY userid EMIT CHANGES;",
        ("CREATE", "CREATE STREAM", "CREATE TABLE", "CREATE TABLE AS", "AS", "CREATE AS SELECT"),
    ),
    Entry(
        "PAUSE", "PAUSE|RESUME|TERMINATE id|ALL", "hold, continue or end queries",
        "PAUSE id | ALL;\nRESUME id | ALL;\nTERMINATE id | ALL;",
        "TERMINATE ALL;",
        ("RESUME", "TERMINATE"),
    ),
    Entry(
        "DROP", "DROP STREAM|TABLE name", "forget a stream or a table",
        "DROP STREAM | TABLE [IF EXISTS] name [DELETE TOPIC];\nDROP TYPE [IF EXISTS] name;",
        "DROP TABLE IF EXISTS n_of DELETE TOPIC;",
        ("DROP STREAM", "DROP TABLE", "DROP TYPE"),
    ),
    Entry(
        "ALTER", "ALTER STREAM|TABLE … ADD COLUMN …", "declare more columns",
        "ALTER STREAM | TABLE name ADD [COLUMN] column type, …;",
        "ALTER STREAM o ADD COLUMN note STRING;",
        ("ALTER STREAM", "ALTER TABLE"),
    ),
    Entry(
        "CREATE TYPE", "CREATE TYPE name AS type", "name a type",
        "CREATE TYPE [IF NOT EXISTS] name AS type;",
        "CREATE TYPE address AS STRUCT<city STRING, zip INT>;",
        ("CREATE", "TYPE"),
    ),
    Entry(
        "CREATE TOPIC", "CREATE TOPIC name …", "a new topic; its plan is shown first",
        "CREATE TOPIC [IF NOT EXISTS] name [PARTITIONS n] [REPLICAS n]\n"
        "  [SET 'config'='value', …];\n"
        "Without a number it is the brokers' default. The plan is shown, and y or --yes\n"
        "does it; a script without --yes only shows it. The name is as typed.",
        "CREATE TOPIC orders-v2 PARTITIONS 6 SET 'retention.ms'='86400000';",
        ("CREATE", "TOPIC"),
    ),
    Entry(
        "ALTER TOPIC", "ALTER TOPIC name SET|RESET|…", "other configs, more partitions",
        "ALTER TOPIC name [SET 'config'='value', …] [RESET 'config', …] [PARTITIONS n];\n"
        "ALTER TOPIC name REASSIGN [PARTITION n] TO broker, …; the first leads\n"
        "Configs that are not named stay; RESET takes one back to the brokers' default.\n"
        "More partitions: a key's new records may go to another one.",
        "ALTER TOPIC orders SET 'cleanup.policy'='compact' RESET 'retention.ms';",
        ("ALTER", "TOPIC", "REASSIGN"),
    ),
    Entry(
        "DROP TOPIC", "DROP TOPIC name", "delete a topic and its records",
        "DROP TOPIC [IF EXISTS] name;\n"
        "The plan has its records, and the groups that have committed offsets there.",
        "DROP TOPIC IF EXISTS orders-v1;",
        ("DROP", "TOPIC"),
    ),
    Entry(
        "RESET GROUP", "RESET GROUP name TO …", "where a consumer group goes on",
        "RESET GROUP name [ON topic, …]\n"
        "  TO EARLIEST | LATEST | 'moment' | OFFSET n | SHIFT n;\n"
        "RESET GROUP name FROM 'file'; with the columns topic, partition and offset\n"
        "Without ON it is the topics in which the group has committed. An offset outside\n"
        "of the log is put at its end or start. A group with live members is refused.",
        "RESET GROUP billing ON orders TO '2 hours ago';",
        ("RESET", "GROUP", "OFFSET"),
    ),
    Entry(
        "DROP GROUP", "DROP GROUP name", "delete a consumer group and its offsets",
        "DROP GROUP [IF EXISTS] name;",
        "DROP GROUP billing-test;",
        ("DROP", "GROUP"),
    ),
    Entry(
        "CONSUME", "CONSUME FROM topic GROUP name …", "records as a member of a consumer group",
        "CONSUME FROM topic GROUP name [COMMIT AT MOST ONCE | AT LEAST ONCE\n"
        "  | EXACTLY ONCE INTO topic] [LIMIT n];\n"
        "It joins the group; where that has live members it asks first. Without COMMIT it\n"
        "commits nothing. AT MOST ONCE commits before rows are shown, AT LEAST ONCE\n"
        "after; EXACTLY ONCE copies records and commits in one transaction.\n"
        "partition.assignment.strategy is how the members share partitions.",
        "CONSUME FROM orders GROUP billing-test COMMIT AT LEAST ONCE;",
        ("GROUP", "COMMIT", "MEMBER"),
    ),
    Entry(
        "DELETE RECORDS", "DELETE RECORDS FROM topic …", "a topic's oldest records",
        "DELETE RECORDS FROM topic [PARTITION n] BEFORE offset | 'moment' | END;\n"
        "An offset holds for each partition.",
        "DELETE RECORDS FROM orders BEFORE '7 days ago';",
        ("DELETE",),
    ),
    Entry(
        "ELECT LEADERS", "ELECT LEADERS [topic, …]", "first replicas lead again",
        "ELECT LEADERS [topic, …];\n"
        "Of each partition whose leader is not its first replica; without a topic of all.",
        "ELECT LEADERS orders;",
        ("ELECT",),
    ),
    Entry(
        "MIRROR", "MIRROR topic TO topic", "copy a topic, also of another cluster",
        "MIRROR topic TO topic [FROM EARLIEST | LATEST | OFFSETS '0:12,1:40']\n"
        "  [EMIT CHANGES];\n"
        "Keys, headers, times and partitions stay; batches are copied as bytes. It ends\n"
        "with what is there when it begins, or goes on with EMIT CHANGES. prod.orders is\n"
        "topic orders of the cluster of profile prod. A missing topic is proposed.\n"
        "Without FROM, a copy that was killed goes on.",
        "MIRROR prod.orders TO orders;",
        ("MIRROR",),
    ),
    Entry(
        "REDRIVE", "REDRIVE topic", "send dead letters back",
        "REDRIVE topic [FROM EARLIEST | OFFSETS '0:12,1:40']\n"
        "  [WITH (HEADER='name', RATE=n, LIMIT=n)];\n"
        "Each record goes to the topic that its header names: __connect.errors.topic,\n"
        "kafka_dlt-original-topic, __streams.errors.topic or that of HEADER. RATE is\n"
        "records a second. What goes where is shown first. They stay in the topic, too.",
        "REDRIVE orders.dlq WITH (RATE=100, LIMIT=1000);",
        ("REDRIVE", "DEAD LETTER", "DLQ"),
    ),
    Entry(
        "CREATE ACL", "CREATE ACL ALLOW|DENY …", "who may do what",
        "CREATE ACL ALLOW | DENY operation, … ON resource\n"
        "  TO 'User:name' [FROM HOST 'host'];\n"
        "operation: READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE CONFIGS\n"
        "  | ALTER CONFIGS | IDEMPOTENT WRITE | CLUSTER ACTION | CREATE TOKENS\n"
        "  | DESCRIBE TOKENS | TWO PHASE COMMIT | ALL\n"
        "resource: TOPIC | GROUP | TRANSACTIONAL ID | DELEGATION TOKEN | USER, each with\n"
        "  name [PREFIXED]; CLUSTER\n"
        "The name '*' is any.",
        "CREATE ACL ALLOW READ, DESCRIBE ON TOPIC orders TO 'User:ann';",
        ("CREATE", "ACL"),
    ),
    Entry(
        "DROP ACL", "DROP ACL [ALLOW|DENY …] …", "end rules of who may do what",
        "DROP ACL [ALLOW | DENY [operation, …]] [ON resource]\n"
        "  [TO 'User:name'] [FROM HOST 'host'];\n"
        "All that have what it names; the plan lists them.",
        "DROP ACL ON TOPIC orders TO 'User:ann';",
        ("DROP", "ACL"),
    ),
    Entry(
        "CREATE USER", "CREATE|ALTER USER name PASSWORD …", "a user with a SCRAM password",
        "CREATE | ALTER USER name PASSWORD 'secret'\n"
        "  [MECHANISM SCRAM-SHA-512 | SCRAM-SHA-256] [ITERATIONS n];\n"
        "The password is in no history, no error and no plan.",
        "CREATE USER ann PASSWORD '${pw}' MECHANISM SCRAM-SHA-512;",
        ("CREATE", "ALTER", "ALTER USER", "USER", "PASSWORD"),
    ),
    Entry(
        "DROP USER", "DROP USER name", "end a user's SCRAM passwords",
        "DROP USER [IF EXISTS] name [MECHANISM SCRAM-SHA-512 | SCRAM-SHA-256];",
        "DROP USER IF EXISTS ann;",
        ("DROP", "USER"),
    ),
    Entry(
        "CREATE QUOTA", "CREATE|ALTER QUOTA FOR …", "how much users and clients may ask for",
        "CREATE QUOTA FOR whom SET quota = n, …;\n"
        "ALTER QUOTA FOR whom [SET quota = n, …] [RESET quota, …];\n"
        "whom: USER name [CLIENT ID name] | CLIENT ID name | IP address;\n"
        "  DEFAULT in the place of a name is all that have none of their own\n"
        "quota: producer_byte_rate | consumer_byte_rate | request_percentage\n"
        "  | controller_mutation_rate; of an IP connection_creation_rate",
        "CREATE QUOTA FOR USER ann SET producer_byte_rate = 1048576;",
        ("CREATE", "ALTER", "ALTER QUOTA", "QUOTA"),
    ),
    Entry(
        "DROP QUOTA", "DROP QUOTA FOR …", "end all quotas of such",
        "DROP QUOTA [IF EXISTS] FOR whom; as in CREATE QUOTA",
        "DROP QUOTA FOR USER ann CLIENT ID DEFAULT;",
        ("DROP", "QUOTA"),
    ),
    Entry(
        "CREATE CONNECTOR", "CREATE SOURCE|SINK CONNECTOR …", "a connector of Kafka Connect",
        "CREATE SOURCE | SINK CONNECTOR [IF NOT EXISTS] name\n"
        "  WITH ('config'='value', …);\n"
        "Connect checks the configs; the plan has them without secrets. --connect says\n"
        "where Connect is.",
        "CREATE SOURCE CONNECTOR lines WITH ('connector.class'='FileStreamSource',"
        " 'file'='/tmp/in', 'topic'='lines');",
        ("CREATE", "CREATE SOURCE CONNECTOR", "CREATE SINK CONNECTOR", "CONNECTOR", "CONNECT"),
    ),
    Entry(
        "DROP CONNECTOR", "DROP CONNECTOR name", "end a connector",
        "DROP CONNECTOR [IF EXISTS] name;\nIts topics, and the offsets of its group, stay.",
        "DROP CONNECTOR lines;",
        ("DROP", "CONNECTOR"),
    ),
    Entry(
        "PAUSE CONNECTOR", "PAUSE|RESUME|RESTART CONNECTOR …", "hold or restart a connector",
        "PAUSE CONNECTOR name;\nRESUME CONNECTOR name;\n"
        "RESTART CONNECTOR name [TASK n]; all of its tasks, or one",
        "RESTART CONNECTOR lines TASK 0;",
        ("RESTART", "RESTART CONNECTOR", "RESUME CONNECTOR", "CONNECTOR", "TASK"),
    ),
    Entry(
        "ALTER SUBJECT", "ALTER SUBJECT|REGISTRY …", "what the next schema of a subject must fit",
        "ALTER SUBJECT name SET COMPATIBILITY level;\n"
        "ALTER SUBJECT name RESET COMPATIBILITY; that of the registry holds\n"
        "ALTER REGISTRY SET COMPATIBILITY level; of all that have none of their own\n"
        "level: NONE | BACKWARD | FORWARD | FULL, or with _TRANSITIVE",
        "ALTER SUBJECT orders-value SET COMPATIBILITY FULL;",
        ("ALTER", "ALTER REGISTRY", "COMPATIBILITY", "SUBJECT"),
    ),
    Entry(
        "DIFF SUBJECT", "DIFF SUBJECT name", "what differs between versions of a schema",
        "DIFF SUBJECT name [FROM version] [TO version];\n"
        "Without versions the last two. Avro and JSON Schema are compared field by\n"
        "field, Protobuf line by line.",
        "DIFF SUBJECT orders-value FROM 1 TO 2;",
        ("DIFF", "SUBJECT"),
    ),
    Entry(
        "ASSERT", "ASSERT TOPIC|SCHEMA|STREAM …", "an error if it does not hold",
        "ASSERT [NOT EXISTS] TOPIC name [WITH (PARTITIONS=n, …)] [TIMEOUT n unit];\n"
        "ASSERT [NOT EXISTS] SCHEMA [SUBJECT name] [ID n] [TIMEOUT n unit];\n"
        "ASSERT STREAM | TABLE name (…) WITH (…);\n"
        "ASSERT (SELECT …) [WITHIN n unit]; one row of one BOOLEAN, which is TRUE;\n"
        "  WITHIN asks again until it is\n"
        "ASSERT [NULL] VALUES name (column, …) VALUES (…); in `kshell test`",
        "ASSERT TOPIC orders WITH (PARTITIONS=4) TIMEOUT 10 SECONDS;",
        ("ASSERT TOPIC", "ASSERT SCHEMA", "ASSERT VALUES"),
    ),
    Entry(
        "SHOW ERRORS", "SHOW ERRORS", "records that could not be decoded, and why",
        "SHOW ERRORS;", "SHOW ERRORS;",
    ),
    Entry(
        "SET", "SET 'name'='value'; UNSET 'name'", "a property of the session",
        "SET 'name'='value' [, …]; all of them, or none\nUNSET 'name';\n"
        "SHOW PROPERTIES lists them, HELP name explains one.",
        "SET 'auto.offset.reset'='earliest';",
        ("UNSET", "ALTER SYSTEM"),
    ),
    Entry(
        "DEFINE", "DEFINE name = '…'; UNDEFINE name", "a variable, for ${name}",
        "DEFINE name = 'value';\nUNDEFINE name;\nSHOW VARIABLES lists them.",
        "DEFINE topic = 'orders';",
        ("UNDEFINE", "VARIABLES"),
    ),
    Entry(
        "RUN SCRIPT", "RUN SCRIPT 'file'", "run the statements of a file",
        "RUN SCRIPT 'file';", "RUN SCRIPT 'report.sql';", ("RUN",),
    ),
    *QUERIES,
    Entry(
        "SPOOL", "SPOOL 'file' | OFF", "what is shown goes to a file too",
        "SPOOL 'file';\nSPOOL OFF;", "SPOOL 'session.txt';",
    ),
    Entry(
        "HELP", "HELP [word]", "all of these, or what the word means",
        "HELP;\nHELP words; a statement, an option of WITH, a property, a function, a command",
        "HELP SELECT;",
    ),
    Entry("EXIT", "EXIT", "or Ctrl-D", "EXIT;\nQUIT;", "EXIT;", ("QUIT",)),
)  # fmt: skip
