"""One HTTP service of Flink: asks for JSON, and says in one sentence why there is none.

`gateway` and `jobs` ask with it.  Login and TLS are the properties' `kshell.flink.…`; a secret goes
over plain http to this machine alone.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from kshell.config.certificates import tls_context
from kshell.errors import KshellError, UsageError

__all__ = ["FlinkDown", "FlinkError", "Http", "failed", "root_cause"]

_CAUSE = re.compile(r"^Caused by: (?:[\w.$]+: )?(.*)$", re.MULTILINE)
_THROWN = re.compile(r"^(?:(?:[\w$]+\.)+[\w$]+(?:Exception|Error)(?:: |$))+", re.MULTILINE)
_PLACE = re.compile(r"From line (\d+), column (\d+) to line \d+, column \d+: ")


class FlinkError(KshellError):
    """Flink refused a statement, or a job of it failed."""


class FlinkDown(FlinkError):
    """A service of Flink does not answer."""


def root_cause(text: str) -> str:
    """What a Java stack says went wrong: its last cause.

    >>> root_cause("a.B: x\\n\\tat a.b(C.java:1)\\nCaused by: c.DException: From line 1, column 2"
    ...            " to line 1, column 3: Object 'nope' not found")
    "Object 'nope' not found"
    """
    causes = [c for c in _CAUSE.findall(text) if c.strip()]
    if causes:
        last = causes[-1]
    else:
        lines = [line for line in text.splitlines() if line.strip()]
        line = next((x for x in lines if not x.startswith(("Internal server error", "\t"))), "")
        last = line
    last = _THROWN.sub("", last) or last
    return _PLACE.sub("", last).strip() or "it gave no reason"


# What Flink's Kafka clients say of what they lack, and what helps.
_HINTS = (
    ("waiting for a node assignment",
     "can the cluster reach the brokers? kshell.flink.properties names a file of their addresses as"
     " it sees them"),
    ("Required resource", "has the cluster free task slots?"),
    ("required resources", "has the cluster free task slots?"),
    ("Authentication failed", "kshell.flink.properties names a file of logins for the cluster"),
)  # fmt: skip


def failed(what: str, why: str) -> FlinkError:
    """The error of a query that failed on Flink.

    >>> failed("query Q", "Could not acquire the minimum required resources.").hint
    'has the cluster free task slots?'
    """
    hint = next((hint for said, hint in _HINTS if said in why), "")
    return FlinkError(f"{what} failed on Flink: {why}", hint=hint)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Http:
    """Requests to one address; used by one thread at a time, but `Http` itself is shared."""

    def __init__(self, what: str, url: str, properties: Mapping[str, str]) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url} is not the address of {what}", hint="http://host:8083")
        own = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        user_info = properties.get("kshell.flink.basic.auth.user.info", "") or own
        token = properties.get("kshell.flink.bearer.token", "")
        if token and user_info:
            raise UsageError(
                "Flink's gateway has both a token and a user",
                hint="unset kshell.flink.bearer.token or kshell.flink.basic.auth.user.info",
            )
        host = parts.netloc.rpartition("@")[2]
        self.what = what
        self.url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self.open_to_all = parts.scheme == "http" and not _loopback(parts.hostname)
        if token or user_info:
            self.check_secret(properties)
        self.hidden: set[str] = set()  # secrets that nobody is to see in what it answers
        user, _, password = user_info.partition(":")
        self.seconds = int(properties.get("kshell.flink.timeout.ms", "5000")) / 1000
        self._client = httpx.Client(
            auth=httpx.BasicAuth(user, password) if user_info else None,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            verify=tls_context(properties, "kshell.flink.") if parts.scheme == "https" else False,
            timeout=self.seconds,
            follow_redirects=False,  # a redirect would take the password elsewhere
        )

    def check_secret(self, properties: Mapping[str, str]) -> None:
        """Raise UsageError where a secret would go over plain http to another machine."""
        if self.open_to_all and properties.get("kshell.insecure") != "true":
            raise UsageError(
                f"a secret would go to {self.what} at {self.url} over plain http",
                hint="https, or kshell.insecure=true where the network is trusted",
            )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer; raises FlinkDown, FlinkError with the root cause."""
        try:
            answer = self._client.request(method, self.url + path, json=body)
        except httpx.HTTPError as error:
            timed_out = isinstance(error, httpx.TimeoutException)
            why = f"no answer within {self.seconds:g} s" if timed_out else str(error)
            raise FlinkDown(
                f"{self.what} at {self.url} does not answer: {why or type(error).__name__}",
                hint="is it running, and is this its address?",
            ) from None
        if answer.status_code in (401, 403):
            raise FlinkError(
                f"{self.what} at {self.url} refused the login ({answer.status_code})",
                hint="kshell.flink.basic.auth.user.info, kshell.flink.bearer.token",
            )
        found: Any = None
        try:
            found = json.loads(answer.content, parse_float=str)  # DECIMALs keep their digits
        except ValueError:
            pass  # it is no service of Flink
        if not isinstance(found, dict | list) or (answer.is_error and "errors" not in found):
            raise FlinkError(
                f"{self.url} is not {self.what}: it answered {answer.status_code}",
                hint="the gateway's port is 8083 and the JobManager's 8081, unless they were set",
            )
        if answer.is_error:
            errors = found["errors"] if isinstance(found, dict) else found
            raise FlinkError(self.cause("\n".join(map(str, errors))))
        return found

    def cause(self, text: str) -> str:
        """What a Java stack of this service says went wrong, without secrets."""
        for secret in self.hidden:
            text = text.replace(secret, "***")
        return root_cause(text)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
