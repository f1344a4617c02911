import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { User } from "./support/user.js";

/**
 * What a user is told, without the members that tell how long ago that was, and when a device was used last: that is
 * overwritten in the database alone, and begins anew without it (ADR 0083).
 */
async function bytes(user, path) {
    const { status, text } = await user.request("GET", path);
    assert.equal(status, 200, text);
    return text.replaceAll(/"(age|last_seen_ts)":\d+/g, '"$1":0');
}

test("a server without its database gives the same answers again", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t);
    const alice = await User.register(server, "alice");
    const bob = await User.register(server, "bob");
    await alice.ask("PUT", `profile/${alice.userId}/displayname`, { displayname: "Alice" });
    const roomId = await alice.createRoom({ preset: "public_chat", name: "Tea party", invite: [bob.userId] });
    const room = `rooms/${encodeURIComponent(roomId)}`;
    await alice.send(roomId, "before", "before bob came");
    await bob.ask("POST", `join/${encodeURIComponent(roomId)}`, {});
    const { next_batch: since } = await bob.ask("GET", "sync?set_presence=offline");
    for (let count = 0; count < 30; count++)
        await (count % 2 ? alice : bob).send(roomId, `t${count}`, `message ${count}`);
    const rude = await bob.send(roomId, "rude", "rude");
    await alice.ask("PUT", `${room}/redact/${encodeURIComponent(rude)}/r1`, { reason: "rude" });
    await alice.ask("PUT", `${room}/state/m.room.topic/`, { topic: "tea" });
    await bob.ask("PUT", `user/${bob.userId}/account_data/org.example.note`, { note: [1, 2, { deep: null }] });
    await bob.ask("PUT", `profile/${bob.userId}/displayname`, { displayname: "Bob" });
    const left = await alice.createRoom({ preset: "public_chat", name: "Left" });
    await bob.ask("POST", `join/${encodeURIComponent(left)}`, {});
    await bob.ask("POST", `rooms/${encodeURIComponent(left)}/leave`, {});
    const invitation = await alice.createRoom({ preset: "private_chat", invite: [bob.userId] });

    // Who is online changes with the clock, not only with the log: these syncs leave it alone.
    const paths = [
        "sync?set_presence=offline",
        `sync?set_presence=offline&since=${since}`,
        "sync?set_presence=offline&full_state=true",
        `sync?set_presence=offline&filter=${encodeURIComponent('{"room":{"include_leave":true,"timeline":{"limit":3}}}')}`,
        `${room}/messages?dir=b&limit=100`,
        `${room}/messages?dir=f&limit=7`,
        `${room}/state`,
        `${room}/members`,
        "joined_rooms",
        "devices",
        `profile/${alice.userId}`,
    ];
    const ask = async () => {
        const answers = {};
        for (const user of [alice, bob]) {
            for (const path of paths)
                answers[`${user.userId} ${path}`] = await bytes(user, path);
        }
        return answers;
    };
    const answers = await ask();
    assert.ok(answers[`${bob.userId} ${paths[0]}`].includes(invitation));

    for (let round = 0; round < 2; round++) {
        assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
        await rm(join(server.data, "postgres"), { recursive: true });
        await server.startAgain();
        assert.deepEqual(await ask(), answers);
    }
    assert.equal(await bob.send(roomId, "rude", "rude"), rude, "transactions are remembered by the log");
});
