// matrix-js-sdk as a web client uses it: its own UIA, its own sync loop.
import assert from "node:assert/strict";
import { until } from "./until.js";

// The library asks for Node.js 22 because of this one function; the tests run with 20 too.
Promise.withResolvers ??= function withResolvers() {
    const resolvers = {};
    resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
    return resolvers;
};

// The library never clears the timers that bound its requests, two minutes for a long poll: they must not keep the process.
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, delayMs, ...rest) => {
    const timer = setTimeout(callback, delayMs, ...rest);
    return delayMs >= 30_000 ? timer.unref() : timer;
};

const sdk = await import("matrix-js-sdk");
const { logger } = await import("matrix-js-sdk/lib/logger.js");

// The library tells its whole life; a test needs to hear only what it asserts.
logger.disableAll();
const silent = {
    trace() {}, debug() {}, info() {}, warn() {}, error() {},
    getChild: () => silent,
};

/** Registers through user-interactive authentication: the first answer names the stage that the second passes. */
export async function register(server, username, password) {
    const visitor = sdk.createClient({ baseUrl: server.url, logger: silent });
    const refusal = await visitor.registerRequest({ username, password }).then(
        () => assert.fail("registered without authentication"), (error) => error);
    assert.equal(refusal.httpStatus, 401);
    assert.ok(refusal.data.flows.some((flow) => flow.stages.includes("m.login.dummy")));
    const auth = { type: "m.login.dummy", session: refusal.data.session };
    return visitor.registerRequest({ username, password, auth });
}

/**
 * Logs in with a password and starts the client's sync loop; stopped after the test.
 * Options: isEncrypted, whether it has the Rust crypto.
 */
export async function login(test, server, username, password, { isEncrypted = false } = {}) {
    const visitor = sdk.createClient({ baseUrl: server.url, logger: silent });
    const session = await visitor.loginRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: username },
        password,
    });
    const client = sdk.createClient({
        baseUrl: server.url,
        accessToken: session.access_token,
        userId: session.user_id,
        deviceId: session.device_id,
        logger: silent,
    });
    test.after(() => client.stopClient());
    if (isEncrypted)
        await client.initRustCrypto({ useIndexedDB: false });
    await client.startClient({ initialSyncLimit: 20 });
    await until(`${username} syncs`, () => ["PREPARED", "SYNCING"].includes(client.getSyncState()));
    return client;
}
