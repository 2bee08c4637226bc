"""A login by Kerberos where a part of it is not installed."""

from __future__ import annotations

import asyncio
import importlib.util

import pytest

from kshell.config import Properties
from kshell.errors import KafkaError, UsageError
from kshell.kafka import settings
from kshell.kafka.wire import Wire

KERBEROS = Properties(
    {"bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"}
)


def test_without_gssapi_it_says_what_to_install(monkeypatch) -> None:
    def find_spec(name: str):
        return None if name == "gssapi" else importlib.util.find_spec(name)

    monkeypatch.setattr("kshell.kafka.wire.find_spec", find_spec)
    with pytest.raises(UsageError, match="needs the package gssapi") as raised:
        asyncio.run(Wire().connect(KERBEROS))
    assert "kshell[kerberos]" in raised.value.hint


def test_librdkafka_without_kerberos_can_neither_write_nor_change(monkeypatch) -> None:
    monkeypatch.setattr(settings, "_has_kerberos", lambda: False)
    with pytest.raises(KafkaError, match="built without Kerberos"):
        settings.librdkafka(KERBEROS)
    monkeypatch.setattr(settings, "_has_kerberos", lambda: True)
    assert settings.librdkafka(KERBEROS)["sasl.mechanism"] == "GSSAPI"
