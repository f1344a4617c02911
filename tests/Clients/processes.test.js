import assert from "node:assert/strict";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { until } from "./support/until.js";
import { User } from "./support/user.js";

test("SIGTERM ends the server with exit code 0, and its cluster before it", { timeout: 180_000 }, async (t) => {
    const server = await Homeserver.start(t);
    assert.notDeepEqual(await server.clusterProcesses(), []);
    const alice = await User.register(server, "alice");
    const { next_batch: since } = await alice.ask("GET", "sync");
    // Someone who waits for news must not hold the end up.
    const waiting = alice.request("GET", `sync?timeout=120000&since=${since}`).catch((error) => error);
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
    assert.deepEqual(await server.clusterProcesses(), []);
    await waiting;

    await server.startAgain();
    assert.equal((await alice.ask("GET", "account/whoami")).user_id, alice.userId);
});

test("the cluster of a killed server ends by itself", { timeout: 180_000 }, async (t) => {
    const server = await Homeserver.start(t);
    assert.notDeepEqual(await server.clusterProcesses(), []);
    assert.deepEqual(await server.kill(), { code: null, signal: "SIGKILL" });
    await until("the cluster has ended", async () => (await server.clusterProcesses()).length === 0);
});

test("a killed server starts again at once, while its old cluster may still be ending", { timeout: 180_000 }, async (t) => {
    const server = await Homeserver.start(t);
    const alice = await User.register(server, "alice");
    const roomId = await alice.createRoom();
    for (let round = 0; round < 3; round++) {
        const eventId = await alice.send(roomId, `round-${round}`, "hello");
        await server.kill();
        await server.startAgain();
        assert.ok((await alice.history(roomId)).some((event) => event.event_id === eventId));
    }
});

test("two servers run side by side and know nothing of each other", { timeout: 180_000 }, async (t) => {
    const one = await Homeserver.start(t, { serverName: "one.test" });
    const two = await Homeserver.start(t, { serverName: "two.test" });
    const alice = await User.register(one, "alice");
    const other = await User.register(two, "alice");
    assert.equal(alice.userId, "@alice:one.test");
    assert.equal(other.userId, "@alice:two.test");
    const roomId = await alice.createRoom();
    await alice.send(roomId, "t1", "hello");
    assert.deepEqual((await other.ask("GET", "joined_rooms")).joined_rooms, []);
    other.token = alice.token;
    assert.equal((await other.request("GET", "account/whoami")).status, 401);

    assert.deepEqual(await two.stop(), { code: 0, signal: null }, two.output);
    await alice.send(roomId, "t2", "still here");
});

test("a second server in the same folder is refused", { timeout: 180_000 }, async (t) => {
    const first = await Homeserver.start(t);
    const second = new Homeserver(first.folder, first.options);
    await assert.rejects(second.startAgain(), /cannot be used/);
    assert.equal((await second.kill()).code, 1);
    await User.register(first, "alice");
});
