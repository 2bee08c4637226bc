"""Brokers without Java: the demo's, of which a test may have two."""

from collections.abc import Iterator

import pytest

from kshell.demo.broker import Demo, start


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """A running broker with the demo's topics."""
    broker = start()
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def other_demo() -> Iterator[Demo]:
    """Another cluster."""
    broker = start()
    yield broker
    broker.close()
