"""The text that HELP prints: all statements, or what one word means wherever kshell uses it.

`session` calls it.  The texts are those of the tables: statements, options of WITH, properties,
functions, and the terminal's commands, which are handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kshell.catalog.model import PSEUDO_COLUMNS
from kshell.config.properties import PROPERTIES, property_named
from kshell.config.property_row import Property
from kshell.config.sources import PROFILE_KEYS, variable_of
from kshell.errors import UnknownName, UsageError
from kshell.sql.reference import ENTRIES, Entry

__all__ = ["HELP", "help_on", "property_text", "usage"]

_WIDTH = max(len(entry.short) for entry in ENTRIES) + 1
HELP = "\n".join(
    [
        *(f"{entry.short:<{_WIDTH}}{entry.help}" for entry in ENTRIES),
        "HELP word explains one of these, an option, a property, a function, a \\command.",
        f"Every record also has {', '.join(PSEUDO_COLUMNS)}.",
    ]
)


def usage(text: str) -> str:
    """How the statement that begins with the text's words is written.

    >>> usage("PRINT"), usage("drop topic orders")
    ('PRINT topic [FROM x | LAST n]', 'DROP TOPIC name')
    >>> usage("ALTER USER ann"), usage("COPY t TO 'f'")
    ('CREATE|ALTER USER name PASSWORD …', "COPY name | (SELECT …) TO 'file'")
    """
    words = [word.upper() for word in text.split(None, 2)[:2]]
    if not words:
        return "HELP"
    named = [e for e in ENTRIES if e.name.split()[:2] == words]
    listed = [e for e in ENTRIES if any(w.split()[:2] == words for w in e.words)]
    first = [e for e in ENTRIES if words[0] in (e.name.split()[0], *e.words)]
    if named or listed:
        return (named or listed)[0].short
    folded = text.upper()  # COPY … FROM and COPY … TO differ in their last word alone
    last = max(first, key=lambda e: folded.rfind(f" {e.name.split()[-1]} "), default=None)
    return "HELP" if last is None else last.short


def help_on(topic: str, commands: Mapping[str, str]) -> str:
    """What the topic means; all statements for an empty one.  Raises UnknownName."""
    topic = " ".join(topic.split())
    if not topic:
        return HELP
    if topic.startswith("\\"):
        if topic not in commands:
            raise UnknownName("command", topic, commands)
        return commands[topic]
    word = topic.upper()
    texts = [*_statements(word), *_option(word), *_property(topic), *_function(word)]
    if not texts:
        raise UnknownName("help", topic, _names(), what=f"there is no help on {topic}")
    return "\n\n".join(texts)


def _statements(topic: str) -> list[str]:
    """Those of that name or found under it; else those that begin with it."""
    found = [e for e in ENTRIES if topic in (e.name, *e.words)]
    return [_statement(e) for e in found or ENTRIES if found or e.name.startswith(f"{topic} ")]


def _statement(entry: Entry) -> str:
    return f"{entry.short}: {entry.help}\n\n{entry.syntax}\n\nExample: {entry.example}"


def _option(topic: str) -> Iterator[str]:
    from kshell.catalog.copy_options import COPY_OPTIONS
    from kshell.catalog.options import OPTIONS

    for option in (table[topic] for table in (OPTIONS, COPY_OPTIONS) if topic in table):
        values = f"\nOne of {', '.join(option.values)}." if option.values else ""
        yield f"{option.name}, in WITH of {', '.join(option.statements)}: {option.help}{values}"


def _property(topic: str) -> Iterator[str]:
    try:
        known = property_named(PROFILE_KEYS.get(topic.lower(), topic))
    except UsageError:
        return
    yield property_text(known)


def property_text(known: Property) -> str:
    """A property's row as sentences."""
    lines = [f"{known.name}: {known.help}"]
    if known.values:
        lines.append(f"One of {', '.join(known.values)}.")
    if known.least is not None:
        lines.append(f"A whole number, {known.least} or more.")
    default = "Not set by default." if known.default is None else f"Default: {known.default}."
    lines.append(default)
    fixed = "; SET does not change it" if known.fixed else ""
    lines.append(f"Of the {known.scope.value}{fixed}.")
    if known.name in PROPERTIES:
        lines.append(f"In the environment: {variable_of(known.name)}.")
    if known.secret:
        lines.append("A secret: it is never shown.")
    return "\n".join(lines)


def _function(topic: str) -> Iterator[str]:
    from kshell.sql.functions import OPERATOR, library

    function = library().get(topic.removesuffix("()"))
    if function is None or function.kind == OPERATOR:
        return
    forms = "\n".join(f"{function.name}{form.signature}" for form in function.forms)
    text = f"{function.name}, {function.kind} function: {function.help}\n\n{forms}"
    if function.example is not None:
        text += f"\n\nExample: {function.example[0]} is {function.example[1]!r}"
    yield text


def _names() -> list[str]:
    from kshell.catalog.copy_options import COPY_OPTIONS
    from kshell.catalog.options import OPTIONS
    from kshell.sql.functions import names

    statements = [word for entry in ENTRIES for word in (entry.name, *entry.words)]
    return [*statements, *OPTIONS, *COPY_OPTIONS, *PROPERTIES, *PROFILE_KEYS, *names()]
