// The real program's log, served alone over EventStoreDB's protocol, in a temporary folder and on a free port.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EventStoreDBClient } from "@eventstore/db-client";
import { until } from "./until.js";

const built = fileURLToPath(new URL("../../../artifacts/homeserver/Matrix.EventSourced.Api", import.meta.url));
const binary = process.env.MATRIX_BINARY ?? built;

export class LogServer {
    #output = "";
    #process = null;
    #exit = null;

    constructor(test, folder, options) {
        this.test = test;
        this.folder = folder;
        this.options = options;
    }

    /** host:port; a new port at each start. */
    address = "";

    /**
     * Starts a log in a folder of its own, and removes all of it after the test.
     * @param {import("node:test").TestContext} test
     * @param {string[]} options of `log serve`
     */
    static async start(test, options = ["--listen", "127.0.0.1:0"]) {
        const folder = await mkdtemp(join(tmpdir(), "matrix-log-"));
        const server = new LogServer(test, folder, options);
        test.after(async () => {
            await server.kill();
            await rm(folder, { recursive: true, force: true });
        });
        await server.startAgain();
        return server;
    }

    /** Starts it over what it left behind. */
    async startAgain() {
        assert.equal(this.#process, null, "the log runs already");
        this.#output = "";
        const child = spawn(binary, ["log", "serve", "--data", join(this.folder, "data"), ...this.options], {
            stdio: ["ignore", "pipe", "pipe"],
            cwd: this.folder,
        });
        this.#process = child;
        this.#exit = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
        child.stdout.on("data", (text) => (this.#output += text));
        child.stderr.on("data", (text) => (this.#output += text));
        this.address = await until("the log is served", () => {
            assert.equal(child.exitCode, null, `the log ended: ${this.#output}`);
            return /connect with +esdb:\/\/(127\.0\.0\.1:\d+)/.exec(this.#output)?.[1];
        });
    }

    /** A client that ends with the test. */
    client(query = "tls=false", credentials = "") {
        const client = EventStoreDBClient.connectionString(`esdb://${credentials}${this.address}?${query}`);
        this.test.after(() => client.dispose());
        return client;
    }

    /** Asks it to stop in order; gives the exit code and the signal that ended it, if one did. */
    async stop() {
        return this.#end("SIGTERM");
    }

    async kill() {
        return this.#end("SIGKILL");
    }

    get output() {
        return this.#output;
    }

    async #end(signal) {
        const child = this.#process;
        if (child === null)
            return null;
        child.kill(signal);
        const exit = await this.#exit;
        this.#process = null;
        return exit;
    }
}
