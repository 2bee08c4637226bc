"""DELETE RECORDS on real Kafka: the plan, what is refused, and where partitions begin after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kshell.errors import BindError, KshellError, Place
from kshell.kafka.produce import OutgoingRecord
from kshell.library import Session

pytestmark = pytest.mark.live

HOUR = 3_600_000
START = 1_700_000_000_000  # 2023-11-14T22:13:20Z


@pytest.fixture
def name(topic: Callable[..., str]) -> str:
    """A topic of two partitions: ten records an hour apart in 0, five in 1."""
    records = [
        OutgoingRecord(None, b"%d" % n, timestamp=START + n * HOUR, partition=p)
        for p in range(2) for n in range(10 - 5 * p)
    ]  # fmt: skip
    return topic(records, partitions=2)


def first_offsets(session: Session, name: str) -> list[tuple[int, int]]:
    return session.sql(
        f"SELECT ROWPARTITION, MIN(ROWOFFSET) FROM `{name}` GROUP BY 1 ORDER BY 1"
    ).rows()  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("before", "plan", "firsts"),
    [
        ("BEFORE 3", [(0, 0, 3, "up to 3"), (1, 0, 3, "up to 3")], [(0, 3), (1, 3)]),
        ("PARTITION 1 BEFORE 4", [(1, 0, 4, "up to 4")], [(0, 0), (1, 4)]),
        ("BEFORE '2023-11-15T05:13:20Z'", [(0, 0, 7, "up to 7"), (1, 0, 5, "up to 5")], [(0, 7)]),
        ("PARTITION 0 BEFORE END", [(0, 0, 10, "up to 10")], [(1, 0)]),
    ],
)
def test_a_plan_and_where_partitions_begin_after(shell, careful, name, before, plan, firsts) -> None:
    text = f"DELETE RECORDS FROM {name} {before}"
    planned = careful.sql(text)
    assert planned.schema.names == ["topic", "partition", "before", "after", "records"]
    assert planned.rows() == [(name, *row) for row in plan]
    assert first_offsets(careful, name) == [(0, 0), (1, 0)]
    assert shell.sql(text).text.startswith(f"Records of topic {name} are deleted in {len(plan)} partition")
    assert first_offsets(shell, name) == firsts
    assert shell.sql(text).text == f"Topic {name} has no records before that."


def test_an_offset_beyond_the_end_is_clipped_with_a_word(careful, name) -> None:
    assert careful.sql(f"DELETE RECORDS FROM {name} BEFORE 7").rows() == [
        (name, 0, 0, 7, "up to 7", None), (name, 1, 0, 5, "up to 5", "7 is not there: the log ends at 5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("DELETE RECORDS FROM {t} PARTITION 7 BEFORE 1", "has no partition 7: it has 2 partitions", "7"),
        ("DELETE RECORDS FROM {t} BEFORE 'soon'", "'soon' is no moment", "'soon'"),
        ("DELETE RECORDS FROM {t}x BEFORE 1", "no topic named {t}x", "{t}x"),
    ],
)
def test_refusals_and_their_places(careful, name, text, said, at) -> None:
    text, said, at = (part.format(t=name) for part in (text, said, at))
    with pytest.raises(KshellError) as raised:
        careful.sql(text)
    assert said in raised.value.what
    assert raised.value.place == Place(1, text.rindex(at) + 1, len(at))


def test_a_compacted_topic_is_refused(careful, topic) -> None:
    name = topic([OutgoingRecord(b"k", b"1")], cleanup_policy="compact")
    with pytest.raises(BindError, match="is compacted") as raised:
        careful.sql(f"DELETE RECORDS FROM {name} BEFORE 1")
    assert "'cleanup.policy'='compact,delete'" in raised.value.hint
