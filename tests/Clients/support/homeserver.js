// The real program in a temporary folder, on a free port, with its private PostgreSQL cluster. With TEST_LOG=grpc its log
// is a process of its own, reached over EventStoreDB's protocol.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LogServer } from "./log.js";
import { until } from "./until.js";

const built = fileURLToPath(new URL("../../../artifacts/homeserver/Matrix.EventSourced.Api", import.meta.url));
const isLogApart = process.env.TEST_LOG === "grpc";
const binary = process.env.MATRIX_BINARY ?? built;

export class Homeserver {
    #output = "";
    #process = null;
    #exit = null;

    constructor(folder, options) {
        this.folder = folder;
        this.options = options;
    }

    /** Where its client API is; a new port at each start. */
    url = "";

    /** The process that keeps its log, or null where the server itself does. */
    log = null;

    get data() {
        return join(this.folder, "data");
    }

    get pid() {
        return this.#process.pid;
    }

    /**
     * Starts a server in a folder of its own, and removes all of it after the test.
     * Options: serverName; isLogApart, whether a process of its own keeps the log; arguments, further ones.
     * @param {import("node:test").TestContext} test
     */
    static async start(test, options = {}) {
        const folder = await mkdtemp(join(tmpdir(), "matrix-clients-"));
        // The private cluster of a server run by root belongs to another user, who has to get through.
        await chmod(folder, 0o711);
        const server = new Homeserver(folder, { serverName: "clients.test", ...options });
        test.after(async () => {
            await server.kill();
            await until("the cluster has ended", async () => (await server.clusterProcesses()).length === 0);
            await rm(folder, { recursive: true, force: true });
        });
        if (options.isLogApart ?? isLogApart) {
            server.log = await LogServer.start(test);
            // It comes back where the server looks for it.
            server.log.options = ["--listen", server.log.address];
        }
        await server.startAgain();
        return server;
    }

    /** Starts it over what it left behind. */
    async startAgain() {
        assert.equal(this.#process, null, "the server runs already");
        this.#output = "";
        const child = spawn(
            binary,
            [
                "run",
                "--data", this.data,
                "--server-name", this.options.serverName,
                "--client-listen", "http://127.0.0.1:0",
                ...(this.options.federation ?? ["--federation-listen", ""]),
                "--registration-mode", "open",
                "--rate-limits-enabled", "false",
                "--passwords-memory-kib", "1024",
                "--passwords-passes", "1",
                ...(this.options.arguments ?? []),
                ...(this.log ? ["--event-store", `esdb://${this.log.address}?tls=false`] : []),
            ],
            { stdio: ["ignore", "pipe", "pipe"], cwd: this.folder },
        );
        this.#process = child;
        this.#exit = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
        child.stdout.on("data", (text) => (this.#output += text));
        child.stderr.on("data", (text) => (this.#output += text));
        this.url = await until("the server serves", async () => {
            assert.equal(child.exitCode, null, `the server ended: ${this.#output}`);
            const address = /client API +(http:\/\/127\.0\.0\.1:\d+)/.exec(this.#output)?.[1];
            return address && (await fetch(`${address}/_matrix/client/versions`)).ok && address;
        }, 120_000);
    }

    /** Asks it to stop in order; gives the exit code and the signal that ended it, if one did. */
    async stop() {
        return this.#end("SIGTERM");
    }

    /** Ends it without asking: nothing of it runs any more code. */
    async kill() {
        return this.#end("SIGKILL");
    }

    /** The processes of its private cluster that still run. */
    async clusterProcesses() {
        const folder = join(this.data, "postgres");
        const found = [];
        for (const name of await readdir("/proc")) {
            if (!/^\d+$/.test(name))
                continue;
            // All of them work in its folder. A process may end while it is looked at.
            const place = await readlink(`/proc/${name}/cwd`).catch(() => "");
            if (place === folder || place.startsWith(folder + " "))
                found.push(Number(name));
        }
        return found;
    }

    /** What it has printed since its start. */
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
