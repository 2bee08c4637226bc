"""How statements are written, as a table, and what may come next in one that is half typed.

A row has words, `<slots>` for what a person names, `(slots)` for what stands in parentheses, `[…]`
for what may be left out, `{…|…}` for a choice, `*` for repetition and `@name` for another row.  A
`+` joins words that are offered together.  `candidates` knows what each slot takes; queries, which
this table does not describe, are for `queries`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from kshell.terminal.completion.tree import Group, Node, has_hole, upper

__all__ = ["STATEMENTS", "Slot", "Words", "expected"]

_CREATED = """ [IF+NOT+EXISTS] <new>
    { (columns) [WITH (options)] | WITH (options) [AS <query>] | AS <query> }"""
_OF_FILE = "[IF+NOT+EXISTS] <new> [(columns)] FROM+FILE <data file>"
_WHAT = """{ { TOPICS | STREAMS | TABLES | QUERIES } [EXTENDED] | FUNCTIONS | TYPES | VARIABLES
    | PROPERTIES | ERRORS | ALL+TOPICS [EXTENDED] | GROUPS | BROKERS
    | { PARTITIONS | ALL+PARTITIONS } [<topic>] | CONFIGS [{ <topic> | BROKER <broker> }]
    | PRODUCERS [<topic>] | TRANSACTIONS | ACLS | QUOTAS | SYSTEM+TABLES
    | CONNECTORS | SOURCE+CONNECTORS | SINK+CONNECTORS
    | PLUGINS | SUBJECTS | SCHEMAS [<subject>] | COMPATIBILITY [<subject>] }"""
STATEMENTS: Mapping[str, str] = {
    "SELECT": "<query>",
    "SHOW": f"SHOW {_WHAT}",
    "LIST": f"LIST {_WHAT}",
    "DESCRIBE": """DESCRIBE { <source> [EXTENDED | FULL] | FUNCTION <function> | GROUP <group>
        | QUERY <query id> | CONNECTOR <connector> | { STREAMS | TABLES } [EXTENDED]
        | EXTENDED <source> | <query> }""",
    "PRINT": """PRINT <topic> { FROM+BEGINNING @printed | LAST <number> [WHERE <condition>]
        | PARTITION <partition> LAST <number> [WHERE <condition>] | @printed }""",
    "@printed": """{ FROM+BEGINNING | FROM { END | <moment> } | TO { END | BEGINNING | <moment> }
        | PARTITION <partition> | WHERE <condition> | LIMIT <number> | INTERVAL <number> }*""",
    "CREATE": f"""CREATE {{ STREAM {_CREATED} | TABLE {{ {_CREATED} | {_OF_FILE} }}
        | OR+REPLACE+STREAM {_CREATED} | OR+REPLACE+TABLE {{ {_CREATED} | {_OF_FILE} }}
        | SOURCE+STREAM {_CREATED} | SOURCE+TABLE {_CREATED}
        | TYPE [IF+NOT+EXISTS] <new> AS <type>
        | ACL {{ ALLOW | DENY }} @operations ON @resource TO <principal> [FROM+HOST <host>]
        | USER <new> @password
        | QUOTA FOR @whom SET @limits
        | SOURCE+CONNECTOR @connector | SINK+CONNECTOR @connector
        | TOPIC [IF+NOT+EXISTS] <new>
          {{ PARTITIONS <number> | REPLICAS <number> | @configs }}* }}""",
    "@connector": "[IF+NOT+EXISTS] <new> WITH (configs)",
    "@whom": """{ USER { DEFAULT | <new> } [CLIENT+ID { DEFAULT | <new> }]
        | CLIENT+ID { DEFAULT | <new> } | IP { DEFAULT | <text> } }""",
    "@limits": "<quota> = <number> { , <quota> = <number> }*",
    "@configs": "SET <config> = <config value> { , <config> = <config value> }*",
    "DROP": """DROP { STREAM { <stream> | IF+EXISTS <stream> } [DELETE+TOPIC]
        | TABLE { <table> | IF+EXISTS <table> } [DELETE+TOPIC]
        | TYPE { <user's type> | IF+EXISTS <user's type> }
        | TOPIC { <topic> | IF+EXISTS <topic> }
        | GROUP { <group> | IF+EXISTS <group> }
        | APPLICATION { <application> | IF+EXISTS <application> }
        | ACL [{ ALLOW | DENY } [@operations]] [ON @resource] [TO <principal>]
          [FROM+HOST <host>]
        | USER { <new> | IF+EXISTS <new> } [MECHANISM <mechanism>]
        | QUOTA { FOR @whom | IF+EXISTS+FOR @whom }
        | CONNECTOR { <connector> | IF+EXISTS <connector> } }""",
    "@password": "PASSWORD <text> [MECHANISM <mechanism>] [ITERATIONS <number>]",
    "@operations": "@operation { , @operation }*",
    "@operation": """{ READ | WRITE | CREATE | DELETE | ALTER | DESCRIBE | DESCRIBE+CONFIGS
        | ALTER+CONFIGS | IDEMPOTENT+WRITE | CLUSTER+ACTION | CREATE+TOKENS | DESCRIBE+TOKENS
        | TWO+PHASE+COMMIT | ALL }""",
    "@resource": """{ TOPIC <topic> [PREFIXED] | GROUP <group> [PREFIXED]
        | TRANSACTIONAL+ID <new> [PREFIXED] | DELEGATION+TOKEN <new> [PREFIXED]
        | USER <principal> [PREFIXED] | CLUSTER }""",
    "ALTER": """ALTER { STREAM <stream> @added | TABLE <table> @added
        | TOPIC <topic> { PARTITIONS <number> | @configs | RESET <config> { , <config> }* }*
        | TOPIC <topic> REASSIGN { TO @brokers | PARTITION <partition> TO @brokers }
        | USER <new> @password
        | QUOTA FOR @whom { SET @limits [RESET @quotas] | RESET @quotas }
        | SUBJECT <subject> { SET+COMPATIBILITY @level | RESET+COMPATIBILITY }
        | REGISTRY SET+COMPATIBILITY @level
        | SYSTEM <property> = <value> }""",
    "@quotas": "<quota> { , <quota> }*",
    "@level": """{ BACKWARD | BACKWARD_TRANSITIVE | FORWARD | FORWARD_TRANSITIVE | FULL
        | FULL_TRANSITIVE | NONE }""",
    "DIFF": "DIFF SUBJECT <subject> [FROM <number>] [TO <number>]",
    "@brokers": "<broker> { , <broker> }*",
    "@added": "{ ADD+COLUMN | ADD } <new> <type> [, @added]",
    "RESET": """RESET GROUP <group> { TO @goal | ON <topic> { TO @goal | { , <topic> }* TO @goal }
        | FROM <data file> }""",
    "@goal": "{ EARLIEST | LATEST | OFFSET <number> | SHIFT <number> | <moment> }",
    "DELETE": """DELETE RECORDS FROM <topic>
        { BEFORE @before | PARTITION <partition> BEFORE @before }""",
    "@before": "{ END | <number> | <moment> }",
    "MIRROR": """MIRROR <topic> TO <topic> [FROM { EARLIEST | LATEST | OFFSETS <text> }]
        [EMIT+CHANGES]""",
    "REDRIVE": """REDRIVE <topic> [FROM { EARLIEST | OFFSETS <text> }]
        [WITH (redriving)]""",
    "ELECT": "ELECT LEADERS [<topic> { , <topic> }*]",
    "INSERT": """INSERT INTO <sink> { (names) VALUES @rows | VALUES @rows
        | WITH (options) <query> | <query> }""",
    "BEGIN": "BEGIN [STATEMENT+SET]",
    "END": "END",
    "COMMIT": "COMMIT",
    "ROLLBACK": "ROLLBACK",
    "CONSUME": """CONSUME FROM <topic> GROUP <group> [{ COMMIT+AT+MOST+ONCE | COMMIT+AT+LEAST+ONCE
        | COMMIT+EXACTLY+ONCE+INTO <topic> }] [LIMIT <number>]""",
    "HISTORY": "HISTORY OF <text> IN <topic>",
    "COPY": """COPY { <sink> { FROM { <data file> | STDIN } | TO { <data file> | STDOUT } }
        | (query) TO { <data file> | STDOUT } } [WITH (options)]""",
    "ASSERT": """ASSERT { TOPIC <topic> [WITH (options)] [TIMEOUT <duration>]
        | SCHEMA [SUBJECT <new>] [ID <number>] [TIMEOUT <duration>]
        | NOT+EXISTS { TOPIC <topic> [WITH (options)] | SCHEMA [SUBJECT <new>] [ID <number>] }
          [TIMEOUT <duration>]
        | (query) [WITHIN <duration>]
        | STREAM <stream> [(columns)] [WITH (options)] | TABLE <table> [(columns)] [WITH (options)]
        | VALUES <sink> [(names)] VALUES @rows | NULL+VALUES <sink> [(names)] KEY @rows }""",
    "@rows": "(row) { , (row) }*",
    "EXPLAIN": "EXPLAIN { <query id> | <statement> }",
    "TERMINATE": "TERMINATE { <query id> | ALL }",
    "PAUSE": "PAUSE { <query id> | ALL | CONNECTOR <connector> }",
    "RESUME": "RESUME { <query id> | ALL | CONNECTOR <connector> }",
    "RESTART": "RESTART CONNECTOR <connector> [TASK <number>]",
    "SET": "SET <property> = <value> { , <property> = <value> }*",
    "UNSET": "UNSET <property>",
    "DEFINE": "DEFINE <new> = <text>",
    "UNDEFINE": "UNDEFINE <variable>",
    "RUN": "RUN SCRIPT <script>",
    "SAVE": "SAVE QUERIES TO <file>",
    "SPOOL": "SPOOL { <file> | OFF }",
    "HELP": "HELP <help>",
    "EXIT": "EXIT",
    "QUIT": "QUIT",
    "WITH": "<query>",
    "FROM": "<query>",
    "VALUES": "<query>",
    "(": "<query>",
}
_NAMES = frozenset({"topic", "source", "sink", "stream", "table", "user's type", "function",
                    "query id", "property", "value", "group", "mechanism", "connector",
                    "subject", "application"})  # fmt: skip
# Where a name may stand.
_NO_NAMES = frozenset({"IF", "FUNCTION", "GROUP", "EXTENDED", "DEFAULT"})
_QUERY_STARTS = ("SELECT", "WITH", "FROM", "VALUES")
_TOKEN = re.compile(r"[{}\[\]|*]|<[^>]+>|\(\w+\)|@\w+|[\w+]+|[=,]")


@dataclass(frozen=True, slots=True)
class Words:
    """Keywords that may come next, together."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A named thing that may come next; the nodes that it has so far begin at `start`."""

    name: str
    start: int


