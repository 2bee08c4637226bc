"""A client that is closed while a thread still asks."""

from __future__ import annotations

import asyncio
import threading
import time

from kshell.errors import ConnectionFailed
from kshell.kafka.client import Client


def test_who_still_asks_has_an_error_of_kshell():
    client = Client()
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            client.call(asyncio.sleep(30))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    client.close()
    thread.join(5)
    assert [type(error) for error in errors] == [ConnectionFailed]
