"""Says why a connection failed: no broker there, another protocol, or a refused login.

`wire` calls it with what aiokafka raised.  If that does not say enough, it tries the port once more
with the other protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from aiokafka import errors as codes

from kshell.config import Properties
from kshell.errors import (
    ConnectionFailed,
    KshellError,
    LoginRefused,
    Unreachable,
    WrongListener,
)

__all__ = ["diagnose"]

_REFUSALS = (
    codes.SaslAuthenticationFailed,
    codes.UnsupportedSaslMechanismError,
    codes.IllegalSaslStateError,
)


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


async def diagnose(
    host: str, port: int, error: Exception, properties: Properties, timeout: float
) -> KshellError:
    """The error to raise, with a hint what to do."""
    if isinstance(error, KshellError):
        return error
    at, protocol = f"{host}:{port}", properties["security.protocol"]
    chain = _causes(error)
    for cause in chain:
        if isinstance(cause, _REFUSALS):
            user = properties.get("sasl.username", "")
            as_user = f" as {user}" if user else ""
            return LoginRefused(
                f"{at} refused the login{as_user} ({properties['sasl.mechanism']}): {cause}",
                hint="check sasl.mechanism, sasl.username and sasl.password",
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return WrongListener(
                f"{at} shows a certificate that is not trusted: {cause.verify_message}",
                hint="name its authority: -X ssl.ca.location=ca.pem",
            )
        if isinstance(cause, ssl.SSLError):
            if "ALERT" in (cause.reason or ""):
                return LoginRefused(
                    f"{at} refused our certificate ({cause.reason})",
                    hint="check ssl.certificate.location and ssl.key.location",
                )
            return WrongListener(
                f"{at} does not speak TLS, and security.protocol is {protocol}",
                hint="try -X security.protocol="
                + ("SASL_PLAINTEXT" if protocol.startswith("SASL") else "PLAINTEXT"),
            )
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
            hint=f"try -X security.protocol={secure}",
        )
    if any(isinstance(c, codes.KafkaConnectionError | EOFError | ConnectionError) for c in chain):
        return WrongListener(
            f"{at} closed the connection; security.protocol is {protocol}",
            hint="does this listener want a login (SASL_PLAINTEXT, SASL_SSL) or a client"
            " certificate (SSL)? is it Kafka at all?",
        )
    if any(isinstance(c, TimeoutError) for c in chain):
        return Unreachable(
            f"{at} did not answer within {timeout:g} s",
            hint="a firewall, a wrong port, or a broker that is stuck? check --bootstrap",
        )
    return ConnectionFailed(f"{at}: {error or type(error).__name__}")
