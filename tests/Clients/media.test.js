// Files and pictures with matrix-js-sdk as a web client handles them: uploads with progress, mxc addresses made into
// authenticated ones, thumbnails, a message whose picture the other user loads; and again after kill -9.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Homeserver } from "./support/homeserver.js";
import { login, register } from "./support/sdk.js";
import { until } from "./support/until.js";

// One red pixel.
const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");

const load = (client, url, headers = {}) =>
    fetch(url, { headers: { Authorization: `Bearer ${client.getAccessToken()}`, ...headers } });

test("matrix-js-sdk: files and pictures", { timeout: 300_000 }, async (t) => {
    const server = await Homeserver.start(t);
    await register(server, "alice", "wonderland");
    await register(server, "bob", "builder");
    const alice = await login(t, server, "alice", "wonderland");
    const bob = await login(t, server, "bob", "builder");
    const content = randomBytes(3 * 1024 * 1024);
    let file;

    await t.test("knows how large an upload may be", async () => {
        assert.equal((await alice.getMediaConfig(true))["m.upload.size"], 100 * 1024 * 1024);
    });

    await t.test("uploads and downloads", async () => {
        const { content_uri: uri } = await alice.uploadContent(content, {
            name: "über uns.bin", type: "application/x-thing", includeFilename: true,
        });
        assert.match(uri, /^mxc:\/\/clients\.test\/[A-Za-z0-9_-]+$/);
        file = bob.mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true);
        assert.match(file, /\/_matrix\/client\/v1\/media\/download\/clients\.test\//);
        const response = await load(bob, file);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get("content-type"), "application/x-thing");
        assert.equal(response.headers.get("content-disposition"), "attachment; filename*=utf-8''%C3%BCber%20uns.bin");
        assert.deepEqual(Buffer.from(await response.arrayBuffer()), content);
        assert.equal((await fetch(file)).status, 401);
    });

    await t.test("plays from the middle, as a browser does", async () => {
        const response = await load(bob, file, { Range: "bytes=1000000-1000999" });
        assert.equal(response.status, 206);
        assert.equal(response.headers.get("content-range"), `bytes 1000000-1000999/${content.length}`);
        assert.deepEqual(Buffer.from(await response.arrayBuffer()), content.subarray(1_000_000, 1_001_000));
    });

    await t.test("shows a picture of a message in the other's client", async () => {
        const { content_uri: uri } = await alice.uploadContent(png, { name: "dot.png", type: "image/png" });
        const { room_id: roomId } = await alice.createRoom({ preset: "private_chat", invite: [bob.getUserId()] });
        await until("bob is invited", () => bob.getRoom(roomId));
        await bob.joinRoom(roomId);
        await alice.sendMessage(roomId, { msgtype: "m.image", body: "dot.png", url: uri, info: { mimetype: "image/png" } });
        const event = await until("bob has the picture", () =>
            bob.getRoom(roomId)?.getLiveTimeline().getEvents().find((one) => one.getContent().msgtype === "m.image"));
        const thumbnail = bob.mxcUrlToHttp(event.getContent().url, 96, 96, "crop", false, true, true);
        assert.match(thumbnail, /\/_matrix\/client\/v1\/media\/thumbnail\//);
        const response = await load(bob, thumbnail);
        assert.equal(response.headers.get("content-type"), "image/png");
        assert.deepEqual(Buffer.from(await response.arrayBuffer()), png);
    });

    await t.test("refuses nothing that was acknowledged after kill -9", async () => {
        const path = new URL(file).pathname + new URL(file).search;
        await server.kill();
        await server.startAgain();
        const response = await load(bob, server.url + path);
        assert.deepEqual(Buffer.from(await response.arrayBuffer()), content);
    });
});
