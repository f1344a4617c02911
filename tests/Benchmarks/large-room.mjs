// How a very large room of one server comes up and what it costs: fill a folder with
//   dotnet run -c Release --project tests/Benchmarks/Scale -- room --members 100000 --changes 20000 \
//     --data FOLDER --server-name 127.0.0.1:18948 --client-listen http://127.0.0.1:18908 --federation-listen ""
// then
//   node tests/Benchmarks/large-room.mjs FOLDER
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ask, register, timed } from './matrix.mjs';

const folder = process.argv[2];
const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.BINARY ?? path.join(root, 'src/Api/bin/Release/net10.0/Matrix.EventSourced.Api');
const base = 'http://127.0.0.1:18908';
const secret = 'scale';

const child = spawn(binary, ['run', '--data', folder, '--server-name', '127.0.0.1:18948', '--client-listen', base,
    '--federation-listen', '', '--rate-limits-enabled', 'false', '--registration-shared-secret', secret],
{ stdio: 'ignore' });
try {
    const began = performance.now();
    while (!await fetch(`${base}/_matrix/client/versions`).then(answer => answer.ok, () => false)) {
        if (child.exitCode !== null) throw new Error(`the server stopped; is ${folder} its data folder?`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    console.log(`ready after ${Math.round(performance.now() - began)} ms`);
    const run = String(process.pid);
    const tokens = [];
    for (let number = 0; number < 12; number++) tokens.push(await register(base, secret, `new${run}-${number}`));
    const alias = encodeURIComponent('#large:127.0.0.1:18948');
    const { room_id: room } = await timed('cold room, first join', () =>
        ask('POST', `${base}/_matrix/client/v3/join/${alias}`, tokens[0], {}));
    const times = [];
    for (const token of tokens.slice(1)) {
        const start = performance.now();
        await ask('POST', `${base}/_matrix/client/v3/join/${alias}`, token, {});
        times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(`one more join: median ${times[5].toFixed(1)} ms, slowest ${times[10].toFixed(1)} ms`);
    const at = `${base}/_matrix/client/v3/rooms/${encodeURIComponent(room)}`;
    await timed('a message', () => ask('PUT', `${at}/send/m.room.message/1`, tokens[0], { msgtype: 'm.text', body: 'x' }));
    const start = performance.now();
    const answer = await fetch(`${at}/members`, { headers: { authorization: `Bearer ${tokens[0]}` } });
    let first = 0, bytes = 0;
    const chunks = [];
    for await (const chunk of answer.body) {
        first ||= performance.now() - start;
        bytes += chunk.length;
        chunks.push(chunk);
    }
    const users = new Set(JSON.parse(Buffer.concat(chunks)).chunk.map(event => event.state_key));
    console.log(`/members: ${users.size} members, ${(bytes / 1e6).toFixed(1)} MB, first byte after ${first.toFixed(0)} ms, `
        + `all after ${(performance.now() - start).toFixed(0)} ms`);
    const filter = encodeURIComponent(JSON.stringify({ room: { state: { lazy_load_members: true } } }));
    await timed('first /sync, members on demand', () => ask('GET', `${base}/_matrix/client/v3/sync?filter=${filter}`, tokens[0]));
    const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
    for (const field of ['VmRSS', 'VmHWM'])
        console.log(`${field}: ${Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)[1]) / 1024)} MiB`);
} finally {
    child.kill('SIGTERM');
    await new Promise(resolve => child.once('exit', resolve));
}
