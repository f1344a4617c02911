// How long sliding sync takes beside /sync, for a user in many rooms: needs a running server without rate limits, then
//   node tests/Benchmarks/sliding.mjs SECRET [ROOMS] [URL]
// SECRET is its registration_shared_secret. Each room has two members and three messages.
import { ask, register } from './matrix.mjs';

const secret = process.argv[2];
const count = Number(process.argv[3] ?? 200);
const base = process.argv[4] ?? 'http://127.0.0.1:8008';
const client = `${base}/_matrix/client`;
const run = process.pid;
const sender = await register(base, secret, `sender${run}`);
const reader = await register(base, secret, `reader${run}`);

let sent = 0;
const send = room => ask('PUT', `${client}/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${run}-${sent++}`, sender,
    { msgtype: 'm.text', body: 'hello' });

const rooms = [];
for (let number = 0; number < count; number++) {
    const { room_id: room } = await ask('POST', `${client}/v3/createRoom`, sender,
        { preset: 'public_chat', name: `room ${number}` });
    rooms.push(room);
    await ask('POST', `${client}/v3/join/${encodeURIComponent(room)}`, reader, {});
    for (let message = 0; message < 3; message++) await send(room);
}

const window = last => ({
    lists: {
        all: {
            ranges: [[0, last]],
            timeline_limit: 1,
            required_state: [['m.room.create', ''], ['m.room.name', ''], ['m.room.member', '$LAZY'], ['m.room.member', '$ME']],
            filters: { not_room_types: ['m.space'] },
        },
    },
    extensions: { typing: { enabled: true }, receipts: { enabled: true }, account_data: { enabled: true } },
});
const slide = (pos, last) => ask('POST', `${client}/unstable/org.matrix.simplified_msc3575/sync?timeout=0`
    + (pos ? `&pos=${encodeURIComponent(pos)}` : ''), reader, window(last));
const sync = since => ask('GET', `${client}/v3/sync${since ? `?since=${since}` : ''}`, reader);

const times = new Map();
async function timed(what, work) {
    const began = performance.now();
    const answer = await work();
    times.set(what, [...times.get(what) ?? [], performance.now() - began]);
    return answer;
}

for (let round = 0; round < 15; round++) {
    let answer = await timed('sliding: the first 20 rooms', () => slide(null, 19));
    answer = await timed('sliding: all the others', () => slide(answer.pos, count - 1));
    for (let one = 0; one < 5; one++) answer = await timed('sliding: nothing new', () => slide(answer.pos, count - 1));
    let since = (await timed('/sync: all rooms', () => sync())).next_batch;
    for (let one = 0; one < 10; one++) {
        await send(rooms[(round * 10 + one) % count]);
        answer = await timed('sliding: one message', () => slide(answer.pos, count - 1));
        since = (await timed('/sync: one message', () => sync(since))).next_batch;
    }
}
for (const [what, found] of times) {
    found.sort((one, other) => one - other);
    console.log(`${what}: median ${found[found.length >> 1].toFixed(1)} ms, slowest ${found.at(-1).toFixed(1)} ms`);
}
