"""What the Flink engine's statements share: the local engine, and the connection to Flink.

`engine` makes one.  Declarations, topics and the client are in the local engine's context.
"""

from __future__ import annotations

from kshell.config import Properties
from kshell.engines.flink.connection import Connection, identity
from kshell.engines.flink.render import Script
from kshell.engines.local.engine import LocalEngine

__all__ = ["FlinkContext"]


class FlinkContext:
    """One engine's state; used by one thread at a time."""

    def __init__(self, local: LocalEngine) -> None:
        self.local = local
        self.shared = local.context
        self._connection: Connection | None = None
        self._identity: object = None
        self._gateway: str | None = None

    def connection(self, properties: Properties) -> Connection:
        """The gateway's session, opened when first needed, when its properties have changed, and
        when Flink has closed it."""
        wanted = identity(properties)
        if self._connection is None or self._identity != wanted:
            opened = Connection(properties)
            if self._connection is not None:
                self._connection.close()
            self._connection, self._identity = opened, wanted
            self._gateway = properties.get("kshell.flink.gateway")
        else:
            self._connection.ready()
        return self._connection

    def opened(self, properties: Properties) -> Connection | None:
        """The connection that is open now, if its gateway is that of the properties; asks nothing.
        """
        gateway = properties.get("kshell.flink.gateway")
        return self._connection if self._gateway == gateway else None

    def check(self, connection: Connection, script: Script, properties: Properties) -> None:
        """Raise UsageError where the script's secrets may not be sent."""
        if script.secrets:
            connection.take_secrets(script.secrets, properties)

    def close(self) -> None:
        """End what runs in the foreground and the session; background jobs go on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
