// matrix-nio with libolm in a process of its own: another implementation of the client API and of the encryption than
// matrix-js-sdk's. It comes from Debian, for Debian's own Python.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { until } from "./until.js";

const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("nio-peer.py", import.meta.url));

/** Why it cannot run here, or false. */
export function nioIsMissing() {
    const asked = spawnSync(python, ["-c", "import nio, olm, peewee, cachetools, atomicwrites"]);
    return asked.status !== 0 && "needs matrix-nio with encryption: apt-get install python3-matrix-nio python3-olm";
}

export class NioUser {
    #seen = [];
    #errors = "";
    #process = null;
    #ended = null;

    /** Logs in; its keys live until the test has ended, so that it can come back. */
    static async start(test, server, name, password) {
        const user = new NioUser();
        user.store = await mkdtemp(join(tmpdir(), "matrix-nio-"));
        user.arguments = [script, server.url, name, password, "NIODEVICE", user.store];
        test.after(async () => {
            user.#process?.kill("SIGKILL");
            await user.#ended;
            await rm(user.store, { recursive: true, force: true });
        });
        await user.startAgain();
        return user;
    }

    async startAgain() {
        this.#seen = [];
        this.#process = spawn(python, this.arguments, { stdio: ["pipe", "pipe", "pipe"] });
        this.#ended = new Promise((resolve) => this.#process.once("close", resolve));
        this.#process.stderr.on("data", (text) => (this.#errors += text));
        createInterface({ input: this.#process.stdout }).on("line", (line) => this.#seen.push(JSON.parse(line)));
        await this.sees("its first sync", (seen) => seen.rooms);
    }

    /** Ends it in order. */
    async stop() {
        this.#process.stdin.end();
        assert.equal(await this.#ended, 0, this.#errors);
        this.#process = null;
    }

    /** Waits until it has said something that fits, and gives that. */
    async sees(what, fits) {
        return until(`matrix-nio sees ${what}`, () => {
            assert.equal(this.#process.exitCode, null, this.#errors);
            return this.#seen.find(fits);
        });
    }

    /** Gives an order, and what was answered. */
    async obey(order, answer) {
        this.#seen = this.#seen.filter((seen) => seen[answer] === undefined);
        this.#process.stdin.write(JSON.stringify(order) + "\n");
        return (await this.sees(answer, (seen) => seen[answer] !== undefined))[answer];
    }

    /** What came that it could not decrypt. */
    get undecrypted() {
        return this.#seen.filter((seen) => seen.undecrypted);
    }
}
