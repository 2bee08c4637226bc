"""Says in the state topic why a query has ended, for any shell to see.

`query` calls it when a query fails for good.
"""

from __future__ import annotations

from kshell.engines.local.durable.held import Held
from kshell.engines.local.durable.ledger import claim, last_owner
from kshell.engines.local.durable.plan import Plan
from kshell.kafka.transactions import Transactions

__all__ = ["record_failure"]


def record_failure(plan: Plan, held: Held, why: str) -> None:
    """Write it, unless another process has the query; raises KshellError."""
    lookup = plan.lookup()
    topic = lookup.client.topic(plan.state_topic)

    def is_owner() -> bool:
        return held.claimed and last_owner(lookup.client, topic, held.fetch) == held.owner.nonce

    if not is_owner():
        return
    transactions = Transactions(lookup.properties, plan.id, held.leaves)
    if is_owner():  # else one that came just now goes on when it is fenced
        transactions.begin()
        transactions.send(plan.state_topic, claim(held.owner, left=True, error=why))
        transactions.commit()
