import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import {
    ANY, BACKWARDS, END, EventStoreDBClient, FORWARDS, NO_STREAM, START, STREAM_EXISTS,
    binaryEvent, eventTypeFilter, excludeSystemEvents, jsonEvent, streamNameFilter,
} from "@eventstore/db-client";
import { LogServer } from "./support/log.js";
import { until } from "./support/until.js";

const happened = (n, type = "happened") => jsonEvent({ type, data: { n }, metadata: { by: "test" } });

async function read(events) {
    const found = [];
    for await (const { event } of events)
        found.push(event);
    return found;
}

const numbers = (events) => events.map((event) => event.data.n);

/** What is thrown, or a failed assertion when nothing is. */
const refusal = (promise) => promise.then(() => assert.fail("it was not refused"), (error) => error);

/** The next events of a subscription, as many as are asked for. */
async function take(subscription, count) {
    const found = [];
    for await (const { event } of subscription) {
        found.push(event);
        if (found.length === count)
            break;
    }
    return found;
}

test("EventStoreDB's client over the embedded log", { timeout: 180_000 }, async (t) => {
    const server = await LogServer.start(t);
    const client = server.client();

    await t.test("finds a node that serves its methods", async () => {
        const capabilities = await client.capabilities;
        assert.equal(capabilities.serverVersion, "23.10.0");
        assert.equal(await client.supports({ path: "/event_store.client.streams.Streams/BatchAppend" }), true);
    });

    await t.test("finds the leader of a cluster of one", async () => {
        const cluster = EventStoreDBClient.connectionString(`esdb://${server.address},${server.address}?tls=false`);
        t.after(() => cluster.dispose());
        assert.deepEqual(await read(cluster.readAll()), []);
    });

    await t.test("appends, one by one and in batches", async () => {
        const first = await client.appendToStream("orders-1", happened(0), { expectedRevision: NO_STREAM });
        assert.equal(first.success, true);
        assert.equal(first.nextExpectedRevision, 0n);
        const more = [1, 2, 3].map((n) => happened(n));
        const second = await client.appendToStream("orders-1", more, { expectedRevision: 0n });
        assert.equal(second.nextExpectedRevision, 3n);
        assert.ok(second.position.commit > first.position.commit);
        // Credentials make the client leave the batches for the call of one append.
        const third = await client.appendToStream("orders-1", happened(4), {
            expectedRevision: STREAM_EXISTS, credentials: { username: "a", password: "b" },
        });
        assert.equal(third.nextExpectedRevision, 4n);
    });

    await t.test("answers an append at a wrong revision with the right one", async () => {
        for (const credentials of [undefined, { username: "a", password: "b" }]) {
            const error = await refusal(client.appendToStream("orders-1", happened(9), {
                expectedRevision: 1n, credentials,
            }));
            assert.equal(error.type, "wrong-expected-version");
            assert.equal(error.actualVersion, 4n);
            assert.equal(error.expectedVersion, 1n);
            assert.equal(error.streamName, "orders-1");
        }
        const error = await refusal(client.appendToStream("orders-none", happened(9), {
            expectedRevision: STREAM_EXISTS,
        }));
        assert.equal(error.actualVersion, "no_stream");
    });

    await t.test("answers the same append again as the first time", async () => {
        const events = [happened(0), happened(1)];
        const first = await client.appendToStream("again", events, { expectedRevision: NO_STREAM });
        const second = await client.appendToStream("again", events, { expectedRevision: NO_STREAM });
        assert.deepEqual(second, first);
        const error = await refusal(client.appendToStream("again", [events[1], happened(2)], { expectedRevision: ANY }));
        assert.equal(error.type, "wrong-expected-version");
        assert.equal((await read(client.readStream("again"))).length, 2);
    });

    await t.test("reads a stream both ways", async () => {
        assert.deepEqual(numbers(await read(client.readStream("orders-1"))), [0, 1, 2, 3, 4]);
        assert.deepEqual(numbers(await read(client.readStream("orders-1", { fromRevision: 3n }))), [3, 4]);
        assert.deepEqual(numbers(await read(client.readStream("orders-1", {
            direction: BACKWARDS, fromRevision: END, maxCount: 2,
        }))), [4, 3]);
        assert.deepEqual(numbers(await read(client.readStream("orders-1", {
            direction: BACKWARDS, fromRevision: 1n,
        }))), [1, 0]);
        const error = await refusal(read(client.readStream("nothing")));
        assert.equal(error.type, "stream-not-found");
    });

    await t.test("gives events back as they were", async () => {
        const event = binaryEvent({ type: "blob", data: Buffer.from([0, 255, 7]) });
        const { position } = await client.appendToStream("blobs", [event, happened(1)]);
        const [blob, json] = await read(client.readStream("blobs"));
        assert.deepEqual([...blob.data], [0, 255, 7]);
        assert.equal(blob.id, event.id);
        assert.equal(blob.isJson, false);
        assert.equal(blob.type, "blob");
        assert.equal(blob.streamId, "blobs");
        assert.equal(blob.revision, 0n);
        assert.deepEqual(json.metadata, { by: "test" });
        assert.equal(json.position.commit, position.commit);
        const ageMs = Date.now() - json.created.getTime();
        assert.ok(ageMs >= -1000 && ageMs < 60_000, `${json.created}`);
    });

    await t.test("reads the whole log both ways", async () => {
        const all = await read(client.readAll());
        const positions = all.map((event) => event.position.commit);
        assert.deepEqual(positions, positions.toSorted((a, b) => (a < b ? -1 : 1)));
        const back = await read(client.readAll({ direction: BACKWARDS, fromPosition: END }));
        assert.deepEqual(back.map((event) => event.id), all.map((event) => event.id).reverse());
        const from = all[2].position;
        const after = await read(client.readAll({ direction: FORWARDS, fromPosition: from, maxCount: 2 }));
        assert.deepEqual(after.map((event) => event.id), [all[2].id, all[3].id], "forwards includes the position");
        const before = await read(client.readAll({ direction: BACKWARDS, fromPosition: from }));
        assert.deepEqual(before.map((event) => event.id), [all[1].id, all[0].id], "backwards excludes it");
    });

    await t.test("follows a stream", async () => {
        const subscription = client.subscribeToStream("orders-1", { fromRevision: 2n });
        const caughtUp = once(subscription, "caughtUp");
        const taken = take(subscription, 3);
        await caughtUp;
        await client.appendToStream("orders-2", happened(100));
        await client.appendToStream("orders-1", happened(5));
        assert.deepEqual(numbers(await taken), [3, 4, 5]);
    });

    await t.test("follows a stream that begins later", async () => {
        const subscription = client.subscribeToStream("later");
        const confirmed = once(subscription, "confirmation");
        const taken = take(subscription, 2);
        await confirmed;
        await client.appendToStream("later", [happened(0), happened(1)]);
        assert.deepEqual(numbers(await taken), [0, 1]);
    });

    await t.test("follows the whole log from a position, and from its end", async () => {
        const all = await read(client.readAll());
        const fromThird = client.subscribeToAll({ fromPosition: all[2].position });
        const fromEnd = client.subscribeToAll({ fromPosition: END });
        const caughtUp = Promise.all([once(fromThird, "caughtUp"), once(fromEnd, "caughtUp")]);
        const takenFromThird = take(fromThird, all.length - 3 + 1);
        const takenFromEnd = take(fromEnd, 1);
        await caughtUp;
        await client.appendToStream("orders-3", happened(300));
        assert.deepEqual((await takenFromThird).slice(0, -1).map((e) => e.id), all.slice(3).map((e) => e.id));
        assert.deepEqual(numbers(await takenFromEnd), [300]);
    });

    await t.test("filters by stream, by type, by prefix and by pattern", async () => {
        await client.appendToStream("invoice-1", [happened(0, "sent"), happened(1, "paid")]);
        await client.appendToStream("invoice-2", happened(2, "paid"));
        const cases = [
            [streamNameFilter({ prefixes: ["invoice-"] }), [0, 1, 2]],
            [streamNameFilter({ regex: "^invoice-2$" }), [2]],
            [eventTypeFilter({ prefixes: ["pai", "nothing"] }), [1, 2]],
            [eventTypeFilter({ regex: "^(paid|sent)$" }), [0, 1, 2]],
        ];
        for (const [filter, expected] of cases)
            assert.deepEqual(numbers(await take(client.subscribeToAll({ filter }), expected.length)), expected);
        const error = await refusal(take(client.subscribeToAll({ filter: eventTypeFilter({ regex: "(" }) }), 1));
        assert.match(error.message, /pattern/);
    });

    await t.test("tells a filtered subscription how far it came, catching up and live", async () => {
        const reached = [];
        let resolve;
        const live = new Promise((done) => (resolve = done));
        let isLive = false;
        const filter = streamNameFilter({
            prefixes: ["nothing-like-it"],
            maxSearchWindow: 2,
            checkpointInterval: 3,
            checkpointReached: (_, position) => {
                reached.push(position.commit);
                if (isLive)
                    resolve();
            },
        });
        const subscription = client.subscribeToAll({ fromPosition: START, filter });
        const caughtUp = once(subscription, "caughtUp");
        subscription.on("data", () => assert.fail("nothing passes"));
        await caughtUp;
        const all = await read(client.readAll());
        const expected = all.filter((_, n) => n % 6 === 5).map((event) => event.position.commit);
        assert.deepEqual(reached, expected);
        isLive = true;
        await client.appendToStream("ticks", Array.from({ length: 6 }, (_, n) => happened(n)));
        await live;
        assert.ok(reached.length > expected.length);
        await subscription.unsubscribe();
    });

    await t.test("keeps the metadata of a stream, and its bounds hold", async () => {
        const stream = "bounded";
        const events = Array.from({ length: 5 }, (_, n) => happened(n));
        await client.appendToStream(stream, events);
        assert.deepEqual(await client.getStreamMetadata(stream), { streamName: stream });
        const metadata = {
            maxCount: 2, maxAge: 3600, acl: { readRoles: ["$all"], writeRoles: ["bookkeeper"] }, colour: "red",
        };
        const set = await client.setStreamMetadata(stream, metadata, { expectedRevision: NO_STREAM });
        assert.equal(set.nextExpectedRevision, 0n);
        const got = await client.getStreamMetadata(stream);
        assert.deepEqual(got.metadata, metadata);
        assert.deepEqual(numbers(await read(client.readStream(stream))), [3, 4]);
        const error = await refusal(client.setStreamMetadata(stream, {}, { expectedRevision: NO_STREAM }));
        assert.equal(error.type, "wrong-expected-version");
        await client.setStreamMetadata(stream, { truncateBefore: 4 }, { expectedRevision: 0n });
        assert.deepEqual(numbers(await read(client.readStream(stream))), [4]);
        const system = (await read(client.readAll())).filter((event) => event.streamId === `$$${stream}`);
        assert.deepEqual(system.map((event) => event.type), ["$metadata"], "only the last counts");
        const subscription = client.subscribeToAll({ filter: excludeSystemEvents() });
        const seen = [];
        subscription.on("data", ({ event }) => seen.push(event));
        await once(subscription, "caughtUp");
        await subscription.unsubscribe();
        assert.deepEqual(seen.map((event) => event.id), (await read(client.readAll()))
            .filter((event) => !event.type.startsWith("$")).map((event) => event.id));
    });

    await t.test("deletes a stream, which may begin again", async () => {
        await client.appendToStream("gone", [happened(0), happened(1)]);
        const wrong = await refusal(client.deleteStream("gone", { expectedRevision: 0n }));
        assert.equal(wrong.type, "wrong-expected-version");
        assert.equal(wrong.actualVersion, 1n);
        assert.equal((await client.deleteStream("gone", { expectedRevision: 1n })).success ?? true, true);
        assert.equal((await refusal(read(client.readStream("gone")))).type, "stream-not-found");
        const again = await client.appendToStream("gone", happened(2), { expectedRevision: NO_STREAM });
        assert.equal(again.nextExpectedRevision, 2n);
        assert.deepEqual(numbers(await read(client.readStream("gone"))), [2]);
    });

    await t.test("closes a stream for good", async () => {
        await client.appendToStream("closed", happened(0));
        await client.tombstoneStream("closed", { expectedRevision: 0n });
        for (const attempt of [
            () => read(client.readStream("closed")),
            () => client.appendToStream("closed", happened(1)),
            () => client.appendToStream("closed", happened(1), { credentials: { username: "a", password: "b" } }),
            () => client.deleteStream("closed"),
            () => client.tombstoneStream("closed"),
            () => take(client.subscribeToStream("closed"), 1),
        ]) {
            const error = await refusal(attempt());
            assert.equal(error.type, "stream-deleted");
            assert.equal(error.streamName, "closed");
        }
    });

    await t.test("refuses an append that is too large as a whole", async () => {
        const half = () => binaryEvent({ type: "blob", data: Buffer.alloc(600 * 1024) });
        for (const credentials of [undefined, { username: "a", password: "b" }]) {
            const error = await refusal(client.appendToStream("large", [half(), half()], { credentials }));
            assert.equal(error.type, "maximum-append-size-exceeded");
            assert.equal(error.maxAppendSize, 1_048_576);
        }
        assert.equal((await client.appendToStream("large", half())).success, true);
    });

    await t.test("takes many appends in flight at once", async () => {
        const answers = await Promise.all(Array.from({ length: 500 }, (_, n) =>
            client.appendToStream(`many-${n % 10}`, happened(n))));
        assert.equal(new Set(answers.map((answer) => answer.position.commit)).size, 500);
        for (let n = 0; n < 10; n++)
            assert.equal((await read(client.readStream(`many-${n}`))).length, 50);
    });

    await t.test("stops in order, and has everything at the next start", async () => {
        const before = (await read(client.readAll())).map((event) => event.id);
        const subscription = client.subscribeToAll({ fromPosition: END });
        const ended = once(subscription, "error");
        await once(subscription, "confirmation");
        assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
        assert.match(server.output, /Stopped\./);
        assert.equal((await ended)[0].type, "unavailable");
        await server.startAgain();
        const again = server.client();
        assert.deepEqual((await read(again.readAll())).map((event) => event.id), before);
        assert.equal((await refusal(read(again.readStream("closed")))).type, "stream-deleted");
    });
});

