import assert from "node:assert/strict";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { login, register } from "./support/sdk.js";
import { until } from "./support/until.js";

const timeline = (client, roomId) => client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
const findEvent = (client, roomId, eventId) => timeline(client, roomId).find((event) => event.getId() === eventId);
const bodies = (client, roomId) =>
    timeline(client, roomId).filter((event) => event.getType() === "m.room.message").map((e) => e.getContent().body);

test("matrix-js-sdk: two users live through a room", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t);
    await register(server, "alice", "wonderland");
    await register(server, "bob", "builder");
    const alice = await login(t, server, "alice", "wonderland");
    const bob = await login(t, server, "bob", "builder");
    let roomId;

    await t.test("logs in as who was registered", async () => {
        assert.equal(alice.getUserId(), "@alice:clients.test");
        assert.equal((await bob.whoami()).user_id, "@bob:clients.test");
    });

    await t.test("refuses a wrong password", async () => {
        const error = await login(t, server, "alice", "looking-glass").then(() => null, (refusal) => refusal);
        assert.equal(error?.errcode, "M_FORBIDDEN");
    });

    await t.test("creates a room and invites", async () => {
        const created = await alice.createRoom({
            name: "Tea party", preset: "private_chat", invite: [bob.getUserId()],
        });
        roomId = created.room_id;
        const invited = await until("bob sees the invitation", () => bob.getRoom(roomId));
        assert.equal(invited.getMyMembership(), "invite");
        assert.equal(invited.name, "Tea party");
        assert.equal(invited.getDMInviter() ?? alice.getUserId(), alice.getUserId());
    });

    await t.test("joins", async () => {
        await bob.joinRoom(roomId);
        await until("bob is in", () => bob.getRoom(roomId)?.getMyMembership() === "join");
        await until("alice sees bob", () => alice.getRoom(roomId)?.getMember(bob.getUserId())?.membership === "join");
        assert.equal(bob.getRoom(roomId).getVersion(), "12");
    });

    await t.test("sends messages both ways", async () => {
        const expected = [];
        for (const body of ["one", "two", "three"]) {
            for (const [from, to] of [[alice, bob], [bob, alice]]) {
                // The client shows its own message before those that it has not synced yet, so each waits for its turn.
                const { event_id: eventId } = await from.sendTextMessage(roomId, `${from.getUserId()}: ${body} 🫖`);
                await until("the other has it", () => findEvent(to, roomId, eventId));
                expected.push(`${from.getUserId()}: ${body} 🫖`);
            }
        }
        for (const client of [alice, bob])
            assert.deepEqual(bodies(client, roomId), expected);
    });

    await t.test("shows who types, has read and is there", async () => {
        const member = () => bob.getRoom(roomId).getMember(alice.getUserId());
        await alice.sendTyping(roomId, true, 30_000);
        await until("bob sees alice typing", () => member().typing);
        await alice.sendTyping(roomId, false);
        await until("bob sees her stop", () => !member().typing);

        const last = timeline(alice, roomId).findLast((event) => event.getSender() === bob.getUserId());
        await alice.sendReadReceipt(last);
        await until("bob sees it read", () =>
            bob.getRoom(roomId).getEventReadUpTo(alice.getUserId()) === last.getId());
        await alice.setRoomReadMarkers(roomId, last.getId());
        await until("alice sees her marker", () =>
            alice.getRoom(roomId).getAccountData("m.fully_read")?.getContent().event_id === last.getId());

        await alice.setPresence({ presence: "unavailable", status_msg: "through the looking-glass" });
        await until("bob sees how alice is", () =>
            bob.getUser(alice.getUserId())?.presenceStatusMsg === "through the looking-glass");
    });

    await t.test("shows another's state event", async () => {
        await alice.sendStateEvent(roomId, "m.room.topic", { topic: "Why is a raven like a writing desk?" }, "");
        const topic = () => bob.getRoom(roomId).currentState.getStateEvents("m.room.topic", "")?.getContent().topic;
        await until("bob reads the topic", () => topic() === "Why is a raven like a writing desk?");
    });

    await t.test("refuses state without the power for it", async () => {
        const refusal = await bob.sendStateEvent(roomId, "m.room.name", { name: "Mine" }, "").then(() => null, (e) => e);
        assert.equal(refusal?.errcode, "M_FORBIDDEN");
    });

    await t.test("redacts for both", async () => {
        const { event_id: eventId } = await alice.sendTextMessage(roomId, "off with her head");
        await until("bob has the event", () => findEvent(bob, roomId, eventId));
        await alice.redactEvent(roomId, eventId, undefined, { reason: "rude" });
        for (const client of [alice, bob]) {
            await until("it is redacted", () => findEvent(client, roomId, eventId)?.isRedacted());
            assert.deepEqual(findEvent(client, roomId, eventId).getContent(), {});
        }
    });

    await t.test("shows a changed display name", async () => {
        await alice.setDisplayName("Alice Liddell");
        const member = () => bob.getRoom(roomId).getMember(alice.getUserId());
        await until("bob sees the name", () => member().rawDisplayName === "Alice Liddell");
        assert.equal((await bob.getProfileInfo(alice.getUserId())).displayname, "Alice Liddell");
    });

    await t.test("sends what was delayed, and not what was cancelled", async () => {
        const later = (body) => alice._unstable_sendDelayedEvent(
            roomId, { delay: 1_000 }, null, "m.room.message", { msgtype: "m.text", body });
        const { delay_id: cancelled } = await later("the queen was here");
        await alice._unstable_cancelScheduledDelayedEvent(cancelled);
        const { delay_id: sent } = await later("late, so very late");
        await alice._unstable_restartScheduledDelayedEvent(sent);
        await until("bob hears it", () => bodies(bob, roomId).includes("late, so very late"));
        await alice._unstable_sendDelayedStateEvent(
            roomId, { delay: 86_000_000 }, "org.example.call.member", { left: true }, "_device").then(({ delay_id: id }) =>
            alice._unstable_sendScheduledDelayedEvent(id));
        await until("bob sees the state", () =>
            bob.getRoom(roomId).currentState.getStateEvents("org.example.call.member", "_device")?.getContent().left);
        assert.ok(!bodies(bob, roomId).includes("the queen was here"));
    });

    await t.test("gives the whole history to a new session", async () => {
        const again = await login(t, server, "bob", "builder");
        const known = timeline(bob, roomId).map((event) => event.getId());
        let more = true;
        while (more)
            more = await again.paginateEventTimeline(again.getRoom(roomId).getLiveTimeline(), { backwards: true });
        const seen = timeline(again, roomId).map((event) => event.getId());
        assert.equal(new Set(seen).size, seen.length);
        assert.deepEqual(known.filter((id) => !seen.includes(id)), []);
    });

    await t.test("leaves", async () => {
        await bob.leave(roomId);
        await until("alice sees bob gone", () =>
            alice.getRoom(roomId).getMember(bob.getUserId()).membership === "leave");
        await until("bob is out", () => bob.getRoom(roomId)?.getMyMembership() !== "join");
        const refusal = await bob.sendTextMessage(roomId, "still here?").then(() => null, (error) => error);
        assert.equal(refusal?.errcode, "M_FORBIDDEN");
    });
});
