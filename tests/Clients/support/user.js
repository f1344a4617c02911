// A user of the client API without any library: what is on the wire is what a test sees.
import assert from "node:assert/strict";

export class User {
    constructor(server, { user_id, access_token, device_id }) {
        this.server = server;
        this.userId = user_id;
        this.token = access_token;
        this.deviceId = device_id;
    }

    static async register(server, username, password = "secret") {
        const response = await fetch(`${server.url}/_matrix/client/v3/register`, {
            method: "POST",
            body: JSON.stringify({ username, password, auth: { type: "m.login.dummy" } }),
        });
        assert.equal(response.status, 200, await response.clone().text());
        return new User(server, await response.json());
    }

    /** Sends a request to the server wherever it is now; a path counts from /_matrix/client/v3/. */
    async request(method, path, body) {
        const response = await fetch(`${this.server.url}/_matrix/client/v3/${path}`, {
            method,
            headers: { Authorization: `Bearer ${this.token}` },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        return { status: response.status, text: await response.text() };
    }

    /** The answer of a request that must succeed. */
    async ask(method, path, body) {
        const { status, text } = await this.request(method, path, body);
        assert.equal(status, 200, `${method} ${path}: ${text}`);
        return JSON.parse(text);
    }

    async createRoom(options = { preset: "public_chat" }) {
        return (await this.ask("POST", "createRoom", options)).room_id;
    }

    async send(roomId, transactionId, body) {
        const path = `rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transactionId}`;
        return (await this.ask("PUT", path, { msgtype: "m.text", body })).event_id;
    }

    /** All events of a room that this user may see, oldest first, read in small pages. */
    async history(roomId) {
        const events = [];
        let from = "";
        for (;;) {
            const page = await this.ask("GET", `rooms/${encodeURIComponent(roomId)}/messages?dir=f&limit=50${from}`);
            events.push(...page.chunk);
            if (page.end === undefined)
                return events;
            from = `&from=${encodeURIComponent(page.end)}`;
        }
    }
}
