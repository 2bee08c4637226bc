"""Numbers of errors, Kafka's (positive) and librdkafka's (negative), by what follows from them.

`admin`, `member` and `transactions` look here.
"""

from __future__ import annotations

__all__ = ["AWAY", "PASSES"]

# Brokers that do not answer: librdkafka goes on trying.
AWAY = frozenset({-195, -187, -185})
# What ends by itself: brokers that are away, that lead no more, that load; too few in sync.
PASSES = AWAY | {-193, -192, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56}
