"""`sasl.jaas.config` of Java's clients: the login module and its options, as kshell's properties.

`client_files` calls it.  A message never repeats the text: it holds the password.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kshell.errors import UsageError, reason_of

__all__ = ["PROVIDED", "read_jaas"]

_OPTION = r"([\w.\-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s;\"']+)"
_JAAS = re.compile(
    rf"\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)((?:\s+{_OPTION})*)\s*;\s*",
    re.IGNORECASE | re.DOTALL,
)
PROVIDED = re.compile(r"\$\{\w+:[^}]*\}")  # Java's config providers fill it in
_CLAIM = re.compile(r"unsecuredLogin(String|Number|List)Claim_(.+)")
_LIFETIME = "unsecuredLoginLifetimeSeconds"
_CLIENT = {
    "clientId": "sasl.oauthbearer.client.id", "clientSecret": "sasl.oauthbearer.client.secret",
    "scope": "sasl.oauthbearer.scope",
}  # fmt: skip


def read_jaas(text: str, endpoint: str = "") -> list[tuple[str, str]]:
    r"""The properties that it sets; `endpoint` is the file's sasl.oauthbearer.token.endpoint.url.

    >>> read_jaas('x.PlainLoginModule required username="al" password="a\\"b;";')
    [('sasl.username', 'al'), ('sasl.password', 'a"b;')]
    """
    match = _JAAS.fullmatch(text)
    if match is None:
        raise UsageError(
            "sasl.jaas.config is not written as a login module",
            hint='org.apache.kafka.common.security.plain.PlainLoginModule required username="…"'
            ' password="…";',
        )
    module = match[1].rpartition(".")[2]
    options = {name: _unquoted(value) for name, value in re.findall(_OPTION, match[2])}
    filled = [name for name, value in options.items() if PROVIDED.search(value)]
    if filled:
        raise UsageError(
            f"{filled[0]} in sasl.jaas.config is filled in by a config provider of Java's, which"
            " kshell does not run",
            hint="write the value itself, or leave sasl.jaas.config out and give it by -X, or by a"
            " variable such as KSHELL_SASL_PASSWORD",
        )
    if module not in _MODULES:
        raise UsageError(
            f"kshell has no login module {module}", hint=f"it has {', '.join(_MODULES)}"
        )
    return _MODULES[module](options, endpoint)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "\"'" else value


def _password(options: Mapping[str, str], endpoint: str) -> list[tuple[str, str]]:
    if options.get("tokenauth", "").lower() == "true":
        raise UsageError(
            "sasl.jaas.config logs in with a delegation token (tokenauth), which kshell does not",
            hint="log in as the user who made the token",
        )
    missing = [name for name in ("username", "password") if name not in options]
    if missing:
        raise UsageError(f"sasl.jaas.config has no {' and no '.join(missing)}")
    return [("sasl.username", options["username"]), ("sasl.password", options["password"])]


def _kerberos(options: Mapping[str, str], endpoint: str) -> list[tuple[str, str]]:
    if options.get("useKeyTab", "").lower() == "true":
        keytab, principal = options.get("keyTab", "FILE"), options.get("principal", "PRINCIPAL")
        raise UsageError(
            "sasl.jaas.config names a keytab, and kshell takes the ticket of kinit",
            hint=f"kinit -kt {keytab} {principal}, and leave sasl.jaas.config out",
        )
    service = options.get("serviceName")
    named = [("sasl.kerberos.service.name", service)] if service else []
    return [("sasl.mechanism", "GSSAPI"), *named]  # Java's default, which files leave out


def _token(options: Mapping[str, str], endpoint: str) -> list[tuple[str, str]]:
    """The token in the file that the endpoint is, or an unsecured one of the claims; else who we
    are at the endpoint."""
    if any(_CLAIM.fullmatch(name) for name in options):
        return [("sasl.oauthbearer.token", _unsecured(options, int(time.time())))]
    address = urlsplit(endpoint)
    if address.scheme == "file":
        path = Path(unquote(address.path))
        try:
            return [("sasl.oauthbearer.token", path.read_text("utf-8").strip())]
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the token in {path} cannot be read: {reason_of(error)}",
                hint="sasl.oauthbearer.token.endpoint.url is the file that holds it",
            ) from None
    return [(known, options[name]) for name, known in _CLIENT.items() if name in options]


def _unsecured(options: Mapping[str, str], now: int) -> str:
    """A token without a signature, as Kafka's own module makes for tests."""
    lifetime = _number(options.get(_LIFETIME, "3600"))
    claims: dict[str, object] = {"iat": now, "exp": now + lifetime}
    for option, value in options.items():
        if (found := _CLAIM.fullmatch(option)) is not None:
            claims[found[2]] = _CLAIMS[found[1]](value)
    parts = (json.dumps(part, separators=(",", ":")) for part in ({"alg": "none"}, claims))
    encoded = (base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    return ".".join(encoded) + "."


def _items(text: str) -> list[str]:
    """Kafka's list: its first character stands between the items."""
    return text[1:].split(text[0]) if text else []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("sasl.jaas.config has a number that is none") from None


_CLAIMS: Mapping[str, Callable[[str], object]] = {"String": str, "Number": _number, "List": _items}
_MODULES: Mapping[str, Callable[[Mapping[str, str], str], list[tuple[str, str]]]] = {
    "PlainLoginModule": _password,
    "ScramLoginModule": _password,
    "OAuthBearerLoginModule": _token,
    "Krb5LoginModule": _kerberos,
}
