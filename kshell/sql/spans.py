"""A statement's text with edits at spans of it: what is not edited stays as it was written.

`words`, `macros` and `batch.rewrite` note edits and `Draft.text` applies them.  Spans are those of
tokens, so that comments and blanks between them stay too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["Call", "Draft"]

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
# Words before a parenthesis that make no call of it, and end an operand.
_NO_CALL = frozenset(
    [
        "ALL",
        "AND",
        "ANY",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CROSS",
        "DISTINCT",
        "ELSE",
        "EXCEPT",
        "EXCLUDE",
        "EXISTS",
        "FROM",
        "GROUP",
        "HAVING",
        "ILIKE",
        "IN",
        "INTERSECT",
        "IS",
        "JOIN",
        "LIKE",
        "LIMIT",
        "NOT",
        "OFFSET",
        "ON",
        "OR",
        "ORDER",
        "OVER",
        "PIVOT",
        "QUALIFY",
        "RENAME",
        "SELECT",
        "SET",
        "SOME",
        "THEN",
        "UNION",
        "UNPIVOT",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
_SUFFIXES = frozenset({"OVER", "FILTER", "GROUP"})  # f(…) FILTER (…) OVER (…), WITHIN GROUP (…)
_TYPED = frozenset({"DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL", "BLOB", "JSON", "UUID"})


@dataclass(frozen=True, slots=True)
class Call:
    """`name(…)`: the numbers of the name's and the parentheses' tokens, the arguments' spans."""

    name: str
    token: int
    open: int
    close: int
    args: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """What stands for `source[start:end]`; text, or made of edited parts."""

    start: int
    end: int
    made: str | Callable[[], str]
    after: bool = False


