"""Handlers of the commands that change how answers are shown, or how a statement is run."""

from __future__ import annotations

import re
import sys

from kshell.errors import KshellError, UnknownName, UsageError
from kshell.terminal.conversation import Conversation
from kshell.terminal.formats import FORMATS
from kshell.terminal.jobs import Job, LiveJob, RowsJob
from kshell.terminal.messages import draws, note
from kshell.terminal.sanitize import clean
from kshell.terminal.typed import Call

__all__: list[str] = []

_VARIABLE = re.compile(r"\w+")


def leave(talk: Conversation, call: Call) -> None:
    """Run `\\q`."""
    talk.leaving = True


def set_format(talk: Conversation, call: Call) -> None:
    """Run `\\f`."""
    if not call.argument:
        raise UsageError(
            f"answers are shown as {talk.output}", hint=f"\\f and one of {', '.join(FORMATS)}"
        )
    _check_format(call.argument)
    talk.chosen = call.argument
    note(f"Answers are shown as {call.argument}.")


def _check_format(name: str) -> None:
    """Raise UnknownName for a name that no format has; the empty name means none."""
    if name and name not in FORMATS:
        error = UnknownName("format", name, FORMATS)
        error.hint = error.hint or f"one of {', '.join(FORMATS)}"
        raise error


def turn(talk: Conversation, call: Call) -> None:
    """Run `\\x`."""
    turned = "table" if talk.output == "vertical" else "vertical"
    switch = {"": turned, "on": "vertical", "off": "table", "auto": "auto"}
    if call.argument.lower() not in switch:
        raise UsageError(f"\\x is on, off or auto, not {call.argument}")
    talk.chosen = switch[call.argument.lower()]
    note(f"Answers are shown as {talk.chosen}.")


def show_last(talk: Conversation, call: Call) -> None:
    """Run `\\last`."""
    _check_format(call.argument)
    talk.draw(talk.session().last(), call.argument)


def set_timing(talk: Conversation, call: Call) -> None:
    """Run `\\timing`."""
    switch = {"": not talk.timing, "on": True, "off": False}
    if call.argument.lower() not in switch:
        raise UsageError(f"\\timing is on or off, not {call.argument}")
    talk.timing = switch[call.argument.lower()]
    note(f"Timing is {'on' if talk.timing else 'off'}.")


def run_turned(talk: Conversation, call: Call) -> None:
    """Run `\\G`."""
    talk.execute_turned(talk.statement(call.statement))


def define_row(talk: Conversation, call: Call) -> None:
    """Run `\\gset`."""
    from kshell.results import Rows
    from kshell.terminal.pull import pulled
    from kshell.value_texts import raw_texts

    statement = talk.statement(call.statement)
    session = talk.session()
    with talk.answers(statement) as made:
        answers = [answer for answer in made if isinstance(answer, Rows)]
    if len(answers) != 1:
        raise UsageError("\\gset needs one statement whose answer is rows")
    (rows,) = answers
    kept = []
    count = 0
    for batch in pulled(rows.batches, rows.cancel):
        count += batch.num_rows
        if count > 1:
            raise UsageError("\\gset needs one row: the answer has 2 rows or more")
        kept += [batch] if batch.num_rows else []
    if not kept:
        raise UsageError("\\gset needs one row: the answer has none")
    names = [call.argument + name for name in rows.schema.names]
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise UsageError(
                f"{clean(name)} is no name of a variable", hint="give the column a name with AS"
            )
    values = [raw_texts(column)[0] for column in kept[0].columns]
    for name, value in zip(names, values, strict=True):
        if value is not None:
            session.variables[name] = value
        else:  # as in psql, NULL takes the variable away
            session.variables.pop(name, None)
    note(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} defined.")


def set_variable(talk: Conversation, call: Call) -> None:
    """Run `\\set`."""
    name, _, value = call.argument.partition(" ")
    if not name:
        talk.execute("SHOW VARIABLES;")
        return
    text = value.strip().replace("'", "''")
    talk.execute(f"DEFINE {name} = '{text}';")


def conninfo(talk: Conversation, call: Call) -> None:
    """Run `\\conninfo`."""
    session = talk.session()
    shown = {name: value for name, value, *_ in session.properties.shown() if value}
    lines = [
        ("cluster", session.cluster),
        ("profile", session.profile),
        ("protocol", shown.get("security.protocol", "")),
        ("user", shown.get("sasl.username", "")),
        ("client.id", shown.get("client.id", "")),
        ("registry", shown.get("schema.registry.url", "")),
        ("connect", shown.get("connect.url", "")),
    ]
    talk.say("\n".join(f"{name:<10}{clean(value)}" for name, value in lines if value))


def show_jobs(talk: Conversation, call: Call) -> None:
    """Run `\\jobs`."""
    lines = [f"[{n}]  {clean(state)}  {clean(text)}" for n, state, text in talk.jobs.listed()]
    lines += [f"{clean(q.id)}  {clean(q.state)}" for q in talk.session().running()]
    talk.say("\n".join(lines) or "No query runs in the background: & at its end sends one there.")


def foreground(talk: Conversation, call: Call) -> None:
    """Run `\\fg`."""
    job = talk.jobs.take(call.argument)
    try:
        _show_job(talk, job)
    except KshellError as error:
        error.text = error.text or job.text
        raise


def _show_job(talk: Conversation, job: Job) -> None:
    if isinstance(job, RowsJob):
        talk.show([job.answer()], talk.output, talk.say)
    elif isinstance(job, LiveJob):
        live, board = job.taken()
        if talk.output in ("table", "auto") and sys.stdin.isatty() and draws(sys.stdout):
            from kshell.terminal.live import watch

            watch(live, board=board, prompt=True)
        else:
            talk.show([live], talk.output, talk.say)


def kill(talk: Conversation, call: Call) -> None:
    """Run `\\kill`."""
    if not call.argument:
        raise UsageError("\\kill takes a query's number or id", hint="\\jobs lists them")
    if call.argument.isdecimal():
        talk.jobs.take(call.argument).stop()
        note(f"[{call.argument}] is stopped.")
    else:
        talk.execute(f"TERMINATE {call.argument};")


def take_profile(talk: Conversation, call: Call) -> None:
    """Run `\\profile`."""
    from kshell.config.sources import config_file, profiles

    session = talk.session()
    if not call.argument:
        talk.say("\n".join(map(clean, sorted(profiles()))) or f"{config_file()} has no profile.")
        return
    if session.gather is None:
        raise UsageError("this session has no profiles")
    properties = session.gather(call.argument)
    for text in session.change({*properties, *session.properties}, properties):
        note(text)
    session.profile = call.argument
    note(f"Profile {call.argument} holds.")