Expected = Words | Slot
# A pattern: ("words", (…)), ("sign", s), ("slot", name), ("group", name), ("seq" | "any", [parts]),
# ("maybe", part), ("many", part), ("row", name).
Pattern = tuple[str, object]


@cache
def _pattern(row: str) -> Pattern:
    tokens = _TOKEN.findall(STATEMENTS[row])
    found, end = _choice(tokens, 0)
    assert end == len(tokens), f"{row}: {tokens[end:]}"
    return found


def _choice(tokens: Sequence[str], at: int) -> tuple[Pattern, int]:
    choices: list[Pattern] = []
    parts: list[Pattern] = []
    while at < len(tokens) and tokens[at] not in "}]":
        token = tokens[at]
        at += 1
        if token == "|":
            choices.append(("seq", parts))
            parts = []
        elif token in "{[":
            inner, at = _choice(tokens, at)
            at += 1
            if tokens[at : at + 1] == ["*"]:
                inner, at = ("many", inner), at + 1
            parts.append(("maybe", inner) if token == "[" else inner)
        else:
            if parts and parts[-1][0] == "words" and token in ("(options)", "@rows"):
                parts[-1] = ("words", (*parts[-1][1], "("))  # type: ignore[misc]
            parts.append(_single(token))
    choices.append(("seq", parts))
    return (choices[0] if len(choices) == 1 else ("any", choices)), at


