// The homeserver over EventStoreDB's protocol, with a log that is killed and comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { until } from "./support/until.js";
import { User } from "./support/user.js";

const inFlight = 24;

/** Sends the same transaction until it is answered, as a client does; a server without its log says 503. */
async function sendSurely(t, user, roomId, transactionId, answers) {
    const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transactionId}`;
    for (;;) {
        t.signal.throwIfAborted();
        const answer = await user.request("PUT", path, { msgtype: "m.text", body: transactionId }).catch((error) => {
            // The server itself was killed.
            assert.equal(error.name, "TypeError", error.message);
            return null;
        });
        if (answer?.status === 200) {
            answers.set(transactionId, JSON.parse(answer.text).event_id);
            return;
        }
        if (answer !== null)
            assert.equal(answer.status, 503, answer.text);
    }
}

/** The answer of a request that is made until it succeeds. */
async function askSurely(t, user, path) {
    for (;;) {
        t.signal.throwIfAborted();
        const answer = await user.request("GET", path).catch(() => null);
        if (answer?.status === 200)
            return JSON.parse(answer.text);
    }
}

/** Follows a room from a sync on, as a client does, over every fault; notes each event that it was told of, in order. */
async function follow(t, user, roomId, since, seen, isDone) {
    const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 50 } } }));
    const messages = `rooms/${encodeURIComponent(roomId)}/messages`;
    while (!isDone()) {
        const path = `sync?timeout=1000&set_presence=offline&filter=${filter}&since=${since}`;
        const sync = await askSurely(t, user, path);
        const timeline = sync.rooms?.join?.[roomId]?.timeline;
        const events = timeline?.events ?? [];
        // What was too much for one answer is fetched backwards, down to the last sync.
        let gap = timeline?.limited ? timeline.prev_batch : undefined;
        while (gap !== undefined) {
            const page = await askSurely(t, user, `${messages}?dir=b&limit=50&from=${gap}&to=${since}`);
            events.unshift(...page.chunk.toReversed());
            gap = page.chunk.length > 0 ? page.end : undefined;
        }
        for (const event of events) {
            if (event.type === "m.room.message")
                seen.push(event.event_id);
        }
        since = sync.next_batch;
    }
}

/** Runs lanes of sends while faults happen, and compares what was acknowledged, what is there, and what a sync said. */
async function loseNothing(t, server, faults, perLane) {
    const alice = await User.register(server, "alice");
    const roomId = await alice.createRoom();
    const answers = new Map();
    const seen = [];
    let isFollowed = false;
    // Before the first send: what comes before a client's first sync is history to it.
    const { next_batch: since } = await alice.ask("GET", "sync?set_presence=offline");
    const following = follow(t, alice, roomId, since, seen, () => isFollowed || t.signal.aborted);
    const lanes = Array.from({ length: inFlight }, async (_, lane) => {
        for (let count = 0; count < perLane; count++)
            await sendSurely(t, alice, roomId, `l${lane}-${count}`, answers);
    });
    const total = inFlight * perLane;
    for (const [number, fault] of faults.entries()) {
        const goal = Math.floor((total * (number + 1)) / (faults.length + 1));
        await until("sends are acknowledged", () => answers.size >= goal, 120_000);
        await fault();
    }
    await Promise.all(lanes);

    const messages = (await alice.history(roomId)).filter((event) => event.type === "m.room.message");
    const ids = messages.map((event) => event.event_id);
    assert.deepEqual(ids.toSorted(), [...answers.values()].toSorted(), "what was acknowledged is there once");
    assert.deepEqual(
        messages.map((event) => event.content.body).toSorted(),
        [...answers.keys()].toSorted(),
        "each transaction has made one event");
    await until("the follower has heard of everything", () => seen.length >= total).catch((error) => {
        const missing = ids.flatMap((id, index) => (seen.includes(id) ? [] : [index]));
        throw new Error(`${error.message} Missing of ${ids.length}: ${missing}`);
    });
    isFollowed = true;
    await following;
    assert.deepEqual(seen, ids, "the follower was told of each event once, in order");
    for (const [transactionId, eventId] of [...answers].slice(0, 20))
        assert.equal(await alice.send(roomId, transactionId, transactionId), eventId, "a repeated send gives the first event");
    t.diagnostic(`${total} sends, ${faults.length} faults`);
    return alice;
}

test("a log that is killed under load and started again loses and doubles nothing", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t, { isLogApart: true });
    const killLog = async () => {
        await server.log.kill();
        await server.log.startAgain();
    };
    await loseNothing(t, server, [killLog, killLog, killLog], 25);
    const health = await fetch(`${server.url}/health`);
    const { ok, log } = await health.json();
    assert.equal(ok, true);
    assert.equal(log.connected, true);
    assert.equal(log.node, server.log.address);
});

test("a homeserver and its log that are killed under load lose and double nothing", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t, { isLogApart: true });
    const killServer = async () => {
        await server.kill();
        await server.startAgain();
    };
    const killBoth = async () => {
        await Promise.all([server.kill(), server.log.kill()]);
        // The server waits for its log, and says so.
        const starting = server.startAgain();
        await until("the server waits for its log", () => /waiting for esdb:/.test(server.output));
        await server.log.startAgain();
        await starting;
    };
    await loseNothing(t, server, [killServer, killBoth, killServer], 25);
});

test("a server without its log says so, and ends when it is told to", { timeout: 180_000 }, async (t) => {
    const server = await Homeserver.start(t, { isLogApart: true });
    assert.match(server.output, /the log is EventStoreDB at 127\.0\.0\.1:\d+, version [\d.]+, role Leader/);
    const alice = await User.register(server, "alice");
    const roomId = await alice.createRoom();
    await server.log.kill();
    const health = await until("health is red", async () => {
        const answer = await fetch(`${server.url}/health`);
        return answer.status === 503 && answer.json();
    });
    assert.equal(health.log.connected, false);
    assert.equal(typeof health.log.problem, "string");
    await server.log.startAgain();
    await until("health is green", async () => (await fetch(`${server.url}/health`)).status === 200);
    await alice.send(roomId, "t1", "hello");

    await server.log.kill();
    await until("health is red", async () => (await fetch(`${server.url}/health`)).status === 503);
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
    const starting = server.startAgain();
    await until("the server waits for its log", () => /waiting for esdb:/.test(server.output));
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
    await assert.rejects(starting);
});
