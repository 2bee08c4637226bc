"""One JVM with Kafka Streams for all of this folder's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ..live.realkafka import Unavailable
from .oracle import Oracle, oracle


@pytest.fixture(scope="session")
def streams() -> Iterator[Oracle]:
    """Kafka Streams; where it cannot be had these tests are skipped, with CI=true they fail."""
    try:
        with oracle() as running:
            yield running
    except Unavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no Kafka Streams: {reason}")
        pytest.skip(f"no Kafka Streams: {reason}")
