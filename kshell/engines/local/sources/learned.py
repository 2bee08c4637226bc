"""What was found out of undeclared topics beside their samples, and what a statement does about it.

A context has one `Known` for all of its statements; each statement's lookup has a `Widening`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from kshell.catalog.model import FormatSpec, Source
from kshell.errors import Misfit
from kshell.kafka.metadata import Topic

if TYPE_CHECKING:  # a statement that reads no record does not wait for it
    from kshell.formats.base import Half, Learned

__all__ = ["Halves", "Known", "Misfits", "Widening"]


Halves: TypeAlias = "Mapping[tuple[Half, FormatSpec], Learned]"
"""What is known of keys and values, while they are read in a format."""


class Known:
    """What is known of topics beside their samples; a topic that is made anew is another one."""

    def __init__(self) -> None:
        self._halves: dict[tuple[str, bytes], dict[tuple[Half, FormatSpec], Learned]] = {}

    def add(self, topic: Topic, learned: Halves) -> None:
        """What a statement met."""
        from kshell.formats.base import Learned

        halves = self._halves.setdefault((topic.name, topic.id), {})
        for half, one in learned.items():
            halves.setdefault(half, Learned()).merge(one)

    def of(self, topic: Topic) -> Halves:
        """What is known of a topic, in the order in which it was learned."""
        return self._halves.get((topic.name, topic.id), {})

    def clear(self) -> None:
        """Forget: another cluster."""
        self._halves.clear()


class Misfits:
    """The values that scans of a topic met and that do not fit."""

    def __init__(self, topic: Topic, source: Source) -> None:
        from kshell.formats.base import Half

        self._topic = topic
        self._formats = {Half.KEY: source.key_format, Half.VALUE: source.value_format}
        self._halves: dict[tuple[Half, FormatSpec], Learned] = {}
        self.why = ""

    def add(self, learned: Mapping[Half, Learned]) -> None:
        """Those of one chunk."""
        from kshell.formats.base import Half, Learned

        for half, one in learned.items():
            if one.why:
                prefix = "key: " if half is Half.KEY else ""
                self.why = self.why or f"{prefix}{one.why}"
                known = self._halves.setdefault((half, self._formats[half]), Learned())
                known.merge(replace(one, others=Counter()))

    def misfit(self, known: Known) -> Misfit:
        """The error; from now on it is known what they are."""
        known.add(self._topic, self._halves)
        return Misfit(f"topic {self._topic.name}: {self.why}")


@dataclass
class Widening:
    """One statement: values that do not fit are learned; after `rows_out` it cannot start again.

    `whole`: it shows whole rows, so fields that no sample had are counted in `others`, by topic.
    """

    known: Known
    rows_out: bool = False
    whole: bool = False
    others: dict[str, Counter[str]] = field(default_factory=dict)
    _misfits: dict[str, Misfits] = field(default_factory=dict)

    def misfits_of(self, topic: Topic, source: Source) -> Misfits:
        """Where all of a plan's scans of a topic put what does not fit."""
        return self._misfits.setdefault(topic.name, Misfits(topic, source))

    @property
    def met(self) -> bool:
        """Whether a plan met a value that does not fit."""
        return any(misfits.why for misfits in self._misfits.values())

    def misfit(self) -> Misfit:
        """The error of the first such value; all are known from now on."""
        first, *_ = (m.misfit(self.known) for m in self._misfits.values() if m.why)
        return first

    def again(self) -> None:
        """The statement starts again."""
        self.others.clear()
        self._misfits.clear()