@dataclass(slots=True)
class Draft:
    """A text, its tokens, and the edits noted so far.

    >>> draft = Draft("SELECT a /* one */, b")
    >>> draft.replace(7, 8, "x"); draft.insert(0, "-"); draft.text()
    '-SELECT x /* one */, b'
    """

    source: str
    tokens: Sequence[Token] = ()
    _edits: list[_Edit] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _partner: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = tuple(tokenize(self.source))
        self._starts = [t.start for t in self.tokens]
        opened: list[int] = []
        for n, token in enumerate(self.tokens):
            if token.kind is Kind.SIGN and token.text in _OPEN:
                opened.append(n)
            elif token.kind is Kind.SIGN and token.text in _CLOSE and opened:
                self._partner[n] = opened.pop()
                self._partner[self._partner[n]] = n

    # Edits

    def replace(self, start: int, end: int, made: str | Callable[[], str]) -> None:
        """Let this stand for a span."""
        self._edits.append(_Edit(start, end, made))

    def insert(self, at: int, text: str) -> None:
        """Put this before what is there, and before what was put there earlier."""
        self._edits.append(_Edit(at, at, text))

    def append(self, at: int, text: str) -> None:
        """Put this after what ends there, and after what was put there."""
        self._edits.append(_Edit(at, at, text, after=True))

    def instead(self, start: int, end: int, made: str) -> None:
        """Let this stand for a span that something else stood for."""
        self._edits[:] = [e for e in self._edits if (e.start, e.end) != (start, end)]
        self.replace(start, end, made)

    def copy(self) -> Draft:
        """The same text and edits, to try more."""
        return Draft(self.source, _edits=list(self._edits))

    def edited(self, start: int, end: int) -> bool:
        """Whether something in the span is edited."""
        return any(start <= e.start and e.end <= end and e.start < end for e in self._edits)

    def text(self, start: int = 0, end: int | None = None) -> str:
        """A span (or all) with the edits in it applied."""
        return "".join(text for text, _, _ in self._pieces(start, end))

    def _pieces(self, start: int, end: int | None) -> Iterator[tuple[str, int, bool]]:
        """The edited text in pieces, where each is in the source, and whether it is as it was."""
        last = len(self.source) if end is None else end
        whole = end is None
        order = sorted(
            enumerate(self._edits),
            key=lambda e: (e[1].start, e[1].end > e[1].start, -e[1].end, e[1].after, -e[0]),
        )
        at = start
        for _, edit in order:
            inside = start <= edit.start and edit.end <= last and (whole or edit.start < last)
            if not inside or edit.start < at:
                continue
            yield self.source[at : edit.start], at, True
            yield edit.made if isinstance(edit.made, str) else edit.made(), edit.start, False
            at = edit.end
        yield self.source[at:last], at, True

    def moved(self, offset: int) -> int:
        """Where in the source something is that is at `offset` of the edited text.

        >>> draft = Draft("a->b c"); draft.replace(1, 3, "."); draft.moved(4)
        5
        """
        for text, start, same in self._pieces(0, None):
            if offset < len(text):
                return start + offset if same else start
            offset -= len(text)
        return len(self.source) + offset

    # Tokens

    def at(self, offset: int) -> int:
        """The number of the first token that begins at `offset` or after it."""
        return bisect_left(self._starts, offset)

    def before(self, offset: int) -> int:
        """The number of the last token that begins before `offset`; -1 for none."""
        return bisect_left(self._starts, offset) - 1

    def within(self, offset: int) -> int:
        """The number of the token that `offset` is in, or the last before it."""
        return bisect_right(self._starts, offset) - 1

    def is_sign(self, n: int, text: str) -> bool:
        """Whether token `n` is this sign."""
        return (
            0 <= n < len(self.tokens)
            and self.tokens[n].kind is Kind.SIGN
            and self.tokens[n].text == text
        )

    def word(self, n: int) -> str:
        """Token `n` as an upper-case word; empty for what is none."""
        return self.tokens[n].upper if 0 <= n < len(self.tokens) else ""

    def partner(self, n: int) -> int:
        """The parenthesis that belongs to this one; -1 for none."""
        return self._partner.get(n, -1)

    def group(self, n: int) -> tuple[int, int]:
        """The first token and the one after the last between the parentheses around token `n`."""
        first = n
        while first > 0:
            partner = self.partner(first - 1)
            if partner >= first:
                return first, partner
            first = partner if partner >= 0 else first - 1
        return 0, len(self.tokens)

    def level(self, first: int, last: int) -> Iterator[int]:
        """Numbers of the tokens from `first` up to `last` that are in no parentheses among them."""
        n = first
        while n < last:
            yield n
            token = self.tokens[n]
            opens = token.kind is Kind.SIGN and token.text in _OPEN
            n = self.partner(n) + 1 if opens and self.partner(n) > n else n + 1

    def calls(self) -> Iterator[Call]:
        """Every `word(…)`, and the spans of what commas part in it."""
        for n, token in enumerate(self.tokens):
            if not token.upper or token.upper in _NO_CALL or not self.is_sign(n + 1, "("):
                continue
            if self.is_sign(n - 1, ".") or self.partner(n + 1) < 0:
                continue
            close = self.partner(n + 1)
            yield Call(token.upper, n, n + 1, close, self.parts(n + 2, close))

    def parts(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """The spans between commas of the tokens from `first` up to `last`."""
        if first >= last:
            return ()
        cuts = []
        parameters = False  # those of a lambda have commas of their own
        for n in self.level(first, last):
            if self.word(n) == "LAMBDA" or self.is_sign(n, ":"):
                parameters = self.word(n) == "LAMBDA"
            elif self.is_sign(n, ",") and not parameters:
                cuts.append(n)
        edges = zip([first, *(c + 1 for c in cuts)], [*cuts, last], strict=True)
        return tuple((self.tokens[a].start, self.tokens[b - 1].end) for a, b in edges if b > a)

    def operand(self, n: int) -> int:
        """The first token of the operand whose last token is `n`: of `f(x)[1]` that is `f`."""
        while n > 0:
            token = self.tokens[n]
            if token.kind is Kind.SIGN and token.text in _CLOSE:
                n = max(self.partner(n), 0)
                before = self.word(n - 1)
                if self.tokens[n].text == "(" and before in _SUFFIXES and n > 2:
                    n -= 3 if before == "GROUP" else 2
                    continue
                quoted = n > 0 and self.tokens[n - 1].kind is Kind.QUOTED
                if (before and before not in _NO_CALL) or quoted:
                    n -= 1
                elif self.tokens[n].text == "[" and self.tokens[n - 1].text in _CLOSE:
                    n -= 1
                    continue
            elif token.upper == "END":
                n = self._case(n)
            if self.is_sign(n - 1, "."):
                n -= 2
                continue
            string = self.tokens[n].kind is Kind.STRING
            if string and (self.word(n - 1) in _TYPED or self._marked(n)):
                n -= 1
            return n
        return n

    def ends_operand(self, n: int) -> bool:
        """Whether a value may end at token `n`, so that a sign after it has two operands."""
        token = self.tokens[n]
        if token.kind is Kind.SIGN:
            return token.text in _CLOSE
        return token.upper not in _NO_CALL

    def _marked(self, n: int) -> bool:
        """Whether a string is X'41': bytes."""
        return self.word(n - 1) == "X" and self.tokens[n - 1].end == self.tokens[n].start

    def _case(self, n: int) -> int:
        """The CASE of an END."""
        depth = 0
        for k in range(n, -1, -1):
            depth += {"END": 1, "CASE": -1}.get(self.word(k), 0)
            if depth == 0:
                return k
        return n
