"""aiokafka's connection, but it receives each frame directly into a buffer of the frame's size.

aiokafka's StreamReader copies every byte three times, which takes longer than decoding the records.
aiokafka still does login, TLS, versions and correlation.  `wire`
opens these.
"""

from __future__ import annotations

import asyncio
import math
import struct
import time
from typing import Any

from aiokafka import errors as codes
from aiokafka.conn import AIOKafkaConnection, CloseReason, OAuthAuthenticator
from aiokafka.protocol.admin import SaslAuthenticateRequest

from kshell.errors import CorruptRecord
from kshell.kafka.raw import FetchMessage
from kshell.kafka.raw_messages import Produce
from kshell.kafka.tokens import FRESH

__all__ = ["SILENCE", "FrameConnection", "open_connection"]

SILENCE = 5.0  # seconds without a byte, while an answer is awaited, after which a broker is dead
_MAX_FRAME = 256 << 20  # a larger answer cannot be Kafka's
_HEAD = 4
_SMALL = 4096  # pieces of a request that are rather put together


def _known(future: asyncio.Future[Any]) -> None:
    """Its error is known, also where nobody waits for it any more: asyncio would tell it."""
    if not future.cancelled():
        future.exception()


class _Frames(asyncio.BufferedProtocol):
    """Gives the transport the unfilled part of the current frame to write into."""

    def __init__(self, connection: FrameConnection) -> None:
        self._connection = connection
        self._head = bytearray(_HEAD)
        self._target = memoryview(self._head)
        self._filled = 0
        self._in_head = True
        self._writable = asyncio.Event()
        self._writable.set()
        self.lost = False

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._target[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self._connection.heard = time.monotonic()
        if self._filled < len(self._target):
            return
        frame, self._filled = self._target, 0
        if self._in_head:
            (size,) = struct.unpack(">i", frame)
            if not 0 < size <= _MAX_FRAME:
                self._connection.break_off(
                    codes.KafkaConnectionError(f"an answer of {size} bytes: is this Kafka?")
                )
                return
            self._target, self._in_head = memoryview(bytearray(size)), False
        else:
            self._target, self._in_head = memoryview(self._head), True
            self._connection.frame_received(frame)

    def eof_received(self) -> None:
        self.lost = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._writable.set()
        self._connection.lost(exc)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # The methods that aiokafka calls on a reader and on a writer.
    def at_eof(self) -> bool:
        return self.lost

    async def drained(self) -> None:
        await self._writable.wait()


class _Writer:
    """The methods that aiokafka calls on a StreamWriter."""

    def __init__(self, transport: asyncio.Transport, frames: _Frames) -> None:
        self._transport, self._frames = transport, frames

    def write(self, data: bytes | memoryview) -> None:
        self._transport.write(data)

    async def drain(self) -> None:
        await self._frames.drained()

    def close(self) -> None:
        self._transport.close()


class _Bearer(OAuthAuthenticator):  # type: ignore[misc]
    """The login by a token; a broker that refuses it answers with why, and no error (RFC 7628)."""

    _asked = False

    async def step(self, answer: bytes | None) -> tuple[bytes, bool] | None:
        """What to send next, None at the end; raises SaslAuthenticationFailed."""
        if not answer:
            return await super().step(answer)  # type: ignore[no-any-return]
        if self._asked:
            raise codes.SaslAuthenticationFailed(answer.decode(errors="replace"))
        self._asked = True
        return b"\x01", True  # the broker answers with the error's code


class FrameConnection(AIOKafkaConnection):  # type: ignore[misc]
    """One connection to one broker; `heard` is when a byte came last.

    However long an answer takes, it is waited for while its bytes come.  `until` is how long it
    serves: brokers with connections.max.reauth.ms end one whose login is older (KIP-368).
    """

    heard = 0.0
    until = math.inf  # by time.monotonic()
    _leaves = False

    @property
    def versions(self) -> dict[int, tuple[int, int]]:
        """The versions that the broker supports, by request."""
        return self._versions  # type: ignore[no-any-return]

    def authenticator_oauth(self) -> _Bearer:
        """The login by a token; aiokafka calls it."""
        return _Bearer(sasl_oauth_token_provider=self._sasl_oauth_token_provider)

    async def connect(self) -> None:
        """Connect, look up versions and log in; raises aiokafka's errors."""
        loop = asyncio.get_running_loop()
        self._closed_fut = loop.create_future()
        tls = self._ssl_context if self._security_protocol.endswith("SSL") else None
        frames = _Frames(self)
        transport, _ = await loop.create_connection(lambda: frames, self.host, self.port, ssl=tls)
        self._reader, self._writer = frames, _Writer(transport, frames)
        self._read_task = loop.create_future()  # frames arrive by callback; there is no task
        try:
            await self._do_version_lookup()
            if self._security_protocol.startswith("SASL"):
                await self._do_sasl_handshake()
        except BaseException:
            self.close()
            raise

    async def send(self, request: Any, expect_response: bool = True) -> Any:
        """The answer to a request; raises aiokafka's errors."""
        sent = time.monotonic()
        pieces = isinstance(request, Produce)
        asked = self._send_pieces(request) if pieces else super().send(request, expect_response)
        answer = asyncio.ensure_future(asked)
        if expect_response:  # who asked may be cancelled before the first look at it
            *_, future = self._requests[-1]
            future.add_done_callback(_known)
        answer.add_done_callback(_known)
        try:
            while not (await asyncio.wait([answer], timeout=SILENCE / 5))[0]:
                silent = time.monotonic() - max(self.heard, sent)
                if silent > SILENCE:
                    self.break_off(codes.KafkaConnectionError(f"no answer for {silent:.0f} s"))
        finally:
            answer.cancel()
            if self._leaves and not self._requests:
                self.close()
        made = answer.result()
        if isinstance(request, SaslAuthenticateRequest):
            lifetime = getattr(made, "session_lifetime_ms", 0) / 1000  # 0: for ever
            self.until = sent + lifetime * FRESH if lifetime else math.inf
        return made

    @property
    def waits(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._requests)

    def leave(self) -> None:
        """Close it when what was asked is answered."""
        self._leaves = True
        if not self._requests:
            self.close()

    def _send_pieces(self, request: Produce) -> asyncio.Future[Any]:
        """Send batches without putting them together first, which would copy them three times."""
        if self._writer is None:
            raise codes.KafkaConnectionError(f"no connection to {self.host}:{self.port}")
        message = request.prepare(self._versions)
        correlation = self._next_correlation_id()
        header = message.build_request_header(correlation, self._client_id).encode()
        size = len(header) + sum(map(len, message.pieces))
        before = b""
        for piece in (struct.pack(">i", size) + header, *message.pieces):
            if len(piece) < _SMALL:
                before += bytes(piece)
                continue
            self._writer.write(before)
            self._writer.write(piece)
            before = b""
        self._writer.write(before)
        answer = asyncio.get_running_loop().create_future()
        self._requests.append((correlation, message, answer))
        return answer

    def frame_received(self, frame: memoryview) -> None:
        """Takes one complete answer."""
        if not self._requests:
            self.break_off(codes.KafkaConnectionError("an answer that nobody asked for"))
            return
        correlation, request, future = self._requests[0]
        if not isinstance(request, FetchMessage):
            try:
                self._handle_frame(bytes(frame))
            except Exception as error:
                self.break_off(error)
            return
        self._requests.popleft()
        self._last_action = time.monotonic()
        if int.from_bytes(frame[:_HEAD], "big") != correlation:
            self.break_off(codes.CorrelationIdError("the answer is to another request"))
        elif not future.done():
            try:
                future.set_result(request.read(frame[_HEAD:]))
            except CorruptRecord as error:
                future.set_exception(codes.KafkaConnectionError(error.what))

    def break_off(self, error: Exception) -> None:
        """Close after a bad frame."""
        self.close(reason=CloseReason.OUT_OF_SYNC, exc=error)

    def lost(self, error: Exception | None) -> None:
        """The other side or the network closed the connection."""
        if not self._closed_fut.done():
            self._closed_fut.set_result(None)
        self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)


async def open_connection(host: str, port: int, **settings: Any) -> FrameConnection:
    """A connected and logged-in connection."""
    connection = FrameConnection(host, port, **settings)
    await connection.connect()
    return connection
