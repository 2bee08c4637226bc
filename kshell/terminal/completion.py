"""Completion: the words that may stand at the cursor, best first.

`complete_at` is a plain function over text and names; `SqlCompleter` gives it to prompt_toolkit.
Columns may need the network, so prompt_toolkit calls this in another thread than the UI's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from kshell.catalog.model import PSEUDO_COLUMNS
from kshell.config import PROPERTIES
from kshell.durations import UNITS
from kshell.sql.keywords import KEYWORDS, RESERVED, STATEMENTS
from kshell.sql.script import Token, tokens
from kshell.sql.statements import ShowWhat
from kshell.terminal.commands import COMMANDS, Argument
from kshell.terminal.sanitize import clean

if TYPE_CHECKING:
    from kshell.catalog.options import Option

__all__ = ["Known", "SqlCompleter", "complete_at"]

_SOURCE_WORDS = frozenset({"FROM", "JOIN", "INTO", "DESCRIBE", "PRINT"})
_JOIN = ("JOIN", "OUTER JOIN")
# The words that may follow a word, if they are few.
_NEXT = {
    "SHOW": (*(what.value for what in ShowWhat), "ALL TOPICS"),
    "CREATE": ("STREAM", "TABLE", "OR REPLACE STREAM", "OR REPLACE TABLE", "SOURCE STREAM",
               "SOURCE TABLE", "TYPE"),
    "DROP": ("STREAM", "TABLE", "TYPE"),
    "EMIT": ("CHANGES", "FINAL"),
    "ORDER": ("BY",), "GROUP": ("BY",), "PARTITION": ("BY",), "INSERT": ("INTO",),
    "LEFT": _JOIN, "RIGHT": _JOIN, "FULL": _JOIN, "INNER": ("JOIN",), "RUN": ("SCRIPT",),
    "WINDOW": ("TUMBLING (SIZE ", "HOPPING (SIZE ", "SESSION ("), "IS": ("NULL", "NOT NULL"),
    "SIZE": (), "INTERVAL": (), "LIMIT": (), "AS": (),
}  # fmt: skip
_NEXT["LIST"] = _NEXT["SHOW"]
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_LOOSE = re.compile(r"[\w.\-]*$")
_UNITS = (*UNITS, *(f"{unit}S" for unit in UNITS))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert, how many characters before the cursor it replaces, and its kind."""

    text: str
    replaces: int
    kind: str


@dataclass(frozen=True, slots=True)
class Known:
    """The known names; `columns` may use the network."""

    sources: Sequence[str] = ()
    columns: Callable[[str], Sequence[str]] = field(default=lambda name: ())
    functions: Sequence[str] = ()


def complete_at(before: str, after: str, known: Known) -> list[Candidate]:
    """The candidates between `before` and `after`, best first.

    >>> known = Known(["orders", "my-users"], lambda name: ("total", "userid"))
    >>> [c.text for c in complete_at("SELECT * FROM ord", "", known)]
    ['orders']
    >>> [c.text for c in complete_at("SELECT tot", " FROM orders", known)]
    ['total']
    >>> [c.text for c in complete_at("PRINT us", "", known)]
    ['`my-users`']
    """
    if before.startswith("\\"):
        return _command(before, known)
    seen = _statement(before)
    last = seen[-1] if seen else None
    if last is not None and last.kind == "comment":
        return []
    if last is not None and last.kind == "string":
        return _in_string(seen, known) if last.text.count("'") % 2 else []
    if last is not None and last.kind == "quoted":
        # A quote without its end: the person is typing a name.
        closed = len(last.text) > 1 and last.text[-1] == last.text[0]
        word = "" if closed else last.text
        if closed:
            return []
    else:
        word = last.text if last is not None and last.kind in ("word", "number") else ""
    context = [t for t in seen if t.kind not in ("space", "comment")]
    if word:
        context.pop()
    ahead = [t for t in _statement_after(after) if t.kind not in ("space", "comment")]
    return _at_word(word, context, ahead, before, known)


def _statement(before: str) -> list[Token]:
    seen: list[Token] = []
    for token in tokens(before):
        if token.kind == "end":
            seen = []
        else:
            seen.append(token)
    return seen


def _statement_after(after: str) -> Iterator[Token]:
    for token in tokens(after):
        if token.kind == "end":
            return
        yield token


