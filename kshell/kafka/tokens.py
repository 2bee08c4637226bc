"""Tokens of OAUTHBEARER: one that was given, what a command prints, or one of an OIDC provider.

`wire` and `settings` ask for them at each login.  A token that says when it ends is fetched anew
before that, and an older one serves as long as it is valid and no new one can be had.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kshell.config import Properties
from kshell.errors import ConnectionFailed, LoginRefused, Unreachable, UsageError, reason_of

__all__ = ["FRESH", "Token", "Tokens", "source_of", "tokens_of"]

_GIVEN = "sasl.oauthbearer.token"
_COMMAND = "sasl.oauthbearer.token.command"
_ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
_CLIENT, _SECRET = "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"
_SCOPE = "sasl.oauthbearer.scope"
_LEAD = _ENDPOINT.removesuffix("url")
FRESH = 0.8  # the part of its life in which a token is used; librdkafka's own
_UNKNOWN = 300.0  # seconds after which a token is fetched anew that does not say when it ends
_AGAIN = 5.0  # seconds until it is tried again where no new one could be had
_PATIENCE = 30.0  # seconds that a command may take
_LONGEST = 64 << 10  # characters of what a command prints
_NEVER = float(1 << 31)  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when it ends, in seconds since 1970; infinite where it does not say."""

    text: str
    ends: float = math.inf


class Tokens:
    """The tokens of one login; any thread may ask for one."""

    def __init__(self, fetch: Callable[[], Token], lasting: float = _UNKNOWN) -> None:
        self._fetch, self._lasting = fetch, lasting
        self._lock = threading.Lock()
        self._held: Token | None = None
        self._until = 0.0  # for how long it is used

    def current(self) -> Token:
        """A valid token; raises ConnectionFailed, LoginRefused or UsageError if there is none."""
        with self._lock:
            now = time.time()
            held = self._held
            if held is not None and now < self._until:
                return held
            try:
                made = self._fetch()
            except ConnectionFailed:
                if held is None or now >= held.ends:
                    raise
                self._until = now + _AGAIN
                return held
            lasts = self._lasting if math.isinf(made.ends) else (made.ends - now) * FRESH
            self._held, self._until = made, now + lasts
            return made

    def for_librdkafka(self) -> tuple[str, float]:
        """A token, and when librdkafka is to take it for ended: it asks again at FRESH of that.

        One that does not say when it ends is asked for again when `current` fetches it anew.
        """
        token, now = self.current(), time.time()
        ends = token.ends if math.isfinite(token.ends) else now + (self._until - now) / FRESH
        return token.text, min(ends, _NEVER)


def source_of(properties: Mapping[str, str]) -> str:
    """The name of the property that the tokens are from; raises UsageError for two of them."""
    named = [name for name in (_GIVEN, _COMMAND, _ENDPOINT) if properties.get(name)]
    if len(named) > 1:
        raise UsageError(
            f"{named[0]} and {named[1]} are both set", hint="one of them says where tokens are from"
        )
    return named[0] if named else _GIVEN


def tokens_of(properties: Properties) -> Tokens:
    """The tokens of a connection; connections with the same properties share them."""
    names = (_GIVEN, _COMMAND, _ENDPOINT, _CLIENT, _SECRET, _SCOPE, f"{_LEAD}ssl.ca.location",
             "kshell.insecure")  # fmt: skip
    return _shared(tuple((n, properties[n]) for n in names if n in properties))


@lru_cache(maxsize=64)
def _shared(named: tuple[tuple[str, str], ...]) -> Tokens:
    properties = dict(named)
    source = source_of(properties)
    if source == _COMMAND:
        return Tokens(lambda: _printed(properties[_COMMAND]))
    if source == _ENDPOINT:
        return Tokens(lambda: _granted(properties))
    given = Token(properties.get(_GIVEN, ""))
    return Tokens(lambda: given, math.inf)


def _printed(command: str) -> Token:
    """What a command prints: a token, or the JSON of a token endpoint.  No shell runs it."""
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{_COMMAND} cannot be read: {error}") from None
    try:
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise ConnectionFailed(f"{arguments[0]} printed no token in {_PATIENCE:g} s") from None
    except OSError as error:
        raise UsageError(f"{_COMMAND}: {arguments[0]}: {reason_of(error)}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ConnectionFailed(
            f"{arguments[0]} printed no token, and ended with {done.returncode}",
            hint=": ".join(["it said", *said]) if said else "",
        )
    text = done.stdout.decode(errors="replace").strip()
    if not text or len(text) > _LONGEST or (not text.startswith("{") and len(text.split()) > 1):
        raise LoginRefused(
            f"{arguments[0]} printed no token", hint="it prints the token, and nothing else"
        )
    if text.startswith("{"):
        return _answered(_json(text), arguments[0])
    return Token(text, _end_of(text))


def _granted(properties: Mapping[str, str]) -> Token:
    """A token for our client id and secret (RFC 6749, 4.4)."""
    from kshell.kafka.rest import Rest, Service  # imports httpx: other logins do without

    missing = [name for name in (_CLIENT, _SECRET) if not properties.get(name)]
    if missing:
        raise UsageError(f"{_ENDPOINT} is set, and {' and '.join(missing)} not")
    service = Service(
        "the token endpoint", _LEAD, "-X " + _ENDPOINT, "https://login.example.com/oauth2/token",
        Unreachable, LoginRefused, frozenset({429, 500, 502, 503, 504}),
    )  # fmt: skip
    user = {f"{_LEAD}basic.auth.user.info": f"{properties[_CLIENT]}:{properties[_SECRET]}"}
    rest = Rest.open(service, {**properties, **user})
    try:
        form = {"grant_type": "client_credentials"}
        if properties.get(_SCOPE):
            form["scope"] = properties[_SCOPE]
        status, answer = rest.ask("POST", "", form=form)
    finally:
        rest.close()
    if status != 200:
        given = answer if isinstance(answer, dict) else {}
        why = given.get("error_description") or given.get("error") or f"HTTP {status}"
        raise LoginRefused(
            f"the token endpoint refused client {properties[_CLIENT]}: {why}",
            hint=f"check {_CLIENT}, {_SECRET} and {_SCOPE}",
        )
    return _answered(answer, "the token endpoint")


def _answered(answer: object, who: str) -> Token:
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(token, str) or not token:
        raise LoginRefused(f"{who} answered without an access_token")
    seconds = answer.get("expires_in")
    if isinstance(seconds, str) and seconds.isdigit():
        seconds = int(seconds)  # so do some providers
    if isinstance(seconds, int | float) and seconds > 0:
        return Token(token, time.time() + seconds)
    return Token(token, _end_of(token))


def _end_of(token: str) -> float:
    """When a JWT ends (RFC 7519); infinite for any other token.

    >>> _end_of("eyJhbGciOiJub25lIn0.eyJleHAiOjE3fQ."), _end_of("opaque")
    (17.0, inf)
    """
    parts = token.split(".")
    if len(parts) != 3:
        return math.inf
    try:
        claims = _json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return math.inf
    end = claims.get("exp") if isinstance(claims, dict) else None
    return float(end) if isinstance(end, int | float) else math.inf


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
