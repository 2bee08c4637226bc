"""Says why a connection failed: no broker there, another protocol, or a refused login.

`wire` calls it with what aiokafka raised.  If that does not say enough, it tries the port once more
with the other protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import errors as codes

from kshell.config import Properties
from kshell.errors import (
    ConnectionFailed,
    KshellError,
    LoginRefused,
    Unreachable,
    WrongListener,
)
from kshell.kafka.tokens import source_of

__all__ = ["diagnose", "refusal"]

_MINOR = re.compile(r"Major \(\d+\): .*?, Minor \(\d+\): (?=.)")  # the second is what failed
_KINIT = "kinit gets a ticket, or KRB5_CLIENT_KTNAME names a keytab"
# What to try, by a part of what Kerberos says.
_KERBEROS = (
    ("not found in kerberos database", "the service is sasl.kerberos.service.name, at the host as"
     " bootstrap.servers and the brokers' advertised.listeners name it"),
    ("expired", "kinit gets a new ticket"),
    ("clock skew", "this machine's clock and the KDC's differ too much"),
    ("kdc", "krb5.conf, or the file in KRB5_CONFIG, names the KDCs of a realm: does one answer?"),
    ("realm", "krb5.conf, or the file in KRB5_CONFIG, names the default realm and its hosts"),
)  # fmt: skip


async def _speaks_tls(host: str, port: int, timeout: float) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(Exception):
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            writer.close()
            return True
    return False


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


# OpenSSL's numbers of what is wrong with a certificate: what to say, and what to try.
_CERTIFICATE_FAULTS = {
    9: ("that is not valid yet", "is this machine's clock right?"),
    10: ("that has expired", "who runs the broker must renew it; is this machine's clock right?"),
    62: ("that is not for {host}", "name the broker in bootstrap.servers as its certificate does"),
    64: ("that is not for {host}", "name the broker in bootstrap.servers as its certificate does"),
}
# What a broker says of our certificate, by a part of the alert's name.
_ALERTS = (
    ("CERTIFICATE_EXPIRED", "our certificate has expired"),
    ("UNKNOWN_CA", "the broker does not know who signed our certificate"),
    ("CERTIFICATE_UNKNOWN", "the broker does not know who signed our certificate"),
    ("REVOKED", "our certificate was revoked"),
    ("PROTOCOL_VERSION", "no version of TLS in common"),
    ("HANDSHAKE_FAILURE", "no cipher in common, or it wants a certificate"),
)
_PLAIN = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}
)


def refusal(host: str, port: int, error: Exception, properties: Properties) -> KshellError | None:
    """The error to raise where a login or TLS was refused: another try would end the same way."""
    at = f"{host}:{port}"
    for cause in _causes(error):
        if isinstance(cause, codes.UnsupportedSaslMechanismError):
            return LoginRefused(
                f"{at} takes no login by {properties['sasl.mechanism']}",
                hint="sasl.mechanism is one that this listener has: which, says who runs it",
            )
        if isinstance(cause, codes.IllegalSaslStateError):
            protocol = properties["security.protocol"]
            return WrongListener(
                f"{at} takes no logins, and security.protocol is {protocol}",
                hint=f"-X security.protocol={protocol.removeprefix('SASL_')}, or the port of the"
                " listener that has logins",
            )
        if isinstance(cause, codes.SaslAuthenticationFailed):
            return _refused_login(at, str(next(iter(cause.args), "") or cause), properties)
        if type(cause).__module__.startswith("gssapi."):
            said = " ".join(str(cause).split())
            said = _MINOR.sub("", said)
            hint = next((hint for part, hint in _KERBEROS if part in said.lower()), _KINIT)
            return LoginRefused(f"no Kerberos login at {at}: {said}", hint=hint)
        if isinstance(cause, ssl.SSLCertVerificationError):
            what, hint = _CERTIFICATE_FAULTS.get(
                cause.verify_code,
                (f"that is not trusted: {cause.verify_message}",
                 "name its authority: -X ssl.ca.location=ca.pem"),
            )  # fmt: skip
            return WrongListener(f"{at} shows a certificate {what.format(host=host)}", hint=hint)
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return LoginRefused(
                f"{at} refused the connection: {_of_alert(cause.reason or '', properties)}",
                hint="check ssl.certificate.location and ssl.key.location",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason in _PLAIN:
            return WrongListener(
                f"{at} does not speak TLS, and security.protocol is"
                f" {properties['security.protocol']}",
                hint="bootstrap.servers names a listener without TLS: which port has TLS?",
            )
    return None


def _refused_login(at: str, why: str, properties: Properties) -> LoginRefused:
    """The error for a login that a broker refused, in its words."""
    mechanism, user, hint = properties["sasl.mechanism"], properties.get("sasl.username", ""), ""
    match mechanism:
        case "OAUTHBEARER":
            user, source = "", source_of(properties)
            hint = f"has the token run out? It is from {source}"
            if not properties.get(source):
                hint = f"no token is set: {source}, {source}.command or {source}.endpoint.url"
        case "GSSAPI":
            hint = "is the name of the brokers' service right? sasl.kerberos.service.name"
        case _:
            missing = [n for n in ("sasl.username", "sasl.password") if not properties.get(n)]
            hint = "check sasl.mechanism, sasl.username and sasl.password"
            if missing:
                hint = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
    as_user = f" as {user}" if user else ""
    return LoginRefused(f"{at} refused the login{as_user} ({mechanism}): {why}", hint=hint)


def _of_alert(reason: str, properties: Properties) -> str:
    """A broker's alert in words; brokers in Java call an expired certificate unknown."""
    location = properties.get("ssl.certificate.location")
    if location is None and "ssl.certificate.pem" not in properties:
        return f"it wants a certificate of ours ({reason})"
    said = next((text for part, text in _ALERTS if part in reason), "our certificate is refused")
    if location is not None and "CERTIFICATE_UNKNOWN" in reason and _has_expired(location):
        said = "our certificate has expired"
    return f"{said} ({reason})"


