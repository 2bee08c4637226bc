"""Tokens of OAUTHBEARER: one that was given, what a command prints, or one of an OIDC provider.

`wire` and `settings` ask for them at each login.  A token that says when it ends is fetched anew
before that, and an older one serves as long as it is valid and no new one can be had.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kshell.config import Properties
from kshell.errors import KshellError, LoginRefused, Unreachable, UsageError
from kshell.kafka.token_command import NAME as COMMAND
from kshell.kafka.token_command import printed, without

__all__ = ["FRESH", "Token", "Tokens", "check_token", "logs_in_by_token", "missing_token",
           "source_of", "tokens_of"]  # fmt: skip

_GIVEN = "sasl.oauthbearer.token"
_ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
_CLIENT, _SECRET = "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"
_SCOPE = "sasl.oauthbearer.scope"
_LEAD = _ENDPOINT.removesuffix("url")
FRESH = 0.8  # the part of its life in which a token is used; librdkafka's own
_UNKNOWN = 300.0  # seconds after which a token is fetched anew that does not say when it ends
_AGAIN = 5.0  # seconds until it is tried again where no new one could be had
_TOKEN = re.compile(r"[!-~]+")
_NOT_THERE = frozenset({404, 405, 410})
_PRINTS = "it prints the token, or the JSON of a token endpoint, and nothing else"
_ASKED = f"is {_ENDPOINT} the address that gives tokens?"
_REST = 1.0  # seconds in which no other one is asked for, where there is none at all
_LEAST = 1.0  # seconds that librdkafka has a token at least
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
        self._fetched = 0.0
        self._until = 0.0  # for how long it is used
        self._failure: KshellError | None = None  # why the last one could not be had
        self._failed = 0.0
        self._asked = 0.0  # since when one is awaited; 0 for none

    def current(self) -> Token:
        """A valid token; raises LoginRefused or UsageError where none can be had, and Unreachable
        where none can be had now: so it is with every failure after the first token."""
        held = self._held
        valid = held is not None and time.time() < held.ends
        if not self._lock.acquire(blocking=not valid):
            assert held is not None
            return held  # another thread waits for a new one
        try:
            return self._renewed(time.time())
        finally:
            self._lock.release()

    async def awaited(self) -> Token:
        """`current` for an event loop: its thread is none that the end of the process waits for."""
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Token] = loop.create_future()

        def tell(token: Token | None, error: Exception | None) -> None:
            if made.done():
                return  # nobody waits any longer
            if token is None:
                made.set_exception(error or AssertionError)
            else:
                made.set_result(token)

        def ask() -> None:
            token, failure = None, None
            try:
                token = self.current()
            except Exception as error:
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(tell, token, failure)

        threading.Thread(target=ask, name="kshell-token", daemon=True).start()
        return await made

    def _renewed(self, now: float) -> Token:
        held = self._held
        if held is not None and now < self._until:
            return held
        if self._failure is not None and now - self._failed < _REST:
            raise self._failure
        self._asked = now
        try:
            made = self._fetch()
        except KshellError as error:
            if self._fetched:
                error = Unreachable(error.what, hint=error.hint)
            self._failure, self._failed = error, time.time()
            if held is None or self._failed >= held.ends:
                raise error from None
            self._until = self._failed + _AGAIN
            return held
        finally:
            self._asked = 0.0
        lasts = self._lasting if math.isinf(made.ends) else (made.ends - now) * FRESH
        self._held, self._fetched, self._until = made, now, now + lasts
        self._failure = None
        return made

    @property
    def missing(self) -> str:
        """Why there is no valid token now; "" where there is."""
        failure, held, asked, now = self._failure, self._held, self._asked, time.time()
        if held is not None and now < held.ends:
            return ""
        if failure is None and asked and now - asked >= _REST:
            return f"a token was asked for {now - asked:.0f} s ago"
        return failure.what if failure is not None else ""

    def forget(self, refused: Token) -> bool:
        """Whether there may be another one in the place of one that a broker refused: it was
        revoked, or has just ended."""
        with self._lock:
            if math.isinf(self._lasting):
                return False
            if refused is self._held:
                now = time.time()
                if now < refused.ends and now - self._fetched < _AGAIN:
                    return False  # it is what there is
                self._held = None
            return True

    def for_librdkafka(self) -> tuple[str, float]:
        """A token, and when librdkafka is to take it for ended: it asks again at FRESH of that.

        One that does not say when it ends is asked for again when `current` fetches it anew.  One
        that ends at this moment is the broker's to refuse: librdkafka would not take it at all.
        """
        token, now = self.current(), time.time()
        ends = token.ends if math.isfinite(token.ends) else now + (self._until - now) / FRESH
        return token.text, min(max(ends, now + _LEAST), _NEVER)


def source_of(properties: Mapping[str, str]) -> str:
    """The name of the property that the tokens are from; raises UsageError for two of them."""
    named = [name for name in (_GIVEN, COMMAND, _ENDPOINT) if properties.get(name)]
    if len(named) > 1:
        raise UsageError(
            f"{named[0]} and {named[1]} are both set", hint="one of them says where tokens are from"
        )
    return named[0] if named else _GIVEN


def missing_token(properties: Properties) -> str:
    """Why the connection has no valid token now; "" where it has one, or needs none."""
    return tokens_of(properties).missing if logs_in_by_token(properties) else ""


def check_token(properties: Properties) -> None:
    """Raise why the connection can have no valid token, if it needs one: librdkafka would only say
    that time is up."""
    if logs_in_by_token(properties):
        tokens_of(properties).current()


def logs_in_by_token(properties: Properties) -> bool:
    """Whether the login is one by a token."""
    return (
        properties["security.protocol"].startswith("SASL")
        and properties["sasl.mechanism"] == "OAUTHBEARER"
    )


def tokens_of(properties: Properties) -> Tokens:
    """The tokens of a connection; connections with the same properties share them."""
    names = (_GIVEN, COMMAND, _ENDPOINT, _CLIENT, _SECRET, _SCOPE, f"{_LEAD}ssl.ca.location",
             "kshell.insecure")  # fmt: skip
    return _shared(tuple((n, properties[n]) for n in names if n in properties))


@lru_cache(maxsize=64)
def _shared(named: tuple[tuple[str, str], ...]) -> Tokens:
    properties = dict(named)
    source = source_of(properties)
    if source == COMMAND:
        return Tokens(lambda: _printed(properties[COMMAND]))
    if source == _ENDPOINT:
        return Tokens(lambda: _granted(properties))
    given = Token(properties.get(_GIVEN, ""))
    return Tokens(lambda: given, math.inf)


def _printed(command: str) -> Token:
    """What a command prints: a token, or the JSON of a token endpoint."""
    name, text = printed(command)
    if text.startswith("{"):
        return _answered(_json(text), name, _PRINTS)
    if not text or len(text.split()) > 1:
        raise LoginRefused(
            f"{name} printed {'more than a token' if text else 'nothing'}", hint=_PRINTS
        )
    return Token(_checked(text, f"{name} printed", _PRINTS), _end_of(text))


def _granted(properties: Mapping[str, str]) -> Token:
    """A token for our client id and secret (RFC 6749, 4.4)."""
    from kshell.kafka.rest import Rest, Service  # imports httpx: other logins do without

    missing = [name for name in (_CLIENT, _SECRET) if not properties.get(name)]
    if missing:
        raise UsageError(
            f"{_ENDPOINT} is set, and {' and '.join(missing)} not",
            hint="the provider gives a token for both",
        )
    service = Service(
        "the token endpoint", _LEAD, "-X " + _ENDPOINT, "https://login.example.com/oauth2/token",
        Unreachable, LoginRefused, frozenset({429, 500, 502, 503, 504}), exact=True,
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
    if status == 200 and answer is not None:
        return _answered(answer, service.name, _ASKED)
    given = answer if isinstance(answer, dict) else {}
    why = given.get("error_description") or given.get("error")
    if status == 200:
        raise LoginRefused(f"what {service.name} answers is no JSON", hint=_ASKED)
    if 300 <= status < 400:
        raise LoginRefused(
            f"{service.name} redirects (HTTP {status}), which would take the secret elsewhere",
            hint=f"{_ENDPOINT} is the address itself",
        )
    if status in _NOT_THERE and not isinstance(why, str):
        raise LoginRefused(f"{service.name} answers HTTP {status}", hint=_ASKED)
    why = without(why, [properties[_SECRET]]) if isinstance(why, str) else f"HTTP {status}"
    raise LoginRefused(
        f"{service.name} refused client {properties[_CLIENT]}: {why}",
        hint=f"check {_CLIENT}, {_SECRET} and {_SCOPE}",
    )


def _answered(answer: object, who: str, hint: str) -> Token:
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(token, str) or not token:
        raise LoginRefused(f"{who} answered without an access_token", hint=hint)
    _checked(token, f"the access_token of {who} is", hint)
    seconds = answer.get("expires_in")
    if isinstance(seconds, str) and seconds.isdigit():
        seconds = int(seconds)  # so do some providers
    if isinstance(seconds, int | float) and seconds > 0:
        return Token(token, time.time() + seconds)
    return Token(token, _end_of(token))


def _checked(token: str, what: str, hint: str) -> str:
    """The token, if all of its letters are visible ones of ASCII."""
    if _TOKEN.fullmatch(token) is None:
        raise LoginRefused(f"{what} what cannot be a token", hint=hint)
    return token


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
