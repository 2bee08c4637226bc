"""Whether a commit's markers are in the logs, as the transaction's coordinator says."""

from __future__ import annotations

import pytest

from kshell.kafka.messages import DESCRIBE_TRANSACTIONS
from kshell.kafka.states import committing


class Two:
    """A look at two brokers; the second is the coordinator."""

    brokers = {1: None, 2: None}

    def __init__(self, state: str) -> None:
        self.state = state

    def ask(self, api, bodies):
        assert (api, bodies) == (DESCRIBE_TRANSACTIONS, {1: {"ids": ["t"]}, 2: {"ids": ["t"]}})
        no = {"error": 16, "id": "t", "state": ""}
        return {1: {"transactions": [no]}, 2: {"transactions": [{"error": 0, "id": "t", "state": self.state}]}}


@pytest.mark.parametrize(("state", "on_their_way"), [("PrepareCommit", True), ("CompleteCommit", False), ("Ongoing", False)])
def test_markers_are_on_their_way_until_the_coordinator_is_done(state, on_their_way) -> None:
    assert committing(Two(state), "t") is on_their_way
