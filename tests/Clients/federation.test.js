// Three real processes that federate: rooms of every version, memberships across servers, forks, a server that is
// killed under traffic, and matrix-js-sdk on both sides.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startFederation } from "./support/federating.js";
import { login } from "./support/sdk.js";
import { until } from "./support/until.js";
import { User } from "./support/user.js";

const versions = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
const at = (roomId) => `rooms/${encodeURIComponent(roomId)}`;
let ties = 0;
const isSince = (version, first) => Number(version) >= first;

/** The ids of the events that are a room's current state on a user's server, as one text. */
async function stateOf(user, roomId) {
    const { status, text } = await user.request("GET", `${at(roomId)}/state`);
    return status === 200 ? JSON.parse(text).map((event) => event.event_id).sort().join("\n") : `${status}`;
}

/**
 * Everybody says a word first: an event that went round before a server joined reaches it only with one that builds on it.
 */
async function converge(roomId, users) {
    for (const user of users)
        await user.send(roomId, `tie${++ties}`, "tie");
    await until(`all servers hold the same state of ${roomId}`, async () => {
        const states = await Promise.all(users.map((user) => stateOf(user, roomId)));
        return states.every((state) => state === states[0] && state.includes("$"));
    });
}

const membershipOf = async (viewer, roomId, user) => {
    const path = `${at(roomId)}/state/m.room.member/${encodeURIComponent(user.userId)}`;
    const { status, text } = await viewer.request("GET", path);
    return status === 200 ? JSON.parse(text).membership : null;
};

/** The ids of all that a user can read of a room, newest first, fetched from other servers where need be. */
async function historyOf(user, roomId) {
    const ids = [];
    for (let from = ""; ;) {
        const page = await user.ask("GET", `${at(roomId)}/messages?dir=b&limit=100${from}`);
        ids.push(...page.chunk.map((event) => event.event_id));
        if (page.end === undefined)
            return ids;
        from = `&from=${encodeURIComponent(page.end)}`;
    }
}

const sees = (viewer, roomId, eventId) => until(`${viewer.userId} sees ${eventId}`, async () =>
    (await viewer.request("GET", `${at(roomId)}/event/${encodeURIComponent(eventId)}`)).status === 200);

/** The room among one kind of a user's rooms in a fresh sync. */
const withLeft = encodeURIComponent(JSON.stringify({ room: { include_leave: true } }));
const syncedRoom = async (user, kind, roomId) =>
    (await user.ask("GET", `sync?timeout=0&filter=${withLeft}`)).rooms?.[kind]?.[roomId];

const join = (user, roomId, via) =>
    user.ask("POST", `join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(via.options.serverName)}`, {});

