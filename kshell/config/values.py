"""A session's values of properties.

`Properties` is immutable: SET makes a new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from kshell.config.properties import PROPERTIES, is_secret, is_secret_like, property_named
from kshell.config.property_row import Scope, checked

__all__ = ["MASK", "Properties", "masked_words", "secret_arguments", "variables_shown"]

# Two names for one thing: to set one unsets the other.
_RIVALS = {
    "ssl.ca.location": "ssl.ca.pem",
    "ssl.certificate.location": "ssl.certificate.pem",
    "ssl.key.location": "ssl.key.pem",
}
_RIVALS |= {other: name for name, other in _RIVALS.items()}


MASK = "********"  # stands for a secret
_USER_INFO = re.compile(r"//[^/@\s]*@")  # user and password in a URL


_IN_WORDS = re.compile(
    r"(?i)(//)[^/@\s]*(?=@)|((?:passw(?:or)?d|pwd|secret|token|credentials?)\s*=\s*)[^\s;&,]+"
)


def masked_words(words: str) -> str:
    """What somebody else wrote, with a mask for each secret that its name or an address gives away.

    >>> masked_words("jdbc:x?user=a&password=b"), masked_words("http://a:b@c")
    ('jdbc:x?user=a&password=********', 'http://********@c')
    """
    return _IN_WORDS.sub(lambda match: f"{match[1] or match[2]}{MASK}", words)


def secret_arguments(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments of a program, or the parts of them, that are secrets by the names before them.

    >>> list(secret_arguments(["idp", "--client-secret", "a", "--token=b", "https://me:c@idp"]))
    ['a', 'b', 'c']
    """
    for before, argument in pairwise(arguments):
        name, equals, value = argument.partition("=")
        if equals and value and is_secret_like(name):
            yield value
        elif before.startswith("-") and "=" not in before and is_secret_like(before):
            yield argument
        elif (found := re.search(r"//[^/@\s:]*:([^/@\s]+)@", argument)) is not None:
            yield found[1]


class Properties(Mapping[str, str]):
    """The properties that are set, over the defaults; `p["name"]` reads both.

    `opened` holds what was opened with them, such as a schema registry.  The objects that `set` and
    `unset` make share it, so all statements of one session do.

    >>> p = Properties().set("auto.offset.reset", "EARLIEST")
    >>> p["auto.offset.reset"], p.unset("auto.offset.reset")["auto.offset.reset"]
    ('earliest', 'latest')
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, opened: dict[Any, Any] | None = None
    ) -> None:
        self.opened = {} if opened is None else opened
        self._set: dict[str, str] = {}
        if isinstance(values, Properties):  # of which only what is set is taken
            values = values._set
        for name, value in (values or {}).items():
            known = property_named(name)
            self._set[known.name] = checked(known, value)

    def set(self, name: str, value: str) -> Properties:
        """With one more value; raises UsageError."""
        known = property_named(name)
        others = {n: v for n, v in self._set.items() if n != _RIVALS.get(known.name)}
        return self._with({**others, known.name: checked(known, value)})

    def unset(self, name: str) -> Properties:
        """With the property at its default."""
        known = property_named(name)
        return self._with({k: v for k, v in self._set.items() if k != known.name})

    def _with(self, values: dict[str, str]) -> Properties:
        made = Properties(opened=self.opened)
        made._set = values
        return made

    def __getitem__(self, name: str) -> str:
        value = self._set.get(name)
        if value is None and name in PROPERTIES:
            value = PROPERTIES[name].default
        if value is None:
            raise KeyError(name)
        return value

    def of_topic(self, topic: str, half: str) -> Mapping[str, str]:
        """The values set for a topic's "key" or "value", by name without topic and half.

        >>> Properties({"topic.a.b.value.format": "JSON"}).of_topic("a.b", "value")
        {'format': 'JSON'}
        """
        lead = f"topic.{topic}.{half}."
        return {n.removeprefix(lead): v for n, v in self._set.items() if n.startswith(lead)}

    def is_set(self, name: str) -> bool:
        """Whether a property has a value of its own, not its default."""
        return name in self._set

    def number(self, name: str) -> int | None:
        """A whole number, or None if it is not set."""
        value = self.get(name)
        return None if value is None else int(value)

    def __iter__(self) -> Iterator[str]:
        yield from (n for n, p in PROPERTIES.items() if n in self._set or p.default is not None)
        yield from (n for n in self._set if n not in PROPERTIES)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def given(self) -> tuple[str, ...]:
        """The names of those that were set, in the order of setting.

        >>> Properties({"kshell.theme": "dark"}).given()
        ('kshell.theme',)
        >>> Properties(Properties({"kshell.theme": "dark"})).given()
        ('kshell.theme',)
        """
        return tuple(self._set)

    def masked(self, name: str) -> str:
        """A value to show: a secret and a password in an address are stars, "" is not set."""
        value = self.get(name, "")
        known = PROPERTIES.get(name)
        if known is not None and known.secret and value:
            return MASK
        if name.endswith(".command"):
            for secret in secret_arguments(value.split()):
                value = value.replace(secret, MASK)
        return _USER_INFO.sub(f"//{MASK}@", value)

    def shown(self) -> list[tuple[str, str, str, str]]:
        """(name, value, default, scope) of every property, secrets masked."""
        rows = []
        for name, known in sorted(PROPERTIES.items()):
            rows.append((name, self.masked(name), known.default or "", known.scope.value))
        of_topics = sorted(n for n in self._set if n not in PROPERTIES)
        rows += [(n, self._set[n], "", Scope.SESSION.value) for n in of_topics]
        return rows

    def __repr__(self) -> str:
        return f"Properties({ {n: v for n, v, *_ in self.shown() if n in self._set} })"


def variables_shown(variables: Mapping[str, str]) -> str:
    """Variables as lines, masked where their name is that of a secret.

    >>> variables_shown({"pw": "x", "city": "Rome"})
    "city = 'Rome'\\npw = '********'"
    """
    shown = sorted((n, MASK if is_secret(n) else v) for n, v in variables.items())
    return "\n".join(f"{name} = '{value}'" for name, value in shown)
