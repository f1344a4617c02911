# A user of matrix-nio with libolm, driven by lines of JSON: what it is told comes on standard input, what it saw goes out.
# Arguments: the server's address, a user name, a password, the device id, the folder of its keys.
import asyncio
import json
import sys

from nio import (
    AsyncClient, AsyncClientConfig, InviteMemberEvent, JoinError, LoginResponse, MegolmEvent, MessageDirection, RoomMessagesResponse,
    RoomMessageText, RoomSendResponse, SyncResponse,
)


def say(**words):
    print(json.dumps(words), flush=True)


async def history(client, room_id):
    """What was said in a room, newest first, in pages of three events."""
    bodies, start = [], client.next_batch
    while start:
        page = await client.room_messages(room_id, start, limit=3, direction=MessageDirection.back)
        if not isinstance(page, RoomMessagesResponse):
            raise RuntimeError(page)
        bodies += [event.body for event in page.chunk if isinstance(event, RoomMessageText)]
        start = page.end if page.chunk else None
    return bodies


async def obey(client):
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        room_id = order["room"]
        if "send" in order:
            content = {"msgtype": "m.text", "body": order["send"]}
            # It is in no cross-signing: nobody has verified anybody here.
            sent = await client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
            if not isinstance(sent, RoomSendResponse):
                raise RuntimeError(sent)
            say(sent=sent.event_id)
        else:
            say(history=await history(client, room_id))


async def main(url, user, password, device_id, store):
    client = AsyncClient(
        url, user, device_id=device_id, store_path=store,
        config=AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True))
    login = await client.login(password)
    if not isinstance(login, LoginResponse):
        raise RuntimeError(login)

    async def invited(room, event):
        if event.membership == "invite" and event.state_key == client.user_id and not room.room_id in client.rooms:
            if isinstance(joined := await client.join(room.room_id), JoinError):
                raise RuntimeError(joined)

    client.add_event_callback(invited, InviteMemberEvent)
    client.add_event_callback(
        lambda room, event: say(room=room.room_id, sender=event.sender, body=event.body, decrypted=event.decrypted), RoomMessageText)
    client.add_event_callback(lambda room, event: say(room=room.room_id, sender=event.sender, undecrypted=event.event_id), MegolmEvent)
    client.add_response_callback(
        lambda response: say(rooms={room.room_id: [len(room.users), room.encrypted] for room in client.rooms.values()}), SyncResponse)
    orders = asyncio.create_task(obey(client))
    sync = asyncio.create_task(client.sync_forever(timeout=30_000))
    # Standard input ends when it is to go.
    await asyncio.wait([orders, sync], return_when=asyncio.FIRST_COMPLETED)
    for task in (orders, sync):
        if task.done():
            task.result()
    sync.cancel()
    await client.close()


asyncio.run(main(*sys.argv[1:]))
