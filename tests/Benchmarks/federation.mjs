// How fast one server takes the PDUs of another: run ./dev demo, and beside it
//   node tests/Benchmarks/federation.mjs [PDUS] [ROOMS] [PID]
// A user of "north" sends, with 16 requests under way; a user of "south" waits until the last PDU of each room is there.
// With the process id of "south" that server stands still while "north" is sent to: what is measured then is sending on
// and taking in alone, without the client's requests.
import { ask, register } from './matrix.mjs';

const north = 'http://127.0.0.1:18108';
const south = 'http://127.0.0.1:18109';
const via = '127.0.0.1:18448';
const secret = 'demo';
const pdus = Number(process.argv[2] ?? 3000);
const rooms = Number(process.argv[3] ?? 1);
const held = process.argv[4] ? Number(process.argv[4]) : null;

const send = (token, room, transaction, body) => ask('PUT',
    `${north}/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${transaction}`, token,
    { msgtype: 'm.text', body });

const run = `${process.pid}`;
const sender = await register(north, secret, `bench${run}`);
const receiver = await register(south, secret, `bench${run}`);
const ids = [];
for (let number = 0; number < rooms; number++) {
    const { room_id: room } = await ask('POST', `${north}/_matrix/client/v3/createRoom`, sender, { preset: 'public_chat' });
    const began = performance.now();
    await ask('POST', `${south}/_matrix/client/v3/join/${encodeURIComponent(room)}?via=${via}`, receiver, {});
    if (number === 0) console.log(`first join: ${Math.round(performance.now() - began)} ms`);
    ids.push(room);
}

if (held) process.kill(held, 'SIGSTOP');
let began = performance.now();
let next = 0;
await Promise.all(Array.from({ length: 16 }, async () => {
    while (next < pdus) {
        const number = next++;
        await send(sender, ids[number % rooms], `${run}-${number}`, 'x'.repeat(80) + number);
    }
}));
const sent = performance.now() - began;
const lasts = [];
for (const room of ids) lasts.push([room, (await send(sender, room, `${run}-last`, 'last')).event_id]);
if (held) {
    began = performance.now();
    process.kill(held, 'SIGCONT');
}
for (const [room, last] of lasts) {
    const url = `${south}/_matrix/client/v3/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(last)}`;
    while ((await fetch(url, { headers: { authorization: `Bearer ${receiver}` } })).status !== 200)
        await new Promise(resolve => setTimeout(resolve, 50));
}
const there = performance.now() - began;
console.log(`${pdus} PDUs in ${rooms} rooms: sent at ${Math.round((pdus / sent) * 1000)}/s, `
    + `there at ${Math.round((pdus / there) * 1000)}/s`);
