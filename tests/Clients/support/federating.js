// Several real servers that federate over TLS on loopback, with certificates of an authority made for the test.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Homeserver } from "./homeserver.js";

const run = promisify(execFile);

/** Ports that nobody listens on; all are held until all are known. */
async function freePorts(count) {
    const holders = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
        const holder = createServer();
        holder.once("error", reject);
        holder.listen(0, "127.0.0.1", () => resolve(holder));
    })));
    const ports = holders.map((holder) => holder.address().port);
    await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
    return ports;
}

async function makeCertificates(folder) {
    const openssl = (...options) => run("openssl", options, { cwd: folder });
    await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority of a test",
        "-keyout", "ca.key", "-out", "ca.pem");
    await openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "server.key",
        "-out", "server.csr");
    await writeFile(join(folder, "extensions"), "subjectAltName=IP:127.0.0.1\n");
    await openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "extensions", "-out", "server.pem");
}

/**
 * Starts servers that are named after their federation addresses, which stay the same when they are started again.
 * @param {import("node:test").TestContext} test
 */
export async function startFederation(test, count) {
    const folder = await mkdtemp(join(tmpdir(), "matrix-authority-"));
    test.after(() => rm(folder, { recursive: true, force: true }));
    await makeCertificates(folder);
    const servers = [];
    for (const port of await freePorts(count)) {
        servers.push(await Homeserver.start(test, {
            serverName: `127.0.0.1:${port}`,
            federation: [
                "--federation-listen", `https://127.0.0.1:${port}`,
                "--federation-tls-certificate", join(folder, "server.pem"),
                "--federation-tls-key", join(folder, "server.key"),
                "--federation-ca-file", join(folder, "ca.pem"),
                "--federation-allow-private-addresses", "true",
            ],
        }));
    }
    return servers;
}
