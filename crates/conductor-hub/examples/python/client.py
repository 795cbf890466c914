"""A client of conductor hubs, written from PROTOCOL.md alone.

It needs Python 3.10 and the package `websockets`:

    python3 client.py ws://127.0.0.1:8000/ws news          # shows what is written to a channel
    echo hello | python3 client.py ws://127.0.0.1:8000/ws news -    # writes each line to it

A program imports `Client`: `bind`, `unbind`, `write`, `call`, `send_stream`, and `events` with all that comes. It connects again
by itself and binds again, unless the range of a close code says that it must stay away.
"""

import asyncio
import random
import struct
import sys
import uuid as uuids
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

BIND, UNBIND, WRITE, SERVER = 0, 1, 2, 3
STREAM_START, STREAM_END, STREAM_WRITE = 5, 6, 7
ABORTED = b"aborted"
PIECE_BYTES = 32 * 1024
DELAY_FIRST, DELAY_LAST = 0.5, 20.0


class NoMessage(Exception):
    """Bytes that are no message."""


@dataclass(frozen=True)
class Message:
    opcode: int
    channel: str = ""
    body: bytes = b""
    uuid: str = ""

    def encode(self) -> bytes:
        uuid, channel = self.uuid.encode(), self.channel.encode()
        if len(uuid) > 0xFFFF or len(channel) > 0xFFFF or len(self.body) > 0xFFFF_FFFF:
            raise ValueError("a part of the message is too long for its length field")
        head = struct.pack("<HH", self.opcode, len(uuid)) + uuid
        return head + struct.pack("<H", len(channel)) + channel + struct.pack("<I", len(self.body)) + self.body

    @classmethod
    def decode(cls, data: bytes) -> "Message":
        at = 0

        def take(length: int, part: str) -> bytes:
            nonlocal at
            if len(data) - at < length:
                raise NoMessage(f"the message ends inside its {part}")
            at += length
            return data[at - length : at]

        def text(taken: bytes, part: str) -> str:
            try:
                return taken.decode()
            except UnicodeDecodeError:
                raise NoMessage(f"the {part} is not UTF-8") from None

        (opcode,) = struct.unpack("<H", take(2, "opcode"))
        uuid = take(*struct.unpack("<H", take(2, "uuid length")), "uuid")
        channel = take(*struct.unpack("<H", take(2, "channel name length")), "channel name")
        body = take(*struct.unpack("<I", take(4, "body length")), "body")
        return cls(opcode, text(channel, "channel name"), body, text(uuid, "uuid"))


def comes_back(code: int | None) -> str:
    """Says what to do after a close code: "no", "at once" or "with backoff"."""
    if code in (1000, 1002, 1007, 1009):
        return "no"
    if code is None or code <= 4001 or 4100 <= code <= 4199:
        return "with backoff"
    if 4200 <= code <= 4299:
        return "at once"
    return "no"


@dataclass(frozen=True)
class Connected:
    """The client is connected, and has bound again."""


@dataclass(frozen=True)
class Disconnected:
    """The connection ended; `again` is what `comes_back` says. If it is "no", this is the last event."""

    code: int | None
    text: str
    again: str


