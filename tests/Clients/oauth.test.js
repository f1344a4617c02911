// matrix-js-sdk logs in by the OAuth API, on the server's own pages, while the server is killed in between.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import * as sdk from "matrix-js-sdk";
import { TokenRefresher } from "matrix-js-sdk/lib/oauth/tokenRefresher.js";
import { Browser } from "./support/browser.js";
import { Homeserver } from "./support/homeserver.js";
import { User } from "./support/user.js";

const callback = "https://app.example.org/callback";

/** A port that nobody listens on: the server has to be where its metadata says, also after a kill. */
const freePort = () => new Promise((resolve, reject) => {
    const holder = createServer();
    holder.once("error", reject);
    holder.listen(0, "127.0.0.1", () => {
        const { port } = holder.address();
        holder.close(() => resolve(port));
    });
});

async function start(t) {
    const address = `http://127.0.0.1:${await freePort()}`;
    return await Homeserver.start(t, {
        arguments: ["--client-listen", address, "--public-base-url", address, "--oauth-enabled", "true"],
    });
}

async function killAndStart(server) {
    await server.kill();
    await server.startAgain();
}

async function discover(server) {
    const metadata = await sdk.createClient({ baseUrl: server.url }).getAuthMetadata();
    const clientId = await sdk.OAuth2.registerClient(metadata, {
        client_name: "Test app", client_uri: "https://app.example.org/", redirect_uris: [callback], application_type: "web",
    });
    return { metadata, clientId, auth: new sdk.OAuth2(metadata, { clientId }) };
}

const answer = (page) => new URLSearchParams(new URL(page.location).hash.slice(1));
const client = (server, session) => sdk.createClient({ baseUrl: server.url, accessToken: session.access_token });

test("matrix-js-sdk: a login by OAuth outlives kills of the server", { timeout: 300_000 }, async (t) => {
    const server = await start(t);
    await User.register(server, "alice");
    const { auth } = await discover(server);
    const browser = new Browser();
    const page = await browser.open(await auth.generateAuthorizationCodeGrantUrl("some-state", callback));
    assert.match(page.text, /<h1>Log in<\/h1>/);

    await t.test("a page that was open meanwhile still works", async () => {
        await killAndStart(server);
        const consent = await browser.submit(page, { user: "alice", password: "secret" });
        assert.match(consent.text, /Test app/);
        // The login of the browser is gone, and is asked for again; the request is not.
        await killAndStart(server);
        const again = await browser.submit(consent, { decision: "allow" });
        assert.match(again.text, /<h1>Log in<\/h1>/);
        page.allowed = await browser.submit(
            await browser.submit(again, { user: "alice", password: "secret" }), { decision: "allow" });
        assert.equal(answer(page.allowed).get("state"), "some-state");
    });

    let session;
    await t.test("a code that was given before a kill opens one session after it", async () => {
        await killAndStart(server);
        session = await auth.completeAuthorizationCodeGrant(answer(page.allowed).get("code"), callback);
        const who = await client(server, session).whoami();
        assert.deepEqual(
            { user: who.user_id, device: who.device_id }, { user: "@alice:clients.test", device: auth.context.deviceId });
    });

    await t.test("tokens are refreshed after a kill", async () => {
        await killAndStart(server);
        const refresher = new TokenRefresher(auth, () => {});
        const tokens = await refresher.refreshTokens(session.refresh_token);
        await assert.rejects(client(server, session).whoami(), { errcode: "M_UNKNOWN_TOKEN" });
        session = { access_token: tokens.accessToken, refresh_token: tokens.refreshToken };
        assert.equal((await client(server, session).whoami()).device_id, auth.context.deviceId);
    });

    await t.test("a code that comes again ends the session, after a kill too", async () => {
        await killAndStart(server);
        await assert.rejects(auth.completeAuthorizationCodeGrant(answer(page.allowed).get("code"), callback));
        await assert.rejects(client(server, session).whoami(), { errcode: "M_UNKNOWN_TOKEN" });
    });
});

test("matrix-js-sdk: somebody new registers, and leaves", { timeout: 300_000 }, async (t) => {
    const server = await start(t);
    const { auth } = await discover(server);
    const browser = new Browser();
    const url = await auth.generateAuthorizationCodeGrantUrl("state", callback, "fragment", "create");
    const consent = await browser.submit(await browser.open(url), { user: "bob", password: "builder", again: "builder" });
    const back = await browser.submit(consent, { decision: "allow" });
    const session = await auth.completeAuthorizationCodeGrant(answer(back).get("code"), callback);
    assert.equal((await client(server, session).whoami()).user_id, "@bob:clients.test");
    await auth.revokeToken(session.refresh_token, "refresh_token");
    await assert.rejects(client(server, session).whoami(), { errcode: "M_UNKNOWN_TOKEN" });
});

test("matrix-js-sdk: a device without a browser is let in, with a kill between", { timeout: 300_000 }, async (t) => {
    const server = await start(t);
    await User.register(server, "alice");
    const { metadata, clientId } = await discover(server);
    const asked = await sdk.startDeviceAuthorization({ clientId, metadata, scope: sdk.generateScope("TVTVTVTVTV") });
    await killAndStart(server);
    const browser = new Browser();
    const login = await browser.open(asked.verification_uri_complete);
    const consent = await browser.submit(login, { user: "alice", password: "secret" });
    assert.ok(consent.text.includes(asked.user_code));
    assert.match((await browser.submit(consent, { decision: "allow" })).text, /connected/);
    await killAndStart(server);
    const session = await sdk.waitForDeviceAuthorization({ session: asked, metadata, clientId });
    assert.equal((await client(server, session).whoami()).device_id, "TVTVTVTVTV");
});
