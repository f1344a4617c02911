// How many bytes of disk a message, a member, a receipt, a message to a device cost, in the log and in the tables:
//   node tests/Benchmarks/disk.mjs [THOUSANDS]
// with a built solution, or BINARY=…. Messages are of 60 letters, in 20 rooms of 10 members; after each kind the log and
// PostgreSQL are measured once the tables have followed and were vacuumed. Needs psql.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ask, register } from './matrix.mjs';

const thousands = Number(process.argv[2] ?? 20);
const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.BINARY ?? path.join(root, 'src/Api/bin/Release/net10.0/Matrix.EventSourced.Api');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'disk-'));
const base = 'http://127.0.0.1:18919';
// PostgreSQL never runs as root: its user must reach the folder.
fs.chmodSync(folder, 0o711);
const server = spawn(binary, ['run', '--data', folder, '--server-name', 'disk.test', '--client-listen', base,
    '--federation-listen', '', '--rate-limits-enabled', 'false', '--registration-shared-secret', 'disk'],
{ stdio: 'ignore' });
const ended = new Promise(resolve => server.once('exit', resolve));

const files = folder => fs.readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));

function psql(sql) {
    const tables = path.join(folder, 'postgres');
    const socket = path.join(tables, fs.readdirSync(tables).find(name => /\.s\.PGSQL\.\d+$/.test(name)));
    const owner = fs.statSync(socket).uid;
    return execFileSync('psql', ['-h', path.dirname(socket), '-p', /(\d+)$/.exec(socket)[1], '-U', 'homeserver', '-d',
        'homeserver', '-Atc', sql], { encoding: 'utf8', ...(process.getuid() === 0 ? { uid: owner } : {}) }).trim();
}

function sizes() {
    psql('VACUUM');
    // What is still in the write-ahead file is bounded, and gets into the other one sooner or later.
    const log = fs.statSync(path.join(folder, 'log', 'log.sqlite')).size;
    const tables = Number(psql(`SELECT sum(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`));
    return { log, tables };
}

let last;
function report(what, count) {
    const now = sizes();
    if (last) {
        const each = key => Math.round((now[key] - last[key]) / count);
        console.log(`${what.padEnd(40)} ${String(count).padStart(7)}  log ${String(each('log')).padStart(6)} B`
            + `  tables ${String(each('tables')).padStart(6)} B`);
    }
    last = now;
}

async function many(count, act) {
    let next = 0;
    await Promise.all(Array.from({ length: 64 }, async () => {
        while (next < count) await act(next++);
    }));
}

try {
    while (!await fetch(`${base}/_matrix/client/versions`).then(answer => answer.ok, () => false))
        await new Promise(resolve => setTimeout(resolve, 100));
    const api = `${base}/_matrix/client/v3`;
    const users = [];
    for (let number = 0; number < 10; number++) users.push(await register(base, 'disk', `u${number}`));
    const ids = users.map((_, number) => `@u${number}:disk.test`);
    const rooms = [];
    for (let number = 0; number < 20; number++)
        rooms.push((await ask('POST', `${api}/createRoom`, users[0], { preset: 'public_chat' })).room_id);
    const at = room => `${api}/rooms/${encodeURIComponent(room)}`;
    // The tables have followed once a /sync after it is answered.
    const settle = () => ask('GET', `${api}/sync?timeout=0`, users[0]);
    await settle();
    report();
    await many(rooms.length * 9, async number => {
        await ask('POST', `${api}/join/${encodeURIComponent(rooms[number % 20])}`, users[1 + Math.floor(number / 20)], {});
    });
    await settle();
    report('joins', rooms.length * 9);
    const count = thousands * 1000;
    const sent = [];
    await many(count, async number => {
        const { event_id: eventId } = await ask('PUT', `${at(rooms[number % 20])}/send/m.room.message/m${number}`,
            users[number % 10], { msgtype: 'm.text', body: `${number} `.padEnd(60, 'abcdefghij') });
        sent[number] = eventId;
    });
    await settle();
    report('messages', count);
    await many(count, number => ask('PUT', `${at(rooms[number % 20])}/send/m.reaction/r${number}`, users[(number + 1) % 10],
        { 'm.relates_to': { rel_type: 'm.annotation', event_id: sent[number], key: '+' } }));
    await settle();
    report('reactions', count);
    await many(count, number => ask('PUT', `${at(rooms[number % 20])}/state/org.example.state/k${number}`, users[0],
        { value: number }));
    await settle();
    report('state events, each a new key', count);
    await many(count, number => ask('POST',
        `${at(rooms[number % 20])}/receipt/m.read/${encodeURIComponent(sent[number])}`, users[(number + 2) % 10], {}));
    await settle();
    report('receipts', count);
    await many(count, number => ask('PUT', `${api}/sendToDevice/org.example.test/d${number}`, users[number % 10],
        { messages: { [ids[(number + 1) % 10]]: { '*': { body: 'x'.repeat(500) } } } }));
    await settle();
    report('messages to devices of 500 letters', count);
    for (const token of users.slice(0, 10)) {
        let since = (await ask('GET', `${api}/sync?timeout=0`, token)).next_batch;
        for (;;) {
            const answer = await ask('GET', `${api}/sync?timeout=0&since=${since}`, token);
            since = answer.next_batch;
            if (!answer.to_device?.events?.length) break;
        }
    }
    await settle();
    report('the same, once they were fetched', count);
    console.log(psql(`SELECT string_agg(line, E'\\n') FROM (SELECT format('  %s.%s %s KiB', relnamespace::regnamespace, relname,
        pg_total_relation_size(oid) / 1024) line FROM pg_class WHERE relkind = 'r' AND pg_total_relation_size(oid) > 1000000
        AND relnamespace <> 'pg_catalog'::regnamespace ORDER BY pg_total_relation_size(oid) DESC) s`));
    for (const file of files(path.join(folder, 'log')))
        console.log(`  ${path.relative(folder, file)} ${Math.round(fs.statSync(file).blocks / 2)} KiB`);
} finally {
    server.kill('SIGTERM');
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
}
