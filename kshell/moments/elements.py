"""The pieces of a pattern: each prints a part of a moment and parses it back.

`pattern` builds them.  `parse` returns the position after the text that it read, or `~position` of
the failure, as in Java; it puts the values into the `Reading`.  Letters match in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from kshell.moments.fields import Moment, Unsupported
from kshell.moments.names import texts
from kshell.moments.zones import Zone

__all__ = ["Element", "Fraction", "Literal", "Number", "Optional", "Pad", "Reading", "Reduced",
           "Text", "same_text"]  # fmt: skip

_NORMAL, _NOT_NEGATIVE, _EXCEEDS = "normal", "not negative", "exceeds pad"
_WIDEST = 19


@dataclass(slots=True)
class Reading:
    """The values read so far: fields by name (also the offset), and a zone."""

    fields: dict[str, int] = field(default_factory=dict)
    zone: Zone | None = None

    def put(self, name: str, value: int, start: int, end: int) -> int:
        """Keep a value; `~start` if the field already has another one."""
        if self.fields.setdefault(name, value) != value:
            return ~start
        return end


class Element(Protocol):
    """A piece of a pattern."""

    def show(self, moment: Moment) -> str:
        """The element's text; raises ValueError (Unsupported if the moment lacks the field)."""
        ...

    def parse(self, text: str, at: int, reading: Reading) -> int:
        """The position after the element, or `~` the position of the failure."""
        ...


def same_text(text: str, at: int, wanted: str) -> bool:
    """Whether `wanted` stands there, in any case."""
    part = text[at : at + len(wanted)]
    return part == wanted or part.lower() == wanted.lower() or part.upper() == wanted.upper()


def _digits(text: str, start: int, stop: int) -> int:
    """The position after the digits."""
    at = start
    while at < stop and "0" <= text[at] <= "9":
        at += 1
    return at


@dataclass(frozen=True, slots=True)
class Literal:
    """Fixed text."""

    text: str

    def show(self, moment: Moment) -> str:
        return self.text

    def parse(self, text: str, at: int, reading: Reading) -> int:
        return at + len(self.text) if same_text(text, at, self.text) else ~at


@dataclass(frozen=True, slots=True)
class Number:
    """A field as a number of `least` to `most` digits.

    `following` is how many digits belong to the fixed numbers that come right after it.
    """

    field: str
    least: int = 1
    most: int = _WIDEST
    sign: str = _NORMAL
    fixed: bool = False
    following: int = 0

    def widened(self, digits: int) -> Number:
        """The same element, with more digits in the numbers after it."""
        return replace(self, following=self.following + digits)

    def show(self, moment: Moment) -> str:
        value = moment.get(self.field)
        text = str(abs(value))
        if len(text) > self.most:
            raise ValueError(
                f"Field {self.field} cannot be printed as the value {value}"
                f" exceeds the maximum print width of {self.most}"
            )
        sign = ""
        if value >= 0:
            exceeds = self.sign == _EXCEEDS and len(text) > self.least
            sign = "+" if exceeds else ""
        elif self.sign == _NOT_NEGATIVE:
            raise ValueError(f"Field {self.field} cannot be printed: {value} is negative")
        else:
            sign = "-"
        return sign + text.rjust(self.least, "0")

    def parse(self, text: str, at: int, reading: Reading) -> int:
        if at >= len(text):
            return ~at
        start, sign = at, text[at]
        if sign in "+-":
            allowed = self.sign == _EXCEEDS or (self.sign == _NORMAL and sign == "-")
            if not allowed:
                return ~at
            at += 1
        if at + self.least > len(text):
            return ~at
        end = _digits(text, at, min(at + self.most + self.following, len(text)))
        if end < at + self.least:
            return ~at
        if self.following > 0:
            most = max(self.least, end - at - self.following)
            end = _digits(text, at, min(at + most, len(text)))
        value = int(text[at:end])
        length = end - at
        if sign == "-":
            if value == 0:
                return ~start
            value = -value
        elif self.sign == _EXCEEDS:
            if sign == "+" and length <= self.least:
                return ~start
            if sign != "+" and length > self.least:
                return ~at
        if not -(2**63) <= value < 2**63:
            end, value = end - 1, value // 10
        return self.keep(value, length, at, end, reading)

    def keep(self, value: int, length: int, at: int, end: int, reading: Reading) -> int:
        """Store the value."""
        return reading.put(self.field, value, at, end)


@dataclass(frozen=True, slots=True)
class Reduced(Number):
    """A year of two digits: 2000 to 2099."""

    def show(self, moment: Moment) -> str:
        return f"{abs(moment.get(self.field)) % 100:02}"

    def keep(self, value: int, length: int, at: int, end: int, reading: Reading) -> int:
        return reading.put(self.field, value + 2000 if length == 2 else value, at, end)


@dataclass(frozen=True, slots=True)
class Fraction(Number):
    """The first digits of the nanoseconds."""

    def show(self, moment: Moment) -> str:
        return f"{moment.get(self.field):09}"[: self.least]

    def parse(self, text: str, at: int, reading: Reading) -> int:
        end = at + self.least
        if end > len(text) or _digits(text, at, end) < end:
            return ~at
        return reading.put(self.field, int(text[at:end].ljust(9, "0")), at, end)


@dataclass(frozen=True, slots=True)
class Text:
    """A field in words."""

    field: str
    style: str

    def show(self, moment: Moment) -> str:
        value = moment.get(self.field)
        return texts(self.field, self.style)[0][value]

    def parse(self, text: str, at: int, reading: Reading) -> int:
        for word, value in texts(self.field, self.style)[1]:
            if same_text(text, at, word):
                return reading.put(self.field, value, at, at + len(word))
        return ~at


@dataclass(frozen=True, slots=True)
class Optional:
    """[…]: all of its elements, or none."""

    parts: tuple[Element, ...]

    def show(self, moment: Moment) -> str:
        try:
            return "".join(part.show(moment) for part in self.parts)
        except Unsupported:
            return ""

    def parse(self, text: str, at: int, reading: Reading) -> int:
        inner = Reading(dict(reading.fields), reading.zone)
        end = at
        for part in self.parts:
            end = part.parse(text, end, inner)
            if end < 0:
                return at
        reading.fields, reading.zone = inner.fields, inner.zone
        return end


@dataclass(frozen=True, slots=True)
class Pad:
    """p…: the piece after it, filled with spaces on the left."""

    inner: Element
    width: int

    def show(self, moment: Moment) -> str:
        text = self.inner.show(moment)
        if len(text) > self.width:
            raise ValueError(f"Cannot print as output of {len(text)} characters exceeds pad width")
        return text.rjust(self.width)

    def parse(self, text: str, at: int, reading: Reading) -> int:
        end = at + self.width
        if end > len(text):
            return ~at
        start = at
        while start < end and text[start] == " ":
            start += 1
        found = self.inner.parse(text[:end], start, reading)
        return ~start if 0 <= found != end else found