test("a log killed in a burst of appends keeps each acknowledged event once", { timeout: 120_000 }, async (t) => {
    const server = await LogServer.start(t);
    const tried = new Map();
    const acknowledged = new Map();

    async function appendUntilGone(client, stream) {
        for (;;) {
            const event = happened(tried.size);
            tried.set(event.id, { stream, event });
            try {
                const { nextExpectedRevision, position } = await client.appendToStream(stream, event);
                acknowledged.set(event.id, { revision: nextExpectedRevision, commit: position.commit });
            } catch {
                return;
            }
        }
    }

    for (let round = 0; round < 3; round++) {
        const client = server.client();
        const goal = acknowledged.size + 500;
        const lanes = Array.from({ length: 32 }, (_, lane) => appendUntilGone(client, `lane-${lane % 8}`));
        await until("many appends are acknowledged", () => acknowledged.size >= goal);
        await server.kill();
        await Promise.all(lanes);
        await server.startAgain();

        const all = await read(server.client().readAll());
        const found = new Map(all.map((event) => [event.id, event]));
        assert.equal(found.size, all.length, "an event is there twice");
        for (const [id, { revision, commit }] of acknowledged) {
            assert.equal(found.get(id)?.revision, revision, "an acknowledged event is where it was");
            assert.equal(found.get(id).position.commit, commit);
        }
    }

    const client = server.client();
    for (const [id, { stream, event }] of tried) {
        const { nextExpectedRevision } = await client.appendToStream(stream, event);
        assert.equal(nextExpectedRevision, acknowledged.get(id)?.revision ?? nextExpectedRevision, "the first answer again");
    }
    assert.equal((await read(client.readAll())).length, tried.size);
    t.diagnostic(`${tried.size} appends, ${acknowledged.size} acknowledged before a kill`);
});

test("a log with a user lets in nobody else", { timeout: 60_000 }, async (t) => {
    const server = await LogServer.start(t, [
        "--listen", "https://127.0.0.1:0", "--user", "admin", "--password", "changeit",
    ]);
    const tls = `tls=true&tlsCAFile=${join(server.folder, "data", "tls", "gateway.crt")}`;
    const admin = server.client(tls, "admin:changeit@");
    await admin.appendToStream("orders", happened(1));
    assert.equal((await read(admin.readStream("orders"))).length, 1);

    for (const credentials of ["admin:wrong@", ""]) {
        const other = server.client(tls, credentials);
        for (const attempt of [
            () => read(other.readStream("orders")),
            () => other.appendToStream("orders", happened(2)),
            () => other.deleteStream("orders"),
        ])
            assert.equal((await refusal(attempt())).code, 16, "Unauthenticated");
    }
    assert.equal((await read(admin.readStream("orders"))).length, 1);
    assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
});
