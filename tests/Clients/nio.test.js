// matrix-nio with libolm in an encrypted room with matrix-js-sdk and its Rust crypto: two implementations that share no code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { NioUser, nioIsMissing } from "./support/nio.js";
import { login, register } from "./support/sdk.js";
import { until } from "./support/until.js";

const megolm = { algorithm: "m.megolm.v1.aes-sha2" };

test("matrix-nio and matrix-js-sdk in an encrypted room", { timeout: 300_000, skip: nioIsMissing() }, async (t) => {
    const server = await Homeserver.start(t);
    await register(server, "alice", "wonderland");
    await register(server, "bob", "builder");
    const alice = await login(t, server, "alice", "wonderland", { isEncrypted: true });
    const bob = await NioUser.start(t, server, "bob", "builder");
    let roomId;

    const reads = (body) => until(`alice reads ${body}`, () =>
        alice.getRoom(roomId).getLiveTimeline().getEvents().some((event) =>
            event.isEncrypted() && !event.isDecryptionFailure() && event.getContent().body === body));
    const bobReads = async (body) => {
        const read = await bob.sees(body, (seen) => seen.body === body);
        assert.deepEqual([read.sender, read.decrypted], [alice.getUserId(), true]);
    };

    await t.test("he comes when he is invited", async () => {
        ({ room_id: roomId } = await alice.createRoom({
            preset: "private_chat",
            invite: ["@bob:clients.test"],
            initial_state: [{ type: "m.room.encryption", state_key: "", content: megolm }],
        }));
        await until("both are in", () => alice.getRoom(roomId)?.getJoinedMemberCount() === 2);
        await until("it is encrypted", () => alice.getCrypto().isEncryptionEnabledInRoom(roomId));
        await bob.sees("both, and that it is encrypted", (seen) => String(seen.rooms?.[roomId]) === "2,true");
    });

    // Neither has a display name: matrix-nio once took nothing of /joined_members then, and refused to encrypt.
    await t.test("they read each other", async () => {
        await alice.sendTextMessage(roomId, "one");
        await bobReads("one");
        await bob.obey({ room: roomId, send: "two" }, "sent");
        await reads("two");
        await alice.sendTextMessage(roomId, "three");
        await bobReads("three");
        assert.deepEqual(bob.undecrypted, []);
    });

    await t.test("he reads what was said while he was away", async () => {
        await bob.stop();
        await alice.sendTextMessage(roomId, "four");
        // A new session, whose key comes to the device that is away.
        await alice.getCrypto().forceDiscardSession(roomId);
        await alice.sendTextMessage(roomId, "five");
        await bob.startAgain();
        await bobReads("four");
        await bobReads("five");
        assert.deepEqual(bob.undecrypted, []);
    });

    await t.test("he pages back through it", async () => {
        assert.deepEqual(await bob.obey({ room: roomId, history: true }, "history"), ["five", "four", "three", "two", "one"]);
    });
});