def _single(token: str) -> Pattern:
    match token[0]:
        case "<":
            return "slot", token[1:-1]
        case "(":
            return "group", token[1:-1]
        case "@":
            return "row", token
        case "=" | ",":
            return "sign", token
    return "words", tuple(token.split("+"))


def expected(nodes: Sequence[Node]) -> list[Expected]:
    """What may stand at the hole: the first node that is it, or that has it in its parentheses."""
    end = next(i for i, n in enumerate(nodes) if has_hole(n))
    walk = _Walk(nodes[:end], isinstance(nodes[end], Group))
    walk.statement(0)
    return list(dict.fromkeys(walk.found))


class _Walk:
    """Tries every way in which the nodes before the hole fit; finds what can come after them."""

    def __init__(self, nodes: Sequence[Node], in_group: bool) -> None:
        self.nodes, self.in_group = nodes, in_group
        self.found: list[Expected] = []

    def statement(self, at: int) -> None:
        if at >= len(self.nodes):
            if self.in_group:
                self.found.append(Slot("(query)", at))
            else:
                self.found += [Words(w) for w in STATEMENTS if w[0] not in "(@"]
            return
        first = "(" if isinstance(self.nodes[at], Group) else upper(self.nodes[at])
        if first in STATEMENTS:
            for _ in self._go(_pattern(first), at):
                pass

    def _go(self, pattern: Pattern, at: int) -> Iterator[int]:
        kind, what = pattern
        if kind == "seq":
            yield from self._sequence(what, at)  # type: ignore[arg-type]
        elif kind == "any":
            for choice in what:  # type: ignore[attr-defined]
                yield from self._go(choice, at)
        elif kind == "maybe":
            yield from self._go(what, at)  # type: ignore[arg-type]
            yield at
        elif kind == "many":
            begun = len(self.found)
            for end in self._go(what, at):  # type: ignore[arg-type]
                yield from self._go(pattern, end)
            if at >= len(self.nodes):
                self.found[begun:] = [f for f in self.found[begun:] if not self._is_there(f)]
            yield at
        elif kind == "row":
            yield from self._go(_pattern(str(what)), at)
        elif kind == "words":
            yield from self._words(what, at)  # type: ignore[arg-type]
        elif kind == "group":
            yield from self._group(str(what), at)
        elif kind == "sign":
            if at < len(self.nodes):
                yield from [at + 1] * (self.nodes[at].text == what)
            elif not self.in_group:
                self.found.append(Words(str(what)))
        else:
            yield from self._slot(str(what), at)

    def _is_there(self, found: Expected) -> bool:
        """Whether the words are in the statement already: an option is given once."""
        first = found.text.split()[0] if isinstance(found, Words) else ""
        return first.isalpha() and first in {upper(n) for n in self.nodes}

    def _sequence(self, parts: Sequence[Pattern], at: int) -> Iterator[int]:
        if not parts:
            yield at
            return
        for end in self._go(parts[0], at):
            yield from self._sequence(parts[1:], end)

    def _words(self, words: Sequence[str], at: int) -> Iterator[int]:
        for n, word in enumerate(words):
            if word == "(":  # offered with the words before it; a pattern for it follows
                break
            if at + n >= len(self.nodes):
                if not self.in_group:
                    self.found.append(Words(" ".join(words[n:])))
                return
            if upper(self.nodes[at + n]) != word:
                return
        yield at + len(words) - (words[-1] == "(")

    def _group(self, name: str, at: int) -> Iterator[int]:
        if at >= len(self.nodes):
            if self.in_group:
                self.found.append(Slot(f"({name})", at))
            else:
                self.found.append(Words("("))
        elif isinstance(self.nodes[at], Group):
            yield at + 1

    def _slot(self, name: str, at: int) -> Iterator[int]:
        if name == "statement":
            self.statement(at)
            return
        if name == "query":
            self._query(at)
            return
        if at >= len(self.nodes):
            if not (self.in_group and name in _NAMES):  # a name is no parenthesis
                self.found.append(Slot(name, at))
            return
        if name in ("help", "condition"):
            self.found.append(Slot(name, at))
        elif name == "moment":
            yield at + 1 + (self.nodes[at].text == "-")  # -n is so many before the end
        elif name == "type":
            yield from self._type(at)
        elif name == "duration":
            yield from self._duration(at)
        elif upper(self.nodes[at]) in _NO_NAMES and name in _NAMES | {"new"}:
            return
        elif self.nodes[at].kind in ("word", "quoted", "string", "number"):
            yield self._name_end(at) if name in _NAMES else at + 1

    def _query(self, at: int) -> None:
        if at >= len(self.nodes):
            self.found += (
                [Slot("(query)", at)] if self.in_group else [Words("SELECT"), Words("WITH")]
            )
        elif isinstance(self.nodes[at], Group) or upper(self.nodes[at]) in _QUERY_STARTS:
            self.found.append(Slot("query", at))

    def _name_end(self, at: int) -> int:
        """A name without quotes has dots and dashes, without spaces."""
        end = self.nodes[at].start + len(self.nodes[at].text)
        at += 1
        while at < len(self.nodes) and self.nodes[at].start == end:
            node = self.nodes[at]
            if isinstance(node, Group) or node.text in (",", "="):
                break
            end += len(node.text)
            at += 1
        return at

    def _type(self, at: int) -> Iterator[int]:
        begin, depth = at, 0
        while at < len(self.nodes):
            text = self.nodes[at].text
            depth += {"<": 1, ">": -1}.get(text, 0)
            at += 1
            following = self.nodes[at] if at < len(self.nodes) else None
            if depth == 0 and (following is None or following.text not in ("<", "()")):
                break
        if depth > 0:
            self.found.append(Slot("type", begin))
        else:
            yield at

    def _duration(self, at: int) -> Iterator[int]:
        if at + 1 < len(self.nodes):
            yield at + 2
        else:
            self.found.append(Slot("unit", at))
