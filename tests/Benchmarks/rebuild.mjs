// Rebuilds all projections of a large log while clients are served: fill a folder with
//   dotnet run -c Release --project tests/Benchmarks/Scale -- log --pdus 1000000 --rooms 1000 \
//     --data FOLDER --server-name 127.0.0.1:18949 --client-listen http://127.0.0.1:18909 --federation-listen ""
// then
//   node tests/Benchmarks/rebuild.mjs FOLDER [stopped|start]
// Without a word the server runs: one client sends and syncs all the while. "stopped": the command alone. "start": the
// tables are thrown away first, and the start makes all of them at once.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ask, register } from './matrix.mjs';

const [folder, how = 'running'] = process.argv.slice(2);
const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.BINARY ?? path.join(root, 'src/Api/bin/Release/net10.0/Matrix.EventSourced.Api');
const base = 'http://127.0.0.1:18909';
const secret = 'scale';
const name = fs.readFileSync(path.join(folder, 'server_name'), 'utf8').trim();
const settings = ['--data', folder, '--server-name', name, '--client-listen', base, '--federation-listen', '',
    '--rate-limits-enabled', 'false', '--registration-shared-secret', secret];

function run(verb, onLine) {
    const child = spawn(binary, [...verb, ...settings], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
        let rest = '';
        stream.on('data', data => {
            const lines = (rest + data).split('\n');
            rest = lines.pop();
            lines.forEach(onLine);
        });
    }
    child.ended = new Promise(resolve => child.once('exit', resolve));
    return child;
}

const seconds = began => ((performance.now() - began) / 1000).toFixed(1);
const done = line => /replayed \d+ facts|rebuilt/.test(line) && console.log(line.replace(/^.*Projection /, ''));

async function ready(child) {
    while (!await fetch(`${base}/_matrix/client/versions`).then(answer => answer.ok, () => false)) {
        if (child.exitCode !== null) throw new Error(`the server stopped; is ${folder} its data folder?`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

if (how === 'stopped') {
    const began = performance.now();
    await run(['rebuild', 'all'], done).ended;
    console.log(`all after ${seconds(began)} s`);
    process.exit();
}
if (how === 'start') fs.rmSync(path.join(folder, 'postgres'), { recursive: true });
const began = performance.now();
const server = run(['run'], how === 'start' ? done : () => {});
try {
    await ready(server);
    console.log(`ready after ${seconds(began)} s`);
    if (how !== 'running') process.exitCode = 0;
    else await rebuildWhileServing();
} finally {
    server.kill('SIGTERM');
    await server.ended;
}

async function rebuildWhileServing() {
    const token = await register(base, secret, `new${process.pid}`);
    const client = `${base}/_matrix/client/v3`;
    const { room_id: room } = await ask('POST', `${client}/createRoom`, token, {});
    const filter = encodeURIComponent(JSON.stringify({ room: { timeline: { limit: 10 } } }));
    let { next_batch: since } = await ask('GET', `${client}/sync?filter=${filter}`, token);
    const start = performance.now();
    let isOver = false;
    const rebuild = run(['rebuild', 'all'], line => console.log(`  ${seconds(start)} s: ${line}`));
    rebuild.ended.then(() => { isOver = true; });
    const sends = [], syncs = [];
    for (let number = 0; !isOver; number++) {
        let began = performance.now();
        const { event_id: sent } = await ask('PUT',
            `${client}/rooms/${encodeURIComponent(room)}/send/m.room.message/${number}`, token, { msgtype: 'm.text', body: 'x' });
        sends.push(performance.now() - began);
        began = performance.now();
        // What was sent must come, from whichever tables serve.
        for (let isThere = false; !isThere;) {
            const answer = await ask('GET', `${client}/sync?since=${since}&timeout=30000&filter=${filter}`, token);
            since = answer.next_batch;
            isThere = answer.rooms?.join?.[room]?.timeline.events.some(event => event.event_id === sent) ?? false;
        }
        syncs.push(performance.now() - began);
    }
    console.log(`all after ${seconds(start)} s`);
    for (const [what, times] of [['sends', sends], ['syncs', syncs]]) {
        times.sort((a, b) => a - b);
        const at = share => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
        console.log(`${times.length} ${what} meanwhile: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`);
    }
}
