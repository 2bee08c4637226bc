r"""Handler of `\chart`: the last result as a chart, on the screen or in a file.

Kafka is not read again.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from kshell.errors import UsageError
from kshell.results import Rows
from kshell.sql.tokens import tokenize
from kshell.terminal.charts.drawing import Drawn, caption, draw
from kshell.terminal.charts.kind import Asked, Kind, Plan, Relation, plan
from kshell.terminal.charts.svg import Picture, svg
from kshell.terminal.conversation import Conversation
from kshell.terminal.live_frame import painted
from kshell.terminal.messages import colours, draws, note
from kshell.terminal.pull import pulled
from kshell.terminal.screen import remark
from kshell.terminal.times import Times
from kshell.terminal.typed import Call
from kshell.terminal.widths import cut
from kshell.whole_file import WholeFile
from kshell.wording import many

__all__: list[str] = []

_MOST_ROWS, _MOST_BYTES = 1_000_000, 256 << 20  # of the result that a chart is made from
_AROUND = 5  # lines left free: title, notes, an empty line, the prompt and its toolbar
_HIGHEST = 20  # lines of a chart that can have any height
_NARROWEST = 12
_ENDING = ".svg"
_CLAUSES = ("BY", "TO")


@dataclass(frozen=True, slots=True)
class _Wish:
    """The argument of `\\chart`."""

    asked: Asked
    path: str = ""


def read_wish(text: str) -> _Wish:
    """Read `[COLUMN …] [BY column] [TO 'file.svg']`.

    >>> read_wish("n, COUNT(*) BY `by` TO 'a b.svg'")
    _Wish(asked=Asked(values=('n', 'COUNT(*)'), by='by', cursor=-1), path='a b.svg')
    """
    parts: dict[str, list[str]] = {"": []}
    into = parts[""]
    for word, keyword in _words(text):
        if keyword in _CLAUSES and keyword not in parts:
            into = parts[keyword] = []
        else:
            into.append(word)
    if any(len(parts[keyword]) != 1 for keyword in _CLAUSES if keyword in parts):
        raise UsageError(
            "\\chart takes [column …] [BY column] [TO 'file.svg']",
            hint='a name with spaces stands in quotes: \\chart "my column"',
        )
    by, path = ("".join(parts.get(keyword, ())) for keyword in _CLAUSES)
    if path and not path.lower().endswith(_ENDING):
        raise UsageError(f"{path} is not named {_ENDING}", hint=f"\\chart … TO 'chart{_ENDING}'")
    return _Wish(Asked(tuple(parts[""]), by), os.path.expanduser(path))


def _words(text: str) -> Iterator[tuple[str, str]]:
    """What stands between spaces and commas, and the keyword that it may be: COUNT(*) is one."""
    word, end = "", -1
    keyword = ""
    for token in tokenize(text):
        if word and (token.start != end or token.text == ","):
            yield word, keyword
            word = ""
        if token.text != ",":
            keyword = "" if word else token.upper
            word += token.value
            end = token.end
    if word:
        yield word, keyword


def show_chart(talk: Conversation, call: Call) -> None:
    """Run `\\chart`."""
    wish = read_wish(call.argument)
    session = talk.session()
    rows = session.last()
    times = Times(session.properties["kshell.times"])
    found = plan(Relation(rows.schema), wish.asked)
    title = caption(rows.schema, found)
    if wish.path:
        talk.may_write(wish.path)
    taken, whole = _taken(rows, found)
    made: Picture | Drawn
    if wish.path:
        made = picture = svg(taken, found.narrowed(), times, title)
        _write(wish.path, picture.text)
    else:
        made = _show(taken, found.narrowed(), times, title)
    notes = list(made.notes)
    if made.rest > 0:
        what = "row" if found.kind is Kind.BARS else "key"
        notes.insert(0, f"the first {made.shown:,} of {many(made.shown + made.rest, what)}")
    if not whole:
        notes.append(f"of the first {many(taken.num_rows, 'row')}: there are more")
    for text in (*notes, *(notice.text for notice in rows.notices())):
        remark(text)
    if wish.path:
        note(f"Written to {wish.path}.")


def _taken(rows: Rows, found: Plan) -> tuple[pa.RecordBatch, bool]:
    """The columns that the chart needs, and whether they have all rows."""
    columns = list(found.columns)
    schema = pa.schema([rows.schema.field(i) for i in columns])
    parts: list[pa.RecordBatch] = []
    count = size = 0
    batches = pulled(rows.batches, rows.cancel)
    whole = True
    try:
        for batch in batches:
            made = pa.RecordBatch.from_arrays([batch.column(i) for i in columns], schema=schema)
            whole = size < _MOST_BYTES and count + made.num_rows <= _MOST_ROWS
            if size < _MOST_BYTES:
                parts.append(made.slice(0, _MOST_ROWS - count))
            if not whole:
                break
            count, size = count + made.num_rows, size + made.nbytes
    finally:
        batches.close()  # type: ignore[attr-defined]
    return pa.concat_batches(parts) if parts else schema.empty_table().combine_chunks(), whole


def _show(rows: pa.RecordBatch, found: Plan, times: Times, title: str) -> Drawn:
    """Draw it on the screen."""
    size = shutil.get_terminal_size()
    width = max(size.columns, _NARROWEST)
    most = max(size.lines - _AROUND, 1)
    high = min(most, _HIGHEST * len(found.values)) if found.kind is Kind.LINE else most
    drawn = draw(rows, found, times, width, high)
    colour, plain = colours(sys.stdout), not draws(sys.stdout)
    for line in (((f" {cut(title, width - 2)}", "bold"),), *drawn.lines):
        print("".join(text for text, _ in line).rstrip() if plain else painted(line, colour))
    return drawn


def _write(path: str, text: str) -> None:
    try:
        whole = WholeFile(path)
        whole.file.write(text)
        whole.done()
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
