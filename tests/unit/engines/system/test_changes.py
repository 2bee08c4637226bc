"""System tables to follow: what changes from look to look."""

from __future__ import annotations

import time

from kshell.errors import Outage


def test_a_look_gives_what_has_changed(changes, cluster):
    text = "SELECT group_id, partition, lag FROM kafka.lag WHERE group_id = 'billing' EMIT CHANGES"
    assert sorted(changes(text, 3)) == [
        (1, ("billing", 0, 6)), (1, ("billing", 1, 0)), (1, ("billing", 2, 25))
    ]  # fmt: skip
    cluster.topics["orders"][1][1] = 21
    assert changes(text, 2) == [(-1, ("billing", 1, 0)), (1, ("billing", 1, 1))]


def test_leaders_are_not_asked_for_at_every_look(changes, cluster):
    text = "SELECT group_id, partition, lag FROM kafka.lag WHERE group_id = 'billing' EMIT CHANGES"
    changes(text, 3)
    asked = cluster.asked["Topics"]
    for end in range(11, 14):
        cluster.topics["orders"][0][1] = end
        assert changes(text, 2)[1] == (1, ("billing", 0, end - 4))
    assert cluster.asked["Topics"] == asked


def test_a_leader_that_moves_or_goes_is_seen_at_the_next_look(changes, cluster):
    text = "SELECT group_id, partition, lag FROM kafka.lag WHERE group_id = 'billing' EMIT CHANGES"
    changes(text, 3)
    for leader, end, behind in ((2, 11, 7), (-1, 11, None), (1, 12, 8)):
        cluster.topics["orders"][0][1:] = [end, leader]
        assert changes(text, 2)[1] == (1, ("billing", 0, behind))


def test_a_group_that_goes_takes_its_rows_along(changes, cluster):
    text = "SELECT group_id, state FROM kafka.groups EMIT CHANGES"
    assert {values for _, values in changes(text, 3)} == {
        ("audit", "Stable"), ("billing", "Stable"), ("new", "Stable")
    }  # fmt: skip
    del cluster.groups["new"]
    ((weight, values),) = changes(text, 1)
    assert (weight, values[0]) == (-1, "new")


def test_sums_follow(changes, cluster):
    text = "SELECT group_id, SUM(lag) AS behind FROM kafka.lag GROUP BY group_id EMIT CHANGES"
    state = {}

    def until(wanted):
        while state != wanted:
            for weight, (group, behind) in changes(text, 1):
                if weight > 0:
                    state[group] = behind

    until({"billing": 31, "audit": 43})
    cluster.groups["audit"].commits["orders", 1] = 20
    until({"billing": 31, "audit": 25})


def test_a_look_is_one_moment_no_sum_over_a_part_of_it_is_shown(changes, cluster):
    text = "SELECT group_id, SUM(lag) AS behind FROM kafka.lag GROUP BY group_id EMIT CHANGES"
    cluster.topics["orders"] = [[0, 10, 1], [2, 20, 1], [5, 30, 1]]  # one request gets all ends
    assert sorted(changes(text, 2)) == [(1, ("audit", 43)), (1, ("billing", 31))]
    cluster.topics["orders"] = [[0, 20, 1], [2, 30, 1], [5, 40, 1]]
    assert sorted(changes(text, 4)) == [
        (-1, ("audit", 43)), (-1, ("billing", 31)), (1, ("audit", 73)), (1, ("billing", 61))
    ]  # fmt: skip


def test_an_outage_is_noted_while_it_lasts(execute, changes, cluster):
    answer = execute("SELECT group_id FROM kafka.groups EMIT CHANGES")
    cluster.down = {1, 2}
    deadline = time.monotonic() + 10
    while "no broker answers" not in answer.stats().note:
        answer.poll(0.05)
        assert time.monotonic() < deadline
    assert answer.stats().lag is None  # what there is now, nobody says
    cluster.down = set()
    while answer.stats().note:
        answer.poll(0.05)
        assert time.monotonic() < deadline
    answer.cancel()


def test_tables_are_joined_as_they_change(changes, cluster):
    text = ("SELECT lag.partition, lag.lag, groups.state FROM kafka.lag JOIN kafka.groups"
            " ON lag.group_id = groups.group_id WHERE lag.topic = 'orders' EMIT CHANGES")  # fmt: skip
    changes(text, 6)
    cluster.groups["audit"].state = "Empty"
    found = changes(text, 6)
    assert {state for weight, (_, _, state) in found if weight > 0} == {"Empty"}


def test_a_window_is_over_the_rows_of_every_look(changes, cluster):
    text = ("SELECT group_id, MAX(lag) AS most, COUNT(*) AS n FROM kafka.lag WINDOW TUMBLING (SIZE 1 DAY)"
            " WHERE group_id = 'audit' GROUP BY group_id EMIT CHANGES")  # fmt: skip
    cluster.topics["orders"][1][1] = 90  # 88 behind
    while changes(text, 1)[-1][1][1:] < (88, 6):
        pass
    cluster.topics["orders"][1][1] = 20
    assert all(most == 88 for weight, (_, most, _) in changes(text, 6) if weight > 0)


def test_names_in_any_case_are_followed(changes):
    assert len(changes("SELECT Group_Id FROM KAFKA.Groups EMIT CHANGES", 3)) == 3


def test_an_outage_in_the_middle_of_a_look_loses_no_row(changes, cluster):
    text = ("SELECT m.client_id, t.partitions FROM kafka.members m JOIN kafka.topics t"
            " ON m.client_id = t.topic EMIT CHANGES")  # fmt: skip
    cluster.topics["c"] = [[0, 0, 1]]
    asked, failing = cluster.metadata, [True, True]

    def metadata(names):
        if names is None and failing:
            failing.pop()
            raise Outage("no broker answers")
        return asked(names)

    cluster.metadata = metadata
    assert changes(text, 1) == [(1, ("c", 1))]
