// How fast one server takes the PDUs of another: run ./dev demo, and beside it
//   node tests/Benchmarks/federation.mjs [PDUS] [ROOMS]
// A user of "north" sends, with 16 requests under way; a user of "south" waits until the last PDU of each room is there.
import crypto from 'node:crypto';

const north = 'http://127.0.0.1:18108';
const south = 'http://127.0.0.1:18109';
const via = '127.0.0.1:18448';
const secret = 'demo';
const pdus = Number(process.argv[2] ?? 3000);
const rooms = Number(process.argv[3] ?? 1);

async function ask(method, url, token, body) {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
}

async function register(base, username) {
    const { nonce } = await ask('GET', `${base}/_synapse/admin/v1/register`);
    const mac = crypto.createHmac('sha1', secret).update([nonce, username, 'pw', 'notadmin'].join('\0')).digest('hex');
    const made = await ask('POST', `${base}/_synapse/admin/v1/register`, null,
        { nonce, username, password: 'pw', admin: false, mac });
    return made.access_token;
}

const send = (token, room, transaction, body) => ask('PUT',
    `${north}/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${transaction}`, token,
    { msgtype: 'm.text', body });

const run = `${process.pid}`;
const sender = await register(north, `bench${run}`);
const receiver = await register(south, `bench${run}`);
const ids = [];
for (let number = 0; number < rooms; number++) {
    const { room_id: room } = await ask('POST', `${north}/_matrix/client/v3/createRoom`, sender, { preset: 'public_chat' });
    const began = performance.now();
    await ask('POST', `${south}/_matrix/client/v3/join/${encodeURIComponent(room)}?via=${via}`, receiver, {});
    if (number === 0) console.log(`first join: ${Math.round(performance.now() - began)} ms`);
    ids.push(room);
}

const began = performance.now();
let next = 0;
await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < pdus) {
        const number = next++;
        await send(sender, ids[number % rooms], `${run}-${number}`, 'x'.repeat(80) + number);
    }
}));
const sent = performance.now() - began;
for (const room of ids) {
    const { event_id: last } = await send(sender, room, `${run}-last`, 'last');
    const url = `${south}/_matrix/client/v3/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(last)}`;
    while ((await fetch(url, { headers: { authorization: `Bearer ${receiver}` } })).status !== 200)
        await new Promise(resolve => setTimeout(resolve, 50));
}
const there = performance.now() - began;
console.log(`${pdus} PDUs in ${rooms} rooms: sent at ${Math.round((pdus / sent) * 1000)}/s, `
    + `there at ${Math.round((pdus / there) * 1000)}/s`);
