"""Every error of kshell: what went wrong, where, and what to try.

    KshellError
    ├── UsageError              the command line or a property is wrong            exit 2
    ├── StatementError          a statement was refused
    │   ├── ParseError          it is not in the grammar
    │   ├── BindError           a name, a type or a clause does not fit
    │   │   └── UnknownName     nothing has that name; carries the nearest ones
    │   └── Unsupported         it is in the grammar, and kshell cannot run it
    ├── ConnectionFailed        no broker can be used                              exit 3
    │   ├── Unreachable         nothing answers at the address
    │   ├── WrongListener       it answers in another protocol (TLS against plain text)
    │   └── LoginRefused        SASL or a certificate was refused
    ├── KafkaError              a broker refused or failed while we worked
    │   ├── Forbidden           an ACL denies it
    │   ├── RecordTooLarge      more than the topic's max.message.bytes
    │   ├── Outage              brokers stopped answering: an answer would be incomplete
    │   └── TopicChanged        the topic was deleted or created anew, or offsets went away
    ├── RegistryError           the schema registry refused, or answered nonsense
    │   ├── RegistryDown        it does not answer: what was read so far is not the answer   exit 3
    │   └── UnknownSchema       it has no schema of that id or subject
    ├── ConnectError            Kafka Connect refused, or answered nonsense
    │   └── ConnectDown         it does not answer                                 exit 3
    ├── CorruptRecord           bytes of a batch or a record that cannot be decoded
    ├── EvaluationError         a query failed while it ran
    │   ├── Misfit              a value is of another type than samples suggested
    │   └── Unwritable          a format cannot hold a value
    └── Interrupted             the user stopped it                                exit 130

Everything above raises these and nothing else on purpose; `terminal` draws them.  An error gains
context as it rises (`with_place`), and is never swallowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "EXIT_CODES", "BadRecord", "BindError", "ConnectDown", "ConnectError", "ConnectionFailed",
    "CorruptRecord",
    "EvaluationError", "Forbidden", "Interrupted", "KafkaError", "KshellError", "LoginRefused",
    "Misfit", "Outage", "ParseError", "Place", "RecordTooLarge", "RegistryDown", "RegistryError",
    "StatementError", "TopicChanged", "UnknownName", "UnknownSchema", "Unreachable", "Unsupported",
    "Unwritable", "UsageError", "WrongListener", "nearest", "reason_of",
]  # fmt: skip


# What the command ends with; --help and docs/prompt.md have this table.
EXIT_CODES = {
    0: "every statement ran",
    1: "a statement failed, an ASSERT did not hold, or the output could not be written",
    2: "the command line, a profile or a property is wrong",
    3: "no connection to the brokers, the schema registry or Kafka Connect",
    4: "an answer was PARTIAL: a limit, a table that is behind, a partition that cannot be read",
    5: "fenced: another kshell has taken the query over",
    130: "interrupted by Ctrl-C",
    143: "terminated by SIGTERM",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text an error is: 1-based line and column, and how many characters it spans."""

    line: int
    column: int
    length: int = 1


class KshellError(Exception):
    """What went wrong, with an optional place in the statement and a hint what to try.

    >>> str(KshellError("no such topic: ordes", hint="did you mean orders?"))
    'no such topic: ordes'
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str = "", place: Place | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.place = place
        self.text = ""  # that the place is in, where it is not what the person typed
        self.results: list[Any] = []  # of the statements before it, in a script

    def with_place(self, place: Place) -> KshellError:
        """The same error with a place, unless it already has one."""
        self.place = self.place or place
        return self


class UsageError(KshellError):
    """The command line, a profile or a property is wrong."""

    exit_code = 2


class StatementError(KshellError):
    """A statement was refused before anything ran."""


class ParseError(StatementError):
    """The text is not in the grammar."""


class BindError(StatementError):
    """A name, a type or a clause does not fit."""


# Where the names of a kind are listed, for a name that is like none of them.
_LISTED = {
    "connector": "SHOW CONNECTORS lists them",
    "group": "SHOW GROUPS lists them",
    "query": "SHOW QUERIES lists them",
    "subject": "SHOW SUBJECTS lists them",
    "topic": "SHOW TOPICS lists them",
    "type": "SHOW TYPES lists those that CREATE TYPE made",
}


class UnknownName(BindError):
    """Nothing of that kind has that name.

    >>> UnknownName("topic", "ordes", ["orders", "users"]).hint
    'did you mean orders?'
    >>> UnknownName("column", "ROWTIME", ["ROWTIME"]).hint  # it is there, and not here
    ''
    """

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str] = (),
        *,
        what: str = "",
        place: Place | None = None,
    ) -> None:
        close = nearest(name, (k for k in known if k != name))
        hint = f"did you mean {' or '.join(close)}?" if close else _LISTED.get(kind, "")
        super().__init__(what or f"no {kind} named {name}", hint=hint, place=place)
        self.kind, self.name = kind, name


class Unsupported(StatementError):
    """It is in the grammar, and kshell cannot run it."""


class ConnectionFailed(KshellError):
    """No broker can be used."""

    exit_code = 3


class Unreachable(ConnectionFailed):
    """Nothing answers at the address."""


class WrongListener(ConnectionFailed):
    """The address answers in another protocol than the one configured."""


class LoginRefused(ConnectionFailed):
    """The broker refused the credentials."""


class KafkaError(KshellError):
    """A broker refused or failed while we worked."""


class Forbidden(KafkaError):
    """An ACL denies the operation."""


class RecordTooLarge(KafkaError):
    """A record or a batch is larger than the topic takes."""


class Outage(KafkaError):
    """Brokers stopped answering; what was read so far is not the answer."""


class TopicChanged(KafkaError):
    """The topic was deleted, created anew, or its offsets are gone."""


class RegistryError(KshellError):
    """The schema registry refused, or its answer makes no sense."""


class RegistryDown(RegistryError):
    """The schema registry does not answer; what was read so far is not the answer."""

    exit_code = 3


class UnknownSchema(RegistryError):
    """The schema registry has no schema of that id or subject."""


class ConnectError(KshellError):
    """Kafka Connect refused, or its answer makes no sense."""


class ConnectDown(ConnectError):
    """Kafka Connect does not answer."""

    exit_code = 3


class CorruptRecord(KshellError):
    """Bytes that cannot be decoded."""


class EvaluationError(KshellError):
    """A query failed while it ran."""


class Misfit(EvaluationError):
    """A value is of another type than a topic's samples suggested; the wider type is known now."""


class Unwritable(EvaluationError):
    """A value that the format of a sink cannot hold: its record is not written."""


class Interrupted(KshellError):
    """The user stopped it."""

    exit_code = 130


def reason_of(error: Exception) -> str:
    """Why a file cannot be read or written, in words, without its name.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "x"))
    'No such file or directory'
    """
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One row of SHOW ERRORS: a record that could not be used, and why.  Offset -1 is unknown.

    `excerpt` is the first bytes of what failed, raw: code that draws it must sanitize it.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    timestamp: int = -1
    excerpt: bytes = field(default=b"", repr=False)


def nearest(
    name: str, known: Iterable[str], count: int = 3, like: float = 0.65
) -> list[str]:
    """The known names most like `name`, best first; `like` is how much, from 0 to 1.

    >>> nearest("SELEC", ["SELECT", "SET", "SHOW"])
    ['SELECT']
    """
    import difflib  # few statements are wrong

    by_fold = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=count, cutoff=like)
    return [by_fold[c] for c in close]
