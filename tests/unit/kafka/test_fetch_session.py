"""What a broker remembers of fetches is always what is wanted of it now."""

from __future__ import annotations

import io

from aiokafka.protocol import fetch
from hypothesis import given
from hypothesis import strategies as st

from kshell.kafka.fetch_session import FetchSession
from kshell.kafka.raw import RawFetchRequest

OFFSETS = st.dictionaries(st.integers(0, 5), st.integers(0, 3), max_size=6)


class Broker:
    """Its cache of sessions, as KIP-227 describes it."""

    def __init__(self) -> None:
        self.sessions: dict[int, tuple[int, dict[int, int]]] = {}
        self.made = 0

    def fetch(self, turn) -> int | None:
        """The session's number in the answer; None for an error."""
        if turn.epoch == 0:
            self.sessions.pop(turn.session, None)
            self.made += 1
            self.sessions[self.made] = 1, dict(turn.offsets)
            return self.made
        epoch, known = self.sessions.get(turn.session, (-1, {}))
        if epoch != turn.epoch:
            return None
        known = {p: at for p, at in (known | dict(turn.offsets)).items() if p not in turn.forgotten}
        self.sessions[turn.session] = epoch + 1, known
        return turn.session


@given(st.lists(st.tuples(OFFSETS, st.sampled_from(["answered", "lost on the way", "answer lost", "forgotten"]))))
def test_a_broker_knows_what_is_wanted(turns):
    broker, session = Broker(), FetchSession()
    for wanted, fate in turns:
        turn = session.begin(wanted, 100)
        if fate == "forgotten":
            broker.sessions.clear()
        answer = None if fate == "lost on the way" else broker.fetch(turn)
        if answer is None or fate == "answer lost":
            session.lost()
        else:
            session.answered(answer)
            assert broker.sessions[answer][1] == wanted
    assert len(broker.sessions) <= 1 + sum(fate == "answer lost" for _, fate in turns)


def test_nothing_is_asked_while_nothing_changes():
    session = FetchSession()
    session.begin({1: 5, 2: 6}, 100)
    session.answered(7)
    turn = session.begin({1: 5, 2: 6}, 100)
    assert (turn.session, turn.epoch, turn.offsets, turn.forgotten) == (7, 1, {}, ())
    session.answered(7)
    turn = session.begin({1: 5}, 100)
    assert (turn.epoch, turn.offsets, turn.forgotten) == (2, {}, (2,))


def test_other_sizes_are_told():
    session = FetchSession()
    session.begin({1: 5, 2: 6}, 100)
    session.answered(7)
    assert session.begin({1: 5, 2: 6}, 50).offsets == {1: 5, 2: 6}


def test_a_broker_that_keeps_none_is_asked_for_all_each_time():
    session = FetchSession()
    for _ in range(2):
        turn = session.begin({1: 5}, 100)
        assert (turn.session, turn.epoch, turn.offsets) == (0, 0, {1: 5})
        session.answered(0)


def test_the_request_of_a_session():
    request = RawFetchRequest(
        "t", bytes(16), {}, isolation=0, wait_ms=9, partition_bytes=1, max_bytes=2, session=4, epoch=3, forgotten=(8, 9)
    )
    theirs = next(c for c in fetch.FetchRequest._CLASSES if c.API_VERSION == 11)
    read = theirs.decode(io.BytesIO(request.prepare({1: (0, 11)}).encode()))
    assert (read.session_id, read.session_epoch, read.topics) == (4, 3, [])
    assert [tuple(f) for f in read.forgotten_topics_data] == [("t", [8, 9])]
