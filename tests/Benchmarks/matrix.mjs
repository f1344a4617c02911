// What the benchmarks that are scripts share: requests of a client, accounts by the shared secret, times.
import crypto from 'node:crypto';

/** The answer of a request that must succeed. */
export async function ask(method, url, token, body) {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
}

/** Makes an account; gives its access token. */
export async function register(base, secret, username) {
    const { nonce } = await ask('GET', `${base}/_synapse/admin/v1/register`);
    const mac = crypto.createHmac('sha1', secret).update([nonce, username, 'pw', 'notadmin'].join('\0')).digest('hex');
    const made = await ask('POST', `${base}/_synapse/admin/v1/register`, null,
        { nonce, username, password: 'pw', admin: false, mac });
    return made.access_token;
}

/** Says how long something took; gives what it gave. */
export async function timed(what, act) {
    const began = performance.now();
    const result = await act();
    console.log(`${what}: ${(performance.now() - began).toFixed(1)} ms`);
    return result;
}