class Client:
    """A client of one hub. Use it with `async with`; read `events` all the time."""

    def __init__(self, url: str, headers: dict[str, str] | None = None, events_max: int = 1024):
        self.url, self.headers = url, headers or {}
        self.channels: set[str] = set()
        self.events: asyncio.Queue[Message | Connected | Disconnected] = asyncio.Queue(events_max)
        self._calls: dict[str, asyncio.Future[Message]] = {}
        self._socket = None
        self._ready = asyncio.Event()
        self._task = None

    async def __aenter__(self) -> "Client":
        self._task = asyncio.create_task(self._run_to_the_end())
        await self._connection()
        return self

    async def __aexit__(self, *_) -> None:
        if self._socket is not None:
            await self._socket.close(1000)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def bind(self, channel: str) -> None:
        self.channels.add(channel)
        await self._send(Message(BIND, channel, uuid=fresh()))

    async def unbind(self, channel: str) -> None:
        self.channels.discard(channel)
        await self._send(Message(UNBIND, channel, uuid=fresh()))

    async def write(self, channel: str, body: bytes) -> None:
        await self._send(Message(WRITE, channel, body, fresh()))

    async def call(self, body: bytes, channel: str = "", timeout: float = 30.0) -> Message:
        """Calls the server's program, and waits for the first answer."""
        call = Message(SERVER, channel, body, fresh())
        answer = self._calls[call.uuid] = asyncio.get_running_loop().create_future()
        try:
            await self._send(call)
            return await asyncio.wait_for(answer, timeout)
        finally:
            self._calls.pop(call.uuid, None)

    async def send_stream(self, channel: str, file) -> int:
        """Sends all that a file gives as one stream; returns how many bytes that were."""
        uuid, sent, end = fresh(), 0, ABORTED
        # A stream goes over the connection that it began on, and over no other.
        socket = await self._connection()
        await socket.send(Message(STREAM_START, channel, b"", uuid).encode())
        try:
            while piece := file.read(PIECE_BYTES):
                await socket.send(Message(STREAM_WRITE, channel, piece, uuid).encode())
                sent += len(piece)
            end = b""
        finally:
            await socket.send(Message(STREAM_END, channel, end, uuid).encode())
        return sent

    async def settle(self) -> None:
        """Waits until the hub has done all that was sent before."""
        await (await (await self._connection()).ping())

    async def _connection(self):
        if not self._ready.is_set():
            ready = asyncio.create_task(self._ready.wait())
            # The task ends first if the hub does not want us.
            await asyncio.wait([self._task, ready], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if self._task.done():
                raise ConnectionError("the hub does not want this client") from self._task.exception()
        return self._socket

    async def _send(self, message: Message) -> None:
        await (await self._connection()).send(message.encode())

    async def _run_to_the_end(self) -> None:
        """Whoever reads `events` hears of the end, whatever it is."""
        try:
            await self._run()
        except Exception as failure:
            await self.events.put(Disconnected(None, str(failure) or repr(failure), "no"))
            raise

    async def _run(self) -> None:
        failures, was_at_once = 0, False
        while True:
            again = "with backoff"
            try:
                # `websockets` pings by itself, and answers pings. In an upload a pong comes behind all that was sent.
                async with connect(
                    self.url, additional_headers=self.headers, compression=None, max_size=None,
                    ping_interval=25, ping_timeout=60,
                ) as socket:
                    failures = 0
                    again = await self._serve(socket)
            except InvalidStatus as refused:
                if refused.response.status_code in (401, 403):
                    raise
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            if again == "no":
                return
            if again == "at once" and not was_at_once:
                was_at_once = True
                continue
            was_at_once = False
            await asyncio.sleep(random.uniform(0, min(DELAY_LAST, DELAY_FIRST * 2**failures)))
            failures += 1

    async def _serve(self, socket) -> str:
        try:
            # It may be closed at any time, at once as well.
            for channel in sorted(self.channels):
                await socket.send(Message(BIND, channel, uuid=fresh()).encode())
            self._socket = socket
            self._ready.set()
            await self.events.put(Connected())
            while True:
                data = await socket.recv()
                await self._take(Message.decode(data if isinstance(data, bytes) else data.encode()))
        except ConnectionClosed as closed:
            frame = closed.rcvd
            code, text = (frame.code, frame.reason) if frame else (None, "lost")
        except NoMessage as fault:
            # What is no message is never guessed at. The hub may be a better one the next time.
            code, text = None, str(fault)
        finally:
            self._ready.clear()
            for call in self._calls.values():
                call.done() or call.set_exception(ConnectionError("the connection was lost before the answer came"))
        again = comes_back(code)
        await self.events.put(Disconnected(code, text, again))
        return again

    async def _take(self, message: Message) -> None:
        waits = self._calls.get(message.uuid) if message.opcode == SERVER else None
        if waits is not None and not waits.done():
            waits.set_result(message)
        else:
            await self.events.put(message)


def fresh() -> str:
    return str(uuids.uuid4())


async def main(url: str, channel: str, writes: bool) -> None:
    async with Client(url) as client:
        await client.bind(channel)
        if writes:
            for line in sys.stdin:
                await client.write(channel, line.rstrip("\n").encode())
            await client.settle()
            return
        while True:
            event = await client.events.get()
            print(event.body.decode(errors="replace") if isinstance(event, Message) else event, flush=True)
            if isinstance(event, Disconnected) and event.again == "no":
                return


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["-"]))
