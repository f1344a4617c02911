// A bridge made of matrix-bot-sdk: its users come and go, echo what they hear, and are made when somebody asks for them.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { until } from "./support/until.js";
import { User } from "./support/user.js";

const { Appservice, LogLevel, LogService } = createRequire(import.meta.url)("./support/bot-sdk.cjs");
LogService.setLevel(LogLevel.ERROR);

const registration = (port) => ({
    id: "echo",
    url: `http://127.0.0.1:${port}`,
    as_token: "as-echo",
    hs_token: "hs-echo",
    sender_localpart: "_echo_bot",
    namespaces: {
        users: [{ exclusive: true, regex: "@_echo_.*" }],
        rooms: [],
        aliases: [{ exclusive: true, regex: "#_echo_.*" }],
    },
});

async function freePort() {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

/** What the bridge's side of the test looks at. */
class Bridge {
    heard = [];

    constructor(server, port) {
        this.appservice = new Appservice({
            port,
            bindAddress: "127.0.0.1",
            homeserverName: "clients.test",
            homeserverUrl: server.url,
            registration: registration(port),
        });
        this.appservice.on("room.message", (roomId, event) => this.onMessage(roomId, event));
        this.appservice.on("query.user", (userId, create) => create({ display_name: `echo of ${userId}` }));
        this.appservice.on("query.room", (alias, create) => create({ preset: "public_chat", name: alias }));
    }

    async onMessage(roomId, event) {
        this.heard.push(event.content.body);
        if (event.sender.startsWith("@_echo_"))
            return;
        await this.appservice.getIntentForSuffix("parrot").sendText(roomId, `echo: ${event.content.body}`);
    }

    start() {
        return this.appservice.begin();
    }

    stop() {
        // Without this it would go on answering on the connections that there are.
        this.appservice.appServer?.closeAllConnections();
        this.appservice.stop();
    }
}

test("matrix-bot-sdk: a bridge lives through a room", { timeout: 300_000 }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "matrix-bridge-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const port = await freePort();
    const file = join(folder, "echo.yaml");
    // JSON is YAML.
    await writeFile(file, JSON.stringify(registration(port)));
    const server = await Homeserver.start(t, { arguments: ["--appservices-files", file] });
    const alice = await User.register(server, "alice");
    const bodies = async (roomId) => (await alice.history(roomId))
        .filter((event) => event.type === "m.room.message").map((event) => event.content.body);
    let bridge = new Bridge(server, port);
    await bridge.start();
    t.after(() => bridge.stop());
    let roomId;

    await t.test("its user joins a room and answers", async () => {
        roomId = await alice.createRoom();
        const parrot = bridge.appservice.getIntentForSuffix("parrot");
        await parrot.ensureRegisteredAndJoined(roomId);
        assert.equal(await parrot.underlyingClient.getUserId(), "@_echo_parrot:clients.test");
        await alice.send(roomId, "t1", "hello");
        await until("the echo has come", async () => (await bodies(roomId)).includes("echo: hello"));
        await until("the bridge hears itself", () => bridge.heard.includes("echo: hello"));
    });

    await t.test("users and rooms are made when somebody asks for them", async () => {
        const profile = await alice.ask("GET", "profile/@_echo_new:clients.test");
        assert.equal(profile.displayname, "echo of @_echo_new:clients.test");
        assert.equal((await alice.request("GET", "profile/@nobody:clients.test")).status, 404);
        const made = await alice.ask("POST", `join/${encodeURIComponent("#_echo_new:clients.test")}`, {});
        assert.match(made.room_id, /^!/);
    });

    await t.test("nobody else has its names", async () => {
        const taken = await fetch(`${server.url}/_matrix/client/v3/register`, {
            method: "POST",
            body: JSON.stringify({ username: "_echo_human", password: "p", auth: { type: "m.login.dummy" } }),
        });
        assert.equal((await taken.json()).errcode, "M_EXCLUSIVE");
    });

    await t.test("what was said while it was away comes when it is back, once and in order", async () => {
        bridge.stop();
        for (let n = 0; n < 5; n++)
            await alice.send(roomId, `away${n}`, `away ${n}`);
        await server.kill();
        await server.startAgain();
        bridge = new Bridge(server, port);
        await bridge.start();
        // The first thing that it asks shows that it is there.
        await bridge.appservice.botIntent.underlyingClient.getWhoAmI();
        await until("all of it was heard", () => bridge.heard.includes("echo: away 4"), 60_000);
        assert.deepEqual(
            bridge.heard.filter((body) => body.startsWith("away")), [0, 1, 2, 3, 4].map((n) => `away ${n}`));
        assert.ok(!bridge.heard.includes("hello"), "nothing comes twice");
    });
});