def _at_word(
    word: str, context: list[Token], ahead: list[Token], before: str, known: Known
) -> list[Candidate]:
    previous = context[-1].text.upper() if context else ""
    if not context:
        return _matching(STATEMENTS, word, "keyword") if word else []
    if previous in _NEXT:
        return _matching(_NEXT[previous], word, "keyword")
    typed = word if word[:1] in ("`", '"') else _loose(before)
    before_name = [t for t in context if t.start < len(before) - len(typed)]
    if before_name and _wants_source(before_name):
        found = _named(known.sources, typed, "topic")
        if before_name[-1].text.upper() == "DESCRIBE" and word:
            found += _matching(("STREAMS", "TABLES", "FUNCTION"), word, "keyword")
        return found
    if previous == "." and len(context) > 1:
        named = _sources([*context, *ahead])
        wanted = _bare(context[-2].text).casefold()
        source = next((s for alias, s in named.items() if alias.casefold() == wanted), None)
        if source is not None:
            return _columns([source], word, known)
    if _with_options(context):
        return _options(word, context) if previous in ("(", ",") else []
    if context[-1].kind == "number":
        return _matching((*_UNITS, *KEYWORDS), word, "keyword") if word else []
    return _in_expression(word, context, ahead, known)


def _loose(before: str) -> str:
    """A name without quotes, which may have dots and dashes."""
    match = _LOOSE.search(before)
    return match[0] if match else ""


def _in_expression(
    word: str, context: list[Token], ahead: list[Token], known: Known
) -> list[Candidate]:
    """A column, an alias, a function, or the next keyword."""
    named = _sources([*context, *ahead])
    # After a value only a keyword or an operator can come: offer nothing before its first letter.
    after_value = context[-1].kind in ("string", "quoted", "number") or (
        context[-1].kind == "word" and context[-1].text.upper() not in KEYWORDS
    )
    found: list[Candidate] = []
    if word or not after_value:
        found += _columns(list(named.values()), word, known)
        found += _named([a for a, s in named.items() if a != s], word, "alias") if word else []
    if word and word[0] not in "`\"":
        found += _matching(KEYWORDS, word, "keyword") if after_value else []
        if named:
            found += _matching(PSEUDO_COLUMNS, word, "column")
        functions = _matching(known.functions, word, "function")
        found += [Candidate(c.text + "(", c.replaces, c.kind) for c in functions]
        found += _matching(KEYWORDS, word, "keyword")
    unique: dict[str, Candidate] = {}
    for candidate in found:
        unique.setdefault(candidate.text.casefold(), candidate)
    return list(unique.values())


def _command(before: str, known: Known) -> list[Candidate]:
    word, space, argument = before.partition(" ")
    if not space:
        return [
            Candidate(c.word, -len(before), c.help) for c in COMMANDS if c.word.startswith(before)
        ]
    command = next((c for c in COMMANDS if c.word == word), None)
    if command is None:
        return []
    if command.argument is Argument.TOPIC:
        return _named(known.sources, argument, "topic")
    return _matching(command.choices, argument, "format")


def _in_string(seen: list[Token], known: Known) -> list[Candidate]:
    """Names of properties after SET, their values after =, formats and topics in WITH."""
    typed = seen[-1].text[1:]
    context = [t for t in seen[:-1] if t.kind not in ("space", "comment")]
    words = [t.text.upper() for t in context]
    if words[-1:] in (["SET"], ["UNSET"], ["DEFINE"]):
        return [c for n, p in PROPERTIES.items() for c in _matching((n,), typed, p.help)]
    if words[:1] == ["SET"] and words[-1:] == ["="] and len(context) >= 3:
        known_property = PROPERTIES.get(context[1].text.strip("'"))
        return _matching(known_property.values if known_property else (), typed, "value")
    option = words[-2].strip("'") if len(words) > 1 and words[-1] == "=" else ""
    if option == "KAFKA_TOPIC":
        return [
            Candidate(n, -len(typed), "topic")
            for n in known.sources
            if n.casefold().startswith(typed.casefold())
        ]
    known_option = _options_of(words).get(option)
    return _matching(known_option.values if known_option else (), typed, "value")


def _options(word: str, context: Sequence[Token]) -> list[Candidate]:
    """Names of options that the statement's WITH may have and does not have yet."""
    words = [t.text.upper().strip("'") for t in context]
    left = [o for o in _options_of(words).values() if o.name not in words]
    return [c for o in left for c in _matching((o.name,), word, o.help)]


