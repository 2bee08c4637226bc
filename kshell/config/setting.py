"""One value that some place sets, and which place: a line of a file, a variable, an option."""

from __future__ import annotations

from dataclasses import dataclass, field

from kshell.config.values import Properties
from kshell.errors import UsageError

__all__ = ["Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A property's name as it was written there, its value, and the place as people name it.

    The value is None where something stands there that cannot be a value, such as a date.  `hint`
    is for a name that the table does not have.
    """

    name: str
    value: str | None = field(repr=False)  # it may be a secret
    origin: str
    hint: str = ""

    def onto(self, properties: Properties) -> Properties:
        """The properties with this one set; an error says where it was set."""
        try:
            if self.value is None:
                raise UsageError(f"{self.name} is a text, a number, true or false")
            return properties.set(self.name, self.value)
        except UsageError as error:
            raise UsageError(f"{self.origin}: {error.what}", hint=self.hint or error.hint) from None
