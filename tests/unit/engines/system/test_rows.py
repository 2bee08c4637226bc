"""System tables: their rows, what the cluster is asked for, and what becomes of an outage."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime

import pytest

from kshell.config import Properties
from kshell.engines.local.sources.system import lag
from kshell.engines.local.sources.system.asked import Asked
from kshell.engines.local.sources.system.tables import TABLES
from kshell.errors import BadRecord, BindError, Outage, StatementError, UnknownName, Unsupported
from kshell.kafka.look import Look
from kshell.results import Rows, Sections

from ..answers import rows_of


def test_a_name_has_one_type_in_all_tables():
    types = defaultdict(set)
    for table in TABLES.values():
        for column in table.columns:
            types[column.name].add(str(column.type))
    # A config's value is text, a quota's a number.
    assert {name for name, held in types.items() if len(held) > 1} == {"value"}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_row_has_as_many_values_as_the_table_has_columns(table, execute, cluster):
    execute.engine.context.errors.add([BadRecord("t", 0, 5, "not valid JSON")])
    names = [c.name for c in table.columns]
    rows = rows_of(execute(f"SELECT {', '.join(names)} FROM {table.full_name}"))
    assert [list(row) for row in rows] == [names] * len(rows)
    assert rows or table.name == "queries"


def test_lag_counts_from_the_commit_and_without_one_from_the_first_record(ask):
    rows = ask("SELECT topic, partition, committed, start_offset, end_offset, lag FROM kafka.lag"
               " WHERE group_id = 'billing' ORDER BY partition")  # fmt: skip
    assert rows == [
        ("orders", 0, 4, 0, 10, 6),
        ("orders", 1, 20, 2, 20, 0),
        ("orders", 2, None, 5, 30, 25),
    ]


def test_lag_names_the_member_that_has_the_partition(ask):
    rows = ask("SELECT partition, member_id, client_id, host FROM kafka.lag"
               " WHERE group_id = 'billing' ORDER BY partition")  # fmt: skip
    assert rows == [
        (0, "m-1", "c", "10.0.0.1"), (1, "m-1", "c", "10.0.0.1"), (2, None, None, None)
    ]  # fmt: skip


def test_lag_is_summed_by_group(ask):
    sums = dict(ask("SELECT group_id, SUM(lag) FROM kafka.lag GROUP BY group_id"))
    assert sums == {"billing": 31, "audit": 0 + 18 + 25}


def test_a_partition_without_a_leader_is_a_row_without_offsets(ask, cluster):
    cluster.topics["orders"][1][2] = -1
    rows = ask("SELECT partition, leader, offline, under_replicated, end_offset"
               " FROM kafka.partitions WHERE topic = 'orders' ORDER BY partition")  # fmt: skip
    assert rows == [
        (0, 1, False, False, 10), (1, None, True, True, None), (2, 1, False, False, 30)
    ]  # fmt: skip
    rows = ask("SELECT partition, end_offset, lag FROM kafka.lag WHERE group_id = 'billing'"
               " ORDER BY partition")  # fmt: skip
    assert rows == [(0, 10, 6), (1, None, None), (2, 30, 25)]


def test_a_leader_that_has_moved_is_found(ask, cluster):
    asked = cluster.metadata

    def stale(names):
        found = asked(names)
        if names:
            cluster.topics["orders"][0][2] = 2
        return found

    cluster.metadata = stale
    assert ask("SELECT end_offset FROM kafka.partitions WHERE topic='orders' AND partition=0") == [(10,)]


def test_a_topic_that_was_deleted_has_commits_and_no_lag(ask, cluster):
    cluster.groups["audit"].commits["gone", 3] = 7
    rows = ask("SELECT topic, partition, committed, lag FROM kafka.lag WHERE topic = 'gone'")
    assert rows == [("gone", 3, 7, None)]


@pytest.mark.parametrize(
    ("select", "asked"),
    [
        ("topic FROM kafka.topics", {"Topics"}),
        ("records FROM kafka.topics", {"Topics", "ListOffsets"}),
        ("topic, leader FROM kafka.partitions", {"Topics"}),
        ("end_offset FROM kafka.partitions", {"Topics", "ListOffsets"}),
        ("group_id, state FROM kafka.groups", {"Brokers", "ListGroups"}),
        ("members FROM kafka.groups", {"Brokers", "ListGroups", "DescribeGroups"}),
        ("committed FROM kafka.offsets", {"Brokers", "ListGroups", "OffsetFetch"}),
        ("committed FROM kafka.lag", {"Brokers", "Topics", "ListGroups", "OffsetFetch"}),
        ("lag FROM kafka.lag", {"Brokers", "Topics", "ListGroups", "OffsetFetch", "ListOffsets"}),
        ("* FROM kafka.queries", set()),
    ],
)
def test_the_cluster_is_asked_for_what_the_query_names_alone(ask, cluster, select, asked):
    ask(f"SELECT {select}")
    assert set(cluster.asked) == asked


def test_where_narrows_what_is_asked_for(ask, cluster):
    ask("SELECT lag FROM kafka.lag WHERE group_id IN ('audit')")
    groups = [body["groups"] for _, name, body in cluster.bodies if name == "OffsetFetch"]
    assert [[g["group"] for g in of] for of in groups] == [["audit"]]
    ask("SELECT value FROM kafka.configs WHERE broker = 2")
    asked = [b["resources"] for _, name, b in cluster.bodies if name == "DescribeConfigs"]
    assert [[(r["type"], r["name"]) for r in of] for of in asked] == [[(4, "2")]]


def test_one_look_serves_all_tables_of_a_query(ask, cluster):
    ask("SELECT l.lag, g.state FROM kafka.lag l JOIN kafka.groups g ON l.group_id = g.group_id")
    assert cluster.asked["ListGroups"] == 2  # of each broker once


@pytest.mark.parametrize("table", ["lag", "groups", "partitions"])
def test_an_outage_is_an_error_and_never_no_rows(ask, cluster, table):
    cluster.down = {1, 2}
    with pytest.raises(Outage):
        ask(f"SELECT * FROM kafka.{table}")
    cluster.down = {2}
    with pytest.raises(Outage, match="broker 2"):
        ask(f"SELECT * FROM kafka.{table}")


def test_old_brokers_are_asked_group_by_group(ask, cluster):
    cluster.versions |= {9: (0, 5), 16: (0, 2), 15: (0, 2), 2: (0, 3)}
    assert dict(ask("SELECT group_id, SUM(lag) FROM kafka.lag GROUP BY ALL")) == {
        "billing": 31, "audit": 43
    }  # fmt: skip
    assert ask("SELECT group_id, state FROM kafka.groups WHERE group_id='audit'") == [("audit", "Stable")]


def test_a_broker_that_does_not_serve_a_request_is_one_plain_error(ask, cluster):
    del cluster.versions[16]
    with pytest.raises(Unsupported, match="broker 1 does not serve ListGroups"):
        ask("SELECT * FROM kafka.groups")


def test_without_an_authorizer_there_is_a_notice_and_no_row(execute, cluster):
    cluster.acls = None
    answer = execute("SHOW ACLS")
    assert rows_of(answer) == []
    assert ["no authorizer" in notice.text for notice in answer.notices()] == [True]


def test_acls_have_kafkas_names(ask, cluster):
    rule = {"principal": "User:a", "host": "*", "operation": 3, "permission": 3}
    cluster.acls = [{"type": 2, "name": "orders", "pattern": 4, "acls": [rule]}]
    assert ask("SHOW ACLS") == [("TOPIC", "orders", "PREFIXED", "User:a", "*", "READ", "ALLOW")]


def test_transactions_producers_and_quotas_have_their_values(ask):
    assert ask("SELECT * FROM kafka.transactions WHERE broker = 1") == [
        ("tx-1", "Ongoing", 1, 7, 1, datetime(1970, 1, 1, 0, 0, 1), 60000, [("orders", [0, 1])])
    ]
    assert ask("SELECT topic, partition, producer_id, transaction_start FROM kafka.producers"
               " WHERE topic = 'users'") == [("users", 0, 7, None)]  # fmt: skip
    assert ask("SELECT * FROM kafka.quotas") == [
        ("<default>", "app", None, "producer_byte_rate", 1e6)
    ]


def test_names_are_system_tables_unless_they_are_quoted(execute, ask, cluster):
    assert len(ask("SELECT * FROM KAFKA.Topics")) == 2
    cluster.topics["kafka.other"] = [[0, 0, 1]]
    with pytest.raises(UnknownName, match="no topic named kafka.topics"):
        execute("SELECT * FROM `kafka.topics`")
    with pytest.raises(UnknownName, match="no topic named kafka.topics"):
        execute('SELECT * FROM "kafka.topics"', Properties({"kshell.dialect": "duckdb"}))
    with pytest.raises(UnknownName) as unknown:
        execute("SELECT * FROM kafka.topic")
    assert "kafka.topics" in unknown.value.hint


def test_an_unknown_group_is_named_with_the_nearest(execute):
    with pytest.raises(UnknownName) as unknown:
        execute("DESCRIBE GROUP biling")
    assert "billing" in unknown.value.hint


def test_describe_group_has_members_and_lag(execute):
    answer = execute("DESCRIBE GROUP billing")
    assert isinstance(answer, Sections)
    group, members, behind = (rows_of(part) for part in answer.parts if isinstance(part, Rows))
    assert [(g["group_id"], g["strategy"], g["members"]) for g in group] == [("billing", "range", 1)]
    assert [m["assignment"] for m in members] == [[("orders", [0, 1])]]
    assert [r["lag"] for r in behind] == [6, 0, 25]


def test_show_partitions_marks_those_that_are_in_trouble(ask, cluster):
    cluster.topics["orders"][1][2] = -1
    assert [row[5] for row in ask("SHOW PARTITIONS orders")] == ["in sync", "offline", "in sync"]


def test_show_partitions_leaves_kafkas_own_topics_out_unless_all_are_wanted(ask, cluster):
    cluster.topics["__consumer_offsets"] = [[0, 0, 1]]
    named = {row[0] for row in ask("SHOW PARTITIONS")}
    assert named == {"orders", "users"}
    assert {row[0] for row in ask("SHOW ALL PARTITIONS")} == {*named, "__consumer_offsets"}
    assert {row[0] for row in ask("SHOW PARTITIONS __consumer_offsets")} == {"__consumer_offsets"}


@pytest.mark.parametrize("there", [False, True], ids=["without a topic of that name", "with one"])
@pytest.mark.parametrize(
    "text",
    [
        "PRINT kafka.lag", "INSERT INTO kafka.lag (lag) VALUES (1)", "MIRROR kafka.lag TO x", "MIRROR orders TO kafka.lag",
        "REDRIVE kafka.lag", "CONSUME FROM kafka.lag GROUP g", "COPY kafka.lag TO STDOUT WITH (ENVELOPE=true)",
        "CONSUME FROM orders GROUP g COMMIT EXACTLY ONCE INTO kafka.lag",
    ],
)  # fmt: skip
def test_what_takes_a_topic_says_that_it_is_a_system_table(execute, cluster, text, there):
    if there:
        cluster.topics["kafka.lag"] = [[0, 0, 1]]
    with pytest.raises(StatementError, match=r"kafka\.lag is a system table") as raised:
        execute(text)
    assert "`kafka.lag`" in raised.value.hint
    assert raised.value.place.column == text.index("kafka") + 1


@pytest.mark.parametrize(
    ("committed", "end", "verdict"),
    [(4, 10, "no commit"), (4, 15, "no commit"), (10, 10, "caught up"), (6, 10, "draining"), (5, 15, "growing"), (6, 12, "steady")],
)
def test_the_verdict_is_of_two_looks(ask, cluster, monkeypatch, committed, end, verdict):
    def change(seconds):
        cluster.groups["billing"].commits["orders", 0] = committed
        cluster.topics["orders"][0][1] = end

    monkeypatch.setattr(lag.time, "sleep", change)
    rows = ask("SELECT verdict, sign(rate) FROM kafka.lag WHERE group_id='billing' AND partition=0")
    signs = {"no commit": (end > 10), "caught up": -1, "draining": -1, "growing": 1, "steady": 0}
    assert rows == [(verdict, signs[verdict])]


def test_a_group_without_members_that_does_not_move_is_stuck(ask, cluster, monkeypatch):
    monkeypatch.setattr(lag.time, "sleep", lambda seconds: None)
    cluster.groups["audit"].state = "Empty"
    rows = ask("SELECT verdict FROM kafka.lag WHERE group_id = 'audit' ORDER BY partition")
    assert rows == [("caught up",), ("stuck",), ("stuck",)]


@pytest.mark.parametrize(("apart", "verdict"), [(6, "no commit"), (10, "stuck")])
def test_consumers_commit_every_five_seconds_and_are_stuck_after_more(cluster, apart, verdict):
    """Of a live query: its looks are up to ten seconds apart."""
    client = cluster.client()
    before = Look(lambda: client)
    columns = frozenset({"verdict", "lag"})
    only = frozenset({"billing"})
    list(lag.lag(Asked(before, columns | {"lag"}, only, None, list, Properties({}), before)))
    now = before.again()
    now.began = before.began + apart
    rows = list(lag.lag(Asked(now, columns, only, None, list, Properties({}), before)))
    assert [row[-1] for row in rows] == [verdict, "caught up", verdict]
    client.close()


def test_plans_for_groups_ask_as_the_tables_do(execute, cluster):
    """The brokers' lists of groups: no other connection is made for it."""
    plan = execute("DROP GROUP audit")
    assert rows_of(plan.plan) == [
        {"what": "group", "before": "audit", "after": None},
        *({"what": f"offset in orders, partition {p}", "before": at, "after": None}
          for p, at in enumerate(["10", "2", "5"])),
    ]  # fmt: skip
    with pytest.raises(BindError, match="group billing has 1 live member: c at 10.0.0.1"):
        execute("DROP GROUP billing")
    with pytest.raises(UnknownName) as raised:
        execute("RESET GROUP audi TO EARLIEST")
    assert raised.value.hint == "did you mean audit?"