def _options_of(words: Sequence[str]) -> Mapping[str, Option]:
    """The options of WITH, for a statement that begins with these words."""
    from kshell.catalog import options  # imports pyarrow: the prompt does not wait for that

    statement = options.CREATE
    if words[:1] == ["INSERT"]:
        statement = options.INSERT
    elif words[:1] == ["ASSERT"] and "TOPIC" in words[:4]:
        statement = options.ASSERT_TOPIC
    return {o.name: o for o in options.options_of(statement)}


def _wants_source(context: list[Token]) -> bool:
    """Whether a topic, stream or table comes next: after FROM, and after a comma in its list."""
    if context[-1].text.upper() in _SOURCE_WORDS:
        return True
    if context[-1].text != ",":
        return False
    for token in reversed(context):
        upper = token.text.upper()
        if token.text in "()":
            return False
        if token.kind == "word" and upper in RESERVED and upper != "AS":
            return upper in ("FROM", "JOIN")
    return False


def _with_options(context: list[Token]) -> bool:
    """Whether the cursor is in the parentheses of WITH."""
    depth = 0
    for i in range(len(context) - 1, -1, -1):
        if context[i].text == ")":
            depth += 1
        elif context[i].text == "(":
            if depth == 0:
                return i > 0 and context[i - 1].text.upper() == "WITH"
            depth -= 1
    return False


def _sources(context: Sequence[Token]) -> dict[str, str]:
    """The sources of a statement by their aliases."""
    named: dict[str, str] = {}
    rest = list(context)
    while rest:
        token = rest.pop(0)
        if token.kind != "word" or token.text.upper() not in ("FROM", "JOIN", "INTO"):
            continue
        while rest and rest[0].kind in ("word", "quoted"):
            name = alias = _take_name(rest)
            if rest and rest[0].text.upper() == "AS":
                rest.pop(0)
            if rest and _may_be_alias(rest[0]):
                alias = _bare(rest.pop(0).text)
            named[alias] = name
            if not rest or rest[0].text != ",":
                break
            rest.pop(0)
    return named


def _take_name(rest: list[Token]) -> str:
    """A name; one without quotes may have dots and dashes, without spaces."""
    first = rest.pop(0)
    name, end = _bare(first.text), first.start + len(first.text)
    while rest and rest[0].start == end and rest[0].text not in (",", "(", ")"):
        name += rest[0].text
        end += len(rest.pop(0).text)
    return name


def _may_be_alias(token: Token) -> bool:
    return token.kind == "quoted" or (token.kind == "word" and token.text.upper() not in KEYWORDS)


def _bare(name: str) -> str:
    return name.strip('`"')


def _quoted(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.upper() not in RESERVED
    return name if plain else "`" + name.replace("`", "``") + "`"


def _matching(words: Iterable[str], word: str, kind: str) -> list[Candidate]:
    """Words that begin with the typed letters, in their case."""
    folded = word.casefold()
    lower = kind == "keyword" and word.islower()
    return [
        Candidate(w.lower() if lower else w, -len(word), kind)
        for w in words
        if w.casefold().startswith(folded)
    ]


def _rank(name: str, typed: str) -> int | None:
    """How well a name fits: it begins with the text, contains it, or has its letters in order."""
    if name.startswith(typed):
        return 0
    if typed in name:
        return 1
    rest = iter(name)
    return 2 if len(typed) > 1 and all(letter in rest for letter in typed) else None


def _named(names: Iterable[str], word: str, kind: str) -> list[Candidate]:
    typed = word.lstrip('`"').casefold()
    ranked = [(r, n) for n in names if (r := _rank(n.casefold(), typed)) is not None]
    return [
        Candidate(f"`{n}`" if word[:1] == "`" else _quoted(n), -len(word), kind)
        for _, n in sorted(ranked, key=lambda pair: pair[0])
    ]


def _columns(sources: Sequence[str], word: str, known: Known) -> list[Candidate]:
    found: list[Candidate] = []
    for source in sources:
        found += _named(known.columns(source), word, f"column of {source}")
    return found


class SqlCompleter(Completer):
    """`complete_at` over the names that `known` gives at each call."""

    def __init__(self, known: Callable[[], Known]) -> None:
        self._known = known

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        found = complete_at(
            document.text_before_cursor, document.text_after_cursor, self._known()
        )
        for c in found:
            yield Completion(
                c.text, c.replaces, display=clean(c.text), display_meta=clean(c.kind)
            )
