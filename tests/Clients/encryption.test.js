// End-to-end encryption as clients do it: matrix-js-sdk with its Rust crypto, on one server and over two that federate.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFederation } from "./support/federating.js";
import { Homeserver } from "./support/homeserver.js";
import { login, register } from "./support/sdk.js";
import { until } from "./support/until.js";

const megolm = { algorithm: "m.megolm.v1.aes-sha2" };
const encryption = { type: "m.room.encryption", state_key: "", content: megolm };

const events = (client, roomId) => client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];

const reads = (client, roomId, body) => until(`${client.getUserId()} reads ${body}`, () =>
    events(client, roomId).some((event) =>
        event.isEncrypted() && !event.isDecryptionFailure() && event.getContent().body === body));

/** Makes an encrypted room with two members, each of whom knows that the other is in it. */
async function meet(alice, bob, via) {
    const { room_id: roomId } = await alice.createRoom({
        preset: "private_chat", invite: [bob.getUserId()], initial_state: [encryption],
    });
    await until("bob is invited", () => bob.getRoom(roomId)?.getMyMembership() === "invite");
    await bob.joinRoom(roomId, via ? { viaServers: [via] } : {});
    for (const client of [alice, bob]) {
        await until("both are in", () => client.getRoom(roomId)?.getJoinedMemberCount() === 2);
        await until("it is encrypted", () => client.getCrypto().isEncryptionEnabledInRoom(roomId));
    }
    return roomId;
}

async function talk(alice, bob, roomId) {
    for (const [from, to, body] of [[alice, bob, "one"], [bob, alice, "two"], [alice, bob, "three"]]) {
        await from.sendTextMessage(roomId, body);
        await reads(to, roomId, body);
    }
    // What the server has is not what they said.
    assert.ok(events(bob, roomId).every((event) => event.getWireType() !== "m.room.message"));
}

/** Sets cross-signing up, without a password the first time. */
async function bootstrap(client, password) {
    await client.getCrypto().bootstrapCrossSigning({
        setupNewCrossSigning: true,
        authUploadDeviceSigningKeys: (upload) => upload(null).catch((error) => {
            assert.equal(error.httpStatus, 401);
            return upload({
                type: "m.login.password",
                identifier: { type: "m.id.user", user: client.getUserId() },
                password,
                session: error.data.session,
            });
        }),
    });
}

test("end-to-end encryption on one server", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t);
    await register(server, "alice", "wonderland");
    await register(server, "bob", "builder");
    const encrypted = { isEncrypted: true };
    const alice = await login(t, server, "alice", "wonderland", encrypted);
    const bob = await login(t, server, "bob", "builder", encrypted);
    let roomId;

    await t.test("messages are read by the other", async () => {
        roomId = await meet(alice, bob);
        await talk(alice, bob, roomId);
    });

    await t.test("cross-signing is set up, and again", async () => {
        await bootstrap(alice, "wonderland");
        await bootstrap(bob, "builder");
        for (const [client, other] of [[alice, bob], [bob, alice]]) {
            const own = await client.getCrypto().getUserVerificationStatus(client.getUserId());
            assert.ok(own.isCrossSigningVerified());
            await until("the other's device is signed", async () => {
                const status = await client.getCrypto()
                    .getDeviceVerificationStatus(other.getUserId(), other.getDeviceId());
                return status?.signedByOwner;
            });
        }
        // Other keys in the place of those that there are: the password is asked for.
        const before = await alice.getCrypto().getCrossSigningKeyId();
        await bootstrap(alice, "wonderland");
        assert.notEqual(await alice.getCrypto().getCrossSigningKeyId(), before);
        await talk(alice, bob, roomId);
    });

    await t.test("a device that logs in later is sent keys, and reads", async () => {
        const tablet = await login(t, server, "bob", "builder", encrypted);
        await until("alice knows the tablet", async () => {
            const devices = await alice.getCrypto().getUserDeviceInfo([bob.getUserId()]);
            return devices.get(bob.getUserId())?.has(tablet.getDeviceId());
        });
        await alice.sendTextMessage(roomId, "to both");
        await reads(bob, roomId, "to both");
        await reads(tablet, roomId, "to both");
        await tablet.sendTextMessage(roomId, "from the tablet");
        await reads(alice, roomId, "from the tablet");

        // And one that is gone is not sent any more.
        await tablet.logout(true);
        await until("alice knows that it is gone", async () => {
            const devices = await alice.getCrypto().getUserDeviceInfo([bob.getUserId()]);
            return !devices.get(bob.getUserId())?.has(tablet.getDeviceId());
        });
        await talk(alice, bob, roomId);
    });

    await t.test("goes on when the server was killed", async () => {
        await server.kill();
        await server.startAgain();
        // Clients keep the address that they were given.
        for (const client of [alice, bob])
            client.http.opts.baseUrl = server.url;
        await talk(alice, bob, roomId);
    });
});

test("end-to-end encryption over two servers", { timeout: 300_000 }, async (t) => {
    const [north, south] = await startFederation(t, 2);
    await register(north, "alice", "wonderland");
    await register(south, "bob", "builder");
    const encrypted = { isEncrypted: true };
    const alice = await login(t, north, "alice", "wonderland", encrypted);
    const bob = await login(t, south, "bob", "builder", encrypted);
    const roomId = await meet(alice, bob, north.options.serverName);

    await t.test("messages are read by the other", () => talk(alice, bob, roomId));

    await t.test("cross-signing is seen by the other", async () => {
        await bootstrap(alice, "wonderland");
        await until("bob sees alice's device signed", async () => {
            const status = await bob.getCrypto().getDeviceVerificationStatus(alice.getUserId(), alice.getDeviceId());
            return status?.signedByOwner;
        });
    });

    await t.test("a device that logs in later is sent keys, and reads", async () => {
        const tablet = await login(t, south, "bob", "builder", encrypted);
        await until("alice knows the tablet", async () => {
            const devices = await alice.getCrypto().getUserDeviceInfo([bob.getUserId()]);
            return devices.get(bob.getUserId())?.has(tablet.getDeviceId());
        });
        await alice.sendTextMessage(roomId, "to both");
        await reads(bob, roomId, "to both");
        await reads(tablet, roomId, "to both");
    });
});