def test_only_who_names_them_waits_for_two_looks(ask, monkeypatch):
    monkeypatch.setattr(lag.time, "sleep", lambda seconds: pytest.fail("waits"))
    ask("SELECT * FROM kafka.lag")


def test_ten_thousand_topics_are_read_in_two_seconds(cluster, ask):
    cluster.topics = {f"t{n:05}": [[0, n, 1 + n % 2]] * 5 for n in range(10_000)}
    began = time.process_time()
    assert ask("SELECT COUNT(*), SUM(records) FROM kafka.partitions") == [
        (50_000, 5 * sum(range(10_000)))
    ]  # fmt: skip
    assert time.process_time() - began < 4  # half of it is the fake cluster's own work


def test_explain_says_what_the_cluster_is_asked_for(execute):
    bounded = execute("EXPLAIN SELECT lag FROM kafka.lag WHERE group_id = 'audit'")
    assert "kafka.lag (asked for group_id audit)" in bounded.parts[0].text
    live = execute("EXPLAIN SELECT lag FROM kafka.lag EMIT CHANGES")
    assert live.parts[0].text == "Continuous: looks at the cluster every second for kafka.lag."


def test_consume_asks_where_a_group_has_members(execute, cluster):
    plan = execute("CONSUME FROM orders GROUP billing COMMIT AT LEAST ONCE")
    assert plan.question == "Join group billing, which has 1 live member: c at 10.0.0.1?"
    assert rows_of(plan.plan) == [
        {"what": "members", "before": "1", "after": "2"},
        {"what": "partitions of c at 10.0.0.1", "before": "orders: 0, 1", "after": "shared out anew"},
    ]
    with pytest.raises(UnknownName) as raised:
        execute("CONSUME FROM order GROUP billing")
    assert raised.value.hint == "did you mean orders?"