test("three servers share rooms", { timeout: 900_000 }, async (t) => {
    const servers = await startFederation(t, 3);
    const [north, south, west] = servers;
    const alice = await User.register(north, "alice");
    const bob = await User.register(south, "bob");
    const carol = await User.register(west, "carol");
    const dora = await User.register(west, "dora");
    const users = [alice, bob, carol];
    let transactions = 0;
    const say = (user, roomId, body) => user.send(roomId, `t${++transactions}`, body);
    const invite = (from, roomId, user) => from.ask("POST", `${at(roomId)}/invite`, { user_id: user.userId });

    for (const version of versions) {
        await t.test(`room version ${version}`, async (t) => {
            let roomId;

            await t.test("is joined by its alias", async () => {
                const alias = `open${version}`;
                roomId = await alice.createRoom({
                    preset: "public_chat", room_version: version, room_alias_name: alias, name: `Version ${version}`,
                    power_level_content_override: { users_default: 50, events: { "m.room.topic": 50 } },
                });
                for (const user of [bob, carol]) {
                    await user.ask("POST", `join/${encodeURIComponent(`#${alias}:${north.options.serverName}`)}`, {});
                    await until("alice sees the member", async () => await membershipOf(alice, roomId, user) === "join");
                }
                await converge(roomId, users);
                const create = await carol.ask("GET", `${at(roomId)}/state/m.room.create/`);
                assert.equal(create.room_version, version);
            });

            await t.test("carries messages everywhere", async () => {
                for (const user of users) {
                    const eventId = await say(user, roomId, `${user.userId} was here`);
                    for (const viewer of users)
                        await sees(viewer, roomId, eventId);
                }
            });

            await t.test("forks and merges", async () => {
                // Nobody waits for anybody: each server builds on what it happens to hold.
                for (let round = 0; round < 3; round++) {
                    await Promise.all(users.flatMap((user) => [
                        user.ask("PUT", `${at(roomId)}/state/m.room.topic/`, { topic: `${user.userId} ${round}` }),
                        say(user, roomId, `fork ${round}`),
                    ]));
                }
                await converge(roomId, users);
                const last = await Promise.all(users.map((user) => say(user, roomId, "merged")));
                for (const viewer of users) {
                    for (const eventId of last)
                        await sees(viewer, roomId, eventId);
                }
                await converge(roomId, users);
            });

            await t.test("redacts over federation", async () => {
                const eventId = await say(bob, roomId, "not for long");
                await sees(carol, roomId, eventId);
                await bob.ask("PUT", `${at(roomId)}/redact/${encodeURIComponent(eventId)}/r${++transactions}`, {});
                for (const viewer of users) {
                    await sees(viewer, roomId, eventId);
                    await until("the content is gone", async () => {
                        const event = await viewer.ask("GET", `${at(roomId)}/event/${encodeURIComponent(eventId)}`);
                        return event.content.body === undefined && event.unsigned?.redacted_because !== undefined;
                    });
                }
            });

            await t.test("is left and joined again", async () => {
                await carol.ask("POST", `${at(roomId)}/leave`, {});
                await until("alice sees her leave", async () => await membershipOf(alice, roomId, carol) === "leave");
                const missed = await say(alice, roomId, "while carol was away");
                await join(carol, roomId, north);
                await until("alice sees her again", async () => await membershipOf(alice, roomId, carol) === "join");
                assert.ok((await historyOf(carol, roomId)).includes(missed));
                await converge(roomId, users);
            });

            await t.test("bans and unbans", async () => {
                await alice.ask("POST", `${at(roomId)}/ban`, { user_id: bob.userId, reason: "noise" });
                await until("bob sees it", async () =>
                    (await syncedRoom(bob, "leave", roomId)) !== undefined
                    && await membershipOf(carol, roomId, bob) === "ban");
                const refusal = await bob.request(
                    "POST", `join/${encodeURIComponent(roomId)}?via=${encodeURIComponent(north.options.serverName)}`, {});
                assert.equal(refusal.status, 403, refusal.text);
                await alice.ask("POST", `${at(roomId)}/unban`, { user_id: bob.userId });
                await join(bob, roomId, north);
                await until("carol sees bob", async () => await membershipOf(carol, roomId, bob) === "join");
                await converge(roomId, users);
            });

            await t.test("invites, and is accepted and refused", async () => {
                const secret = await alice.createRoom({
                    preset: "private_chat", room_version: version, name: "Secret",
                    invite: [bob.userId, carol.userId],
                });
                const invitation = await until("bob sees the invitation", () => syncedRoom(bob, "invite", secret));
                const name = invitation.invite_state.events.find((event) => event.type === "m.room.name");
                assert.equal(name?.content.name, "Secret");
                await bob.ask("POST", `${at(secret)}/join`, {});
                await until("alice sees bob", async () => await membershipOf(alice, secret, bob) === "join");
                await until("carol sees the invitation", () => syncedRoom(carol, "invite", secret));
                await carol.ask("POST", `${at(secret)}/leave`, {});
                await until("alice sees the refusal", async () => await membershipOf(alice, secret, carol) === "leave");
                await invite(bob, secret, dora);
                await until("dora sees the invitation", () => syncedRoom(dora, "invite", secret));
                await dora.ask("POST", `${at(secret)}/join`, {});
                await converge(secret, [alice, bob, dora]);
            });

            if (isSince(version, 7)) {
                await t.test("is knocked on", async () => {
                    const door = await alice.createRoom({
                        preset: "private_chat", room_version: version,
                        initial_state: [{ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } }],
                    });
                    const via = `?via=${encodeURIComponent(north.options.serverName)}`;
                    await bob.ask("POST", `knock/${encodeURIComponent(door)}${via}`, { reason: "please" });
                    await until("alice hears it", async () => await membershipOf(alice, door, bob) === "knock");
                    assert.ok(await syncedRoom(bob, "knock", door));
                    await invite(alice, door, bob);
                    await until("bob sees the invitation", () => syncedRoom(bob, "invite", door));
                    await bob.ask("POST", `${at(door)}/join`, {});
                    await until("alice sees bob", async () => await membershipOf(alice, door, bob) === "join");
                    await carol.ask("POST", `knock/${encodeURIComponent(door)}${via}`, {});
                    await until("alice hears carol", async () => await membershipOf(alice, door, carol) === "knock");
                    await carol.ask("POST", `${at(door)}/leave`, {});
                    await until("alice sees her go", async () => await membershipOf(alice, door, carol) === "leave");
                    await converge(door, [alice, bob]);
                });
            }

            if (isSince(version, 8)) {
                await t.test("is restricted to another room's members", async () => {
                    const club = await alice.createRoom({
                        preset: "private_chat", room_version: version,
                        initial_state: [{
                            type: "m.room.join_rules", state_key: "",
                            content: {
                                join_rule: "restricted",
                                allow: [{ type: "m.room_membership", room_id: roomId }],
                            },
                        }],
                    });
                    await join(carol, club, north);
                    const { status, text } = await dora.request(
                        "POST", `join/${encodeURIComponent(club)}?via=${encodeURIComponent(north.options.serverName)}`, {});
                    assert.equal(status, 403, text);
                    await join(bob, club, north);
                    await converge(club, users);
                });
            }
        });
    }

    await t.test("a server is killed under traffic, and all converge", async () => {
        const roomId = await alice.createRoom({
            preset: "public_chat", power_level_content_override: { events: { "m.room.topic": 0 } },
        });
        await join(bob, roomId, north);
        await join(carol, roomId, north);
        const said = [];
        const talk = async (user, from, to) => {
            for (let number = from; number < to; number++)
                said.push(await say(user, roomId, `${user.userId} ${number}`));
        };
        await Promise.all([talk(alice, 0, 20), talk(carol, 0, 20), talk(bob, 0, 5)]);
        await Promise.all([south.kill(), talk(alice, 20, 40), talk(carol, 20, 40)]);
        await alice.ask("PUT", `${at(roomId)}/state/m.room.topic/`, { topic: "without south" });
        await carol.ask("PUT", `${at(roomId)}/state/m.room.topic/`, { topic: "west's own" });
        await south.startAgain();
        await talk(bob, 5, 10);
        for (const viewer of users) {
            for (const eventId of said)
                await sees(viewer, roomId, eventId);
        }
        await converge(roomId, users);
    });

    await t.test("matrix-js-sdk talks on both sides", async (t) => {
        const left = await login(t, north, "alice", "secret");
        const right = await login(t, south, "bob", "secret");
        const { room_id: roomId } = await left.createRoom({
            preset: "trusted_private_chat", is_direct: true, invite: [right.getUserId()],
        });
        const invited = await until("bob is invited", () => right.getRoom(roomId));
        assert.equal(invited.getMyMembership(), "invite");
        await right.joinRoom(roomId);
        await until("alice sees bob", () =>
            left.getRoom(roomId)?.getMember(right.getUserId())?.membership === "join");
        const find = (client, eventId) =>
            client.getRoom(roomId).getLiveTimeline().getEvents().find((event) => event.getId() === eventId);
        for (const [from, to] of [[left, right], [right, left], [left, right]]) {
            const { event_id: eventId } = await from.sendTextMessage(roomId, `from ${from.getUserId()}`);
            await until("the other has it", () => find(to, eventId)?.getContent().body === `from ${from.getUserId()}`);
        }
        await left.sendTyping(roomId, true, 30_000);
        await until("bob sees alice typing", () => right.getRoom(roomId).getMember(left.getUserId()).typing);
        const last = left.getRoom(roomId).getLiveTimeline().getEvents().at(-1);
        await right.sendReadReceipt(right.getRoom(roomId).findEventById(last.getId()));
        await until("alice sees it read", () =>
            left.getRoom(roomId).getEventReadUpTo(right.getUserId()) === last.getId());
        await left.setPresence({ presence: "unavailable", status_msg: "up north" });
        await until("bob sees how alice is", () => right.getUser(left.getUserId())?.presenceStatusMsg === "up north");
        await right.setDisplayName("Bob the Builder");
        await until("alice sees his new name", () =>
            left.getRoom(roomId).getMember(right.getUserId()).rawDisplayName === "Bob the Builder");
    });
});