def _has_expired(location: str) -> bool:
    from cryptography.x509 import load_pem_x509_certificate

    with contextlib.suppress(OSError, ValueError):
        shown = load_pem_x509_certificate(Path(location).expanduser().read_bytes())
        return shown.not_valid_after_utc < datetime.now(UTC)
    return False


async def diagnose(
    host: str, port: int, error: Exception, properties: Properties, timeout: float
) -> KshellError:
    """The error to raise, with a hint what to do."""
    if isinstance(error, KshellError):
        return error
    if (refused := refusal(host, port, error, properties)) is not None:
        return refused
    at, protocol = f"{host}:{port}", properties["security.protocol"]
    chain = _causes(error)
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return Unreachable(f"no host has the name {host}", hint="check --bootstrap")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(
                f"nothing listens at {at}", hint="is the broker up? check --bootstrap"
            )
    if not protocol.endswith("SSL") and await _speaks_tls(host, port, min(timeout, 2)):
        secure = "SASL_SSL" if protocol.startswith("SASL") else "SSL"
        return WrongListener(
            f"{at} speaks TLS, and security.protocol is {protocol}",
            hint=f"-X security.protocol={secure}",
        )
    if any(isinstance(c, codes.KafkaConnectionError | EOFError | ConnectionError) for c in chain):
        wants = "a login (SASL_PLAINTEXT, SASL_SSL) or a client certificate (SSL)"
        if protocol.endswith("SSL"):
            wants = "TLS at all, a login (SASL_SSL) or a client certificate (SSL)"
        return WrongListener(
            f"{at} closed the connection; security.protocol is {protocol}",
            hint=f"does this listener want {wants}? is it Kafka at all?",
        )
    if any(isinstance(c, TimeoutError) for c in chain):
        return Unreachable(
            f"{at} did not answer within {timeout:g} s",
            hint="a firewall, a wrong port, or a broker that is stuck? check --bootstrap",
        )
    return ConnectionFailed(f"{at}: {error or type(error).__name__}")
