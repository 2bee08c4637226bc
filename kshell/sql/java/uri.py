"""URLs as java.net.URI reads them, and form parameters as Java encodes them.

The rows of `library/urls.toml` name these.  A text that is not a URI, or does not have the part,
gives NULL.  Source of the grammar: RFC 2396 with the deviations that URI's reference lists (IPv6,
other characters than ASCII, authorities that are not servers).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote

__all__ = ["decode_param", "encode_param", "fragment", "host", "parameter", "path", "port",
           "protocol", "query"]  # fmt: skip

_OTHER = r"[^\x00-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
# Possessive, so that the matcher does not try again for a URL that does not fit.
_ONE = r"(?:[A-Za-z0-9_\-!.~'()*"
_MORE = rf"]++|%[0-9A-Fa-f]{{2}}|{_OTHER})"
_URIC = _ONE + r";/?:@&=+$,\[\]" + _MORE
_PATH = _ONE + ":@&=+$,;/" + _MORE
_REGISTRY = re.compile(_ONE + "$,;:@&=+" + _MORE + "++")
_USER = _ONE + ";:&=+$," + _MORE + "*+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_TOP = r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|0{0,2}\d|0?[1-9]\d)"
_SERVER = re.compile(
    rf"(?:{_USER}@)?"
    rf"(?P<host>{_BYTE}(?:\.{_BYTE}){{3}}|(?:(?:{_LABEL}\.)+{_TOP}|{_LABEL})\.?|\[[0-9A-Fa-f:.]+(?:%\w+)?\])"
    r"(?::(?P<port>[0-9]*))?"
)
_BEFORE = re.compile(r"[^/?#:]*:")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):(?P<rest>.*)", re.DOTALL)
_HIERARCHY = re.compile(
    rf"(?://(?P<authority>[^/?#]*))?(?P<path>{_PATH}*+)(?:\?(?P<query>{_URIC}*+))?"
    rf"(?:#(?P<fragment>{_URIC}*+))?"
)
_OPAQUE = re.compile(rf"(?P<part>{_URIC}++)(?:#(?P<fragment>{_URIC}*+))?")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class _Uri:
    """The parts as they are written; None for a missing part."""

    scheme: str | None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    query: str | None = None
    fragment: str | None = None


def _parsed(url: str) -> _Uri | None:
    if not url.strip():
        return None
    scheme, rest = None, url
    if _BEFORE.match(url) is not None:
        match = _SCHEME.fullmatch(url)
        if match is None:
            return None
        scheme, rest = match["scheme"], match["rest"]
        if not rest.startswith("/"):
            opaque = _OPAQUE.fullmatch(rest)
            return None if opaque is None else _Uri(scheme, fragment=opaque["fragment"])
    match = _HIERARCHY.fullmatch(rest)
    if match is None:
        return None
    authority = match["authority"]
    if authority == "" and rest == "//":
        return None
    name: str | None = None
    number: int | None = None
    if authority:
        server = _SERVER.fullmatch(authority)
        if server is not None and server["host"].startswith("[") and not _is_ipv6(server["host"]):
            return None
        if server is not None and int(server["port"] or 0) < 2**31:
            name = server["host"]
            number = int(server["port"]) if server["port"] else None
        elif _REGISTRY.fullmatch(authority) is None:
            return None
    return _Uri(scheme, name, number, match["path"], match["query"], match["fragment"])


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host[1:-1].partition("%")[0])
    except ValueError:
        return False
    return True


def _decoded(text: str | None) -> str | None:
    """Escapes decoded as UTF-8; invalid bytes become U+FFFD."""
    if text is None:
        return None
    return _ESCAPES.sub(lambda match: unquote(match[0], errors="replace"), text)


def fragment(url: str) -> str | None:
    """URL_EXTRACT_FRAGMENT.

    >>> fragment("http://test.com#frag%20space")
    'frag space'
    """
    found = _parsed(url)
    return None if found is None else _decoded(found.fragment)


def host(url: str) -> str | None:
    """URL_EXTRACT_HOST.

    >>> host("http://user@test.com:8080/path"), host("http://no_host/")
    ('test.com', None)
    """
    found = _parsed(url)
    return None if found is None else found.host


def path(url: str) -> str | None:
    """URL_EXTRACT_PATH: empty for a URL without a path."""
    found = _parsed(url)
    return None if found is None else _decoded(found.path)


def port(url: str) -> int | None:
    """URL_EXTRACT_PORT, if the URL has one."""
    found = _parsed(url)
    return None if found is None else found.port


def protocol(url: str) -> str | None:
    """URL_EXTRACT_PROTOCOL."""
    found = _parsed(url)
    return None if found is None else found.scheme


def query(url: str) -> str | None:
    """URL_EXTRACT_QUERY, decoded."""
    found = _parsed(url)
    return None if found is None else _decoded(found.query)


def parameter(url: str, name: str) -> str | None:
    """URL_EXTRACT_PARAMETER: the first of that name; an empty text if it has no value.

    >>> parameter("http://test.com?a%20b=c%20d&e", "a b"), parameter("http://test.com?e", "e")
    ('c d', '')
    """
    for part in (query(url) or "").split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return value
    return None


def encode_param(text: str) -> str:
    """URL_ENCODE_PARAM, as an HTML form does.

    >>> encode_param("?foo $bar~")
    '%3Ffoo+%24bar%7E'
    """
    return quote_plus(text, safe="*", errors="replace").replace("~", "%7E")


def decode_param(text: str) -> str:
    """URL_DECODE_PARAM; raises ValueError for a % without two hex digits.

    >>> decode_param("a+b%20c")
    'a b c'
    """
    spaced = text.replace("+", " ")
    if "%" in _ESCAPES.sub("", spaced):
        raise ValueError(f"URLDecoder: Illegal hex characters in escape (%) pattern: {text}")
    return unquote(spaced, errors="replace")
