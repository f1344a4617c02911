// What a browser does with the pages of the server: keeps cookies, and sends their forms.
import assert from "node:assert/strict";

const decode = (text) => text.replace(/&#x([0-9A-F]+);/g, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replaceAll("&quot;", "\"").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export class Browser {
    #cookies = new Map();

    /** One step: a page, or where it leads. */
    async step(url, options = {}) {
        const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const response = await fetch(url, { redirect: "manual", ...options, headers: { ...options.headers, cookie } });
        for (const line of response.headers.getSetCookie()) {
            const [name, value] = line.split(";")[0].split("=");
            this.#cookies.set(name, value);
        }
        const location = response.headers.get("location");
        return { url, status: response.status, location, text: await response.text() };
    }

    /** A page, by way of wherever this server leads. */
    async open(url) {
        let page = await this.step(url);
        while (page.location?.startsWith("/"))
            page = await this.step(new URL(page.location, page.url));
        return page;
    }

    /** Sends the first form of a page, with what is typed; goes on within this server. */
    async submit(page, typed) {
        const form = /<form method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text);
        assert.ok(form, page.text);
        const fields = new URLSearchParams();
        for (const [, name, value] of form[2].matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g))
            fields.set(name, decode(value));
        for (const [name, value] of Object.entries(typed))
            fields.set(name, value);
        const next = await this.step(new URL(decode(form[1]), page.url), { method: "POST", body: fields });
        return next.location?.startsWith("/") ? await this.open(new URL(next.location, next.url)) : next;
    }
}
