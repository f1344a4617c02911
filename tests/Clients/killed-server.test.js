import assert from "node:assert/strict";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { until } from "./support/until.js";
import { User } from "./support/user.js";

const inFlight = 32;

/** Sends until the server is gone; notes what was tried and what was acknowledged. */
async function sendUntilGone(user, roomId, lane, tried, acknowledged) {
    for (let count = 0; ; count++) {
        const transactionId = `${lane}-${count}`;
        tried.push(transactionId);
        try {
            acknowledged.set(transactionId, await user.send(roomId, transactionId, transactionId));
        } catch (error) {
            // A send that the server answered with an error is a fault of it; one without an answer is what we want.
            assert.equal(error.name, "TypeError", error.message);
            return;
        }
    }
}

test("a server killed in a burst of sends keeps each acknowledged event once", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t);
    const alice = await User.register(server, "alice");
    const roomId = await alice.createRoom();
    const tried = [];
    const acknowledged = new Map();

    for (let round = 0; round < 3; round++) {
        const goal = acknowledged.size + 150;
        const lanes = Array.from({ length: inFlight }, (_, lane) =>
            sendUntilGone(alice, roomId, `r${round}-l${lane}`, tried, acknowledged));
        await until("many sends are acknowledged", () => acknowledged.size >= goal);
        await server.kill();
        await Promise.all(lanes);
        await server.startAgain();

        const ids = (await alice.history(roomId)).map((event) => event.event_id);
        assert.equal(new Set(ids).size, ids.length, "an event is there twice");
        const lost = [...acknowledged.values()].filter((id) => !ids.includes(id));
        assert.deepEqual(lost, [], "acknowledged events are lost");
    }

    assert.ok(tried.length > acknowledged.size, "nothing was under way when the server was killed");
    for (const transactionId of tried) {
        const eventId = await alice.send(roomId, transactionId, transactionId);
        assert.equal(eventId, acknowledged.get(transactionId) ?? eventId, "a repeated send gives the first event");
    }
    const messages = (await alice.history(roomId)).filter((event) => event.type === "m.room.message");
    const sent = messages.map((event) => event.content.body);
    assert.deepEqual(sent.toSorted(), tried.toSorted(), "each transaction has made one event");
    t.diagnostic(`${tried.length} sends, ${acknowledged.size} acknowledged before a kill`);
});
