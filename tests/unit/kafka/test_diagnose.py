"""What is said of a login that was refused: by whom, why, and what to try."""

from __future__ import annotations

import pytest
from aiokafka import errors as codes

from kshell.config import Properties
from kshell.errors import LoginRefused, WrongListener
from kshell.kafka.diagnose import refusal


def said(error: Exception, **more: str) -> tuple[str, str]:
    """The error and its hint, at broker:9093."""
    login = {"security.protocol": "SASL_SSL", "bootstrap.servers": "broker:9093"}
    made = refusal("broker", 9093, error, Properties(login | {n.replace("_", "."): v for n, v in more.items()}))
    assert isinstance(made, LoginRefused)
    return made.what, made.hint


def test_a_mechanism_that_a_listener_has_not() -> None:
    what, hint = said(codes.UnsupportedSaslMechanismError(object()), sasl_mechanism="GSSAPI")
    assert what == "broker:9093 takes no login by GSSAPI"
    assert "sasl.mechanism" in hint


def test_a_refusal_is_in_the_brokers_words_alone() -> None:
    refused = codes.SaslAuthenticationFailed("Invalid username or password")
    what, hint = said(refused, sasl_mechanism="PLAIN", sasl_username="al")
    assert what == "broker:9093 refused the login as al (PLAIN): Invalid username or password"
    assert "sasl.password" in hint


def test_a_login_by_tokens_without_any() -> None:
    refused = codes.SaslAuthenticationFailed("no")
    _, hint = said(refused, sasl_mechanism="OAUTHBEARER")
    assert "no token is set" in hint
    assert "sasl.oauthbearer.token.command" in hint
    _, hint = said(refused, sasl_mechanism="OAUTHBEARER", sasl_oauthbearer_token="x")
    assert "run out" in hint


@pytest.mark.parametrize(
    ("minor", "hint"),
    [
        ("Server nobody/localhost@TEST.LOCAL not found in Kerberos database", "sasl.kerberos.service.name"),
        ("No Kerberos credentials available (default cache: FILE:/tmp/none)", "kinit"),
        ("Ticket expired", "new ticket"),
        ("Clock skew too great", "clock"),
        ("Cannot contact any KDC for realm 'TEST.LOCAL'", "krb5.conf"),
        ("Configuration file does not specify default realm", "default realm"),
    ],
)
def test_kerberos_by_its_cause(minor: str, hint: str) -> None:
    kind = type("GSSError", (Exception,), {"__module__": "gssapi.raw.misc"})
    major = "Major (851968): Unspecified GSS failure. Minor code may provide more information, Minor (25296): "
    what, tried = said(kind(major + minor), sasl_mechanism="GSSAPI")
    assert what == f"no Kerberos login at broker:9093: {minor}"
    assert hint in tried


@pytest.mark.parametrize(("protocol", "without"), [("SASL_SSL", "SSL"), ("SASL_PLAINTEXT", "PLAINTEXT")])
def test_a_listener_without_logins(protocol: str, without: str) -> None:
    properties = Properties({"security.protocol": protocol, "bootstrap.servers": "broker:9093"})
    made = refusal("broker", 9093, codes.IllegalSaslStateError(object()), properties)
    assert isinstance(made, WrongListener)
    assert made.what == f"broker:9093 takes no logins, and security.protocol is {protocol}"
    assert made.hint.startswith(f"-X security.protocol={without}, ")


def test_a_login_without_user_or_password() -> None:
    refused = codes.SaslAuthenticationFailed("no")
    assert said(refused, sasl_mechanism="SCRAM-SHA-512")[1] == "sasl.username and sasl.password are not set"
    assert said(refused, sasl_mechanism="PLAIN", sasl_username="al")[1] == "sasl.password is not set"
