"""What people do, by the example's client: called by a test with the example, the vectors and the hub's address."""

import asyncio
import hashlib
import importlib.util
import io
import json
import pathlib
import random
import sys


def loaded(path):
    spec = importlib.util.spec_from_file_location("client", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["client"] = module
    spec.loader.exec_module(module)
    return module


conductor = loaded(sys.argv[1])
vectors = json.loads(pathlib.Path(sys.argv[2]).read_text())
url = sys.argv[3]


def golden_vectors():
    for row in vectors["messages"]:
        message = conductor.Message(row["opcode"], row["channel"], bytes.fromhex(row["body"]), row["uuid"])
        encoded = bytes.fromhex(row["hex"])
        assert message.encode() == encoded, row["name"]
        assert conductor.Message.decode(encoded) == message, row["name"]
    for row in vectors["errors"]:
        try:
            conductor.Message.decode(bytes.fromhex(row["hex"]))
        except conductor.NoMessage as error:
            assert str(error) == row["error"], row["name"]
        else:
            raise AssertionError(row["name"])


async def next_message(client):
    while True:
        event = await asyncio.wait_for(client.events.get(), 60)
        if isinstance(event, conductor.Message):
            return event


async def binds_and_writes(alice, bob):
    for client in (alice, bob, bob):
        await client.bind("news")
        await client.settle()
    await alice.write("news", "hi, ü".encode())
    message = await next_message(bob)
    assert (message.opcode, message.channel, message.body.decode()) == (conductor.WRITE, "news", "hi, ü")
    await bob.unbind("news")
    await bob.settle()
    await alice.write("news", b"nobody hears this")
    await alice.settle()
    # Had the second bind counted, or the unbind not, there would be one more message before this answer.
    assert (await bob.call(b"ping")).body == b"ping"
    assert bob.events.qsize() == 0 and (await next_event(alice)) == conductor.Connected()
    assert alice.events.qsize() == 0


async def next_event(client):
    return await asyncio.wait_for(client.events.get(), 60)


async def streams(alice, bob, size):
    await bob.bind("files")
    await bob.settle()
    await alice.bind("files")
    sent = random.Random(size).randbytes(size)
    sending = asyncio.create_task(alice.send_stream("files", io.BytesIO(sent)))
    start, received = await next_message(bob), hashlib.sha256()
    assert start.opcode == conductor.STREAM_START
    while (piece := await next_message(bob)).opcode == conductor.STREAM_WRITE:
        assert piece.uuid == start.uuid
        received.update(piece.body)
    assert (piece.opcode, piece.uuid, piece.body) == (conductor.STREAM_END, start.uuid, b"")
    assert received.digest() == hashlib.sha256(sent).digest()
    assert await sending == size


async def comes_back(client):
    await client.bind("again")
    try:
        await client.call(b"restart")
    except ConnectionError:
        pass
    while not isinstance(event := await next_event(client), conductor.Disconnected):
        pass
    assert (event.code, event.again) == (1012, "with backoff"), event
    assert await next_event(client) == conductor.Connected()
    # It is bound again: the program writes to all who are.
    await client.settle()
    assert (await client.call(b"tell again")).body == b"1"
    assert (await next_message(client)).body == b"told"


async def stays_away(client):
    try:
        await client.call(b"kick")
    except ConnectionError:
        pass
    while not isinstance(event := await next_event(client), conductor.Disconnected):
        pass
    assert (event.code, event.again) == (4004, "no"), event


async def is_refused_when_it_comes_back():
    async with conductor.Client(url + "?carol") as carol:
        try:
            await carol.call(b"ban")
        except ConnectionError:
            pass
        assert await next_event(carol) == conductor.Connected()
        event = await next_event(carol)
        assert (event.code, event.again) == (1012, "with backoff"), event
        # Whoever reads the events hears that nothing more comes.
        event = await next_event(carol)
        assert (event.code, event.again) == (None, "no") and "401" in event.text, event


async def flow():
    async with conductor.Client(url) as alice, conductor.Client(url) as bob:
        await binds_and_writes(alice, bob)
        for size in (0, 3_000_000):
            await streams(alice, bob, size)
        await comes_back(bob)
        await stays_away(bob)
    await is_refused_when_it_comes_back()
    print("all is well")


golden_vectors()
asyncio.run(flow())
