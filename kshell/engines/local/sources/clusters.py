"""Topics of other clusters: prod.orders is topic orders of the cluster of profile prod.

`lookup` asks for a name that no topic of this session's cluster has.  The profile alone says how
its cluster is reached: options of the command line and SET are about this session's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kshell.config import Properties, Scope, scope_of
from kshell.config.sources import of_profile, profiles
from kshell.errors import KshellError, UnknownName, UsageError, nearest
from kshell.kafka.client import Client
from kshell.kafka.metadata import Topic
from kshell.results import Notice, NoticeKind
from kshell.sql.clauses import Name

__all__ = ["Clusters", "Remote"]

_REGISTRY = "schema.registry."


@dataclass(frozen=True, slots=True)
class Remote:
    """A topic of another profile's cluster, and what it is read and written with."""

    profile: str
    topic: str
    client: Client
    properties: Properties
    found: Topic | None

    @property
    def name(self) -> str:
        """Its name in this session: prod.orders."""
        return f"{self.profile}.{self.topic}"

    @property
    def notice(self) -> Notice:
        """Says which cluster a statement reaches."""
        at = self.properties["bootstrap.servers"]
        text = f"{self.name} is topic {self.topic} of profile {self.profile} ({at})"
        return Notice(NoticeKind.ELSEWHERE, text)


def _of_profile(properties: Properties, session: Properties, profile: str) -> Properties:
    """The profile's, and what the session sets of how statements run, but for the registry.

    What is set of topic.prod.orders holds for topic orders there.
    """
    own = {name for name in properties if properties.is_set(name)}
    lead = f"topic.{profile}."
    for name in session:
        if name.startswith(lead):
            properties = properties.set(f"topic.{name.removeprefix(lead)}", session[name])
        elif name.startswith(("topic.", _REGISTRY)) or not session.is_set(name):
            continue
        elif scope_of(name) is Scope.SESSION and name not in own:
            properties = properties.set(name, session[name])
    return properties


class Clusters:
    """The connections to other profiles' clusters, each made when it is first named."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Client, Properties]] = {}

    def find(self, name: Name, session: Properties) -> Remote | None:
        """The topic that a name means, `found` or not; None if no profile is named.

        Raises the errors of connecting, with the profile's name.
        """
        profile, dot, topic = name.text.partition(".")
        if not dot or not topic or profile not in profiles():
            return None
        client, properties = self._connected(profile, name)
        found = client.find(topic)
        return Remote(
            profile, topic, client, _of_profile(properties, session, profile), found
        )

    def _connected(self, profile: str, name: Name) -> tuple[Client, Properties]:
        if profile not in self._open:
            properties = of_profile(profile)
            if "bootstrap.servers" not in properties:
                raise UsageError(
                    f"profile {profile} names no cluster",
                    hint=f"bootstrap.servers under [profile.{profile}]", place=name.place,
                )  # fmt: skip
            try:
                client = Client.connect(properties)
            except KshellError as error:
                error.what = f"profile {profile}: {error.what}"
                error.args = (error.what,)
                raise
            self._open[profile] = client, properties
        return self._open[profile]

    def known(self, remote: Remote) -> Mapping[str, Topic]:
        """All topics of its cluster, by their names in this session."""
        return {f"{remote.profile}.{t.name}": t for t in remote.client.topics()}

    def missing(self, remote: Remote, name: Name) -> UnknownName:
        """The error for a topic that its cluster does not have."""
        return UnknownName("topic", name.text, self.known(remote), place=name.place)

    def alike(self, name: Name) -> list[str]:
        """The name with the profiles in place of its first part that are most like it."""
        first, dot, topic = name.text.partition(".")
        return [f"{near}.{topic}" for near in nearest(first, profiles())] if dot else []

    def close(self) -> None:
        """Disconnect from all of them."""
        for client, _ in self._open.values():
            client.close()
        self._open.clear()
