// How long it takes to join a large room of another server, and what memory: needs a built solution (./dev build or
// dotnet build -c Release), then
//   node tests/Benchmarks/large-join.mjs [MEMBERS] [FOLDER]
// The folder keeps the large room for another run; each run joins with a fresh server.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ask, register, timed } from './matrix.mjs';

const members = Number(process.argv[2] ?? 5000);
const folder = process.argv[3] ?? fs.mkdtempSync(path.join(os.tmpdir(), 'large-join-'));
const root = path.resolve(import.meta.dirname, '../..');
const binary = process.env.BINARY ?? path.join(root, 'src/Api/bin/Release/net10.0/Matrix.EventSourced.Api');
const scale = process.env.SCALE ?? path.join(root, 'tests/Benchmarks/Scale/bin/Release/net10.0/Matrix.EventSourced.Scale');
const secret = 'scale';
const servers = {
    north: { client: 18908, federation: 18948 },
    south: { client: 18909, federation: 18949 },
};

function makeCertificates() {
    if (fs.existsSync(path.join(folder, 'server.pem'))) return;
    const openssl = (...options) => execFileSync('openssl', options, { cwd: folder, stdio: 'ignore' });
    fs.mkdirSync(folder, { recursive: true });
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=authority',
        '-keyout', 'ca.key', '-out', 'ca.pem');
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr');
    fs.writeFileSync(path.join(folder, 'extensions'), 'subjectAltName=IP:127.0.0.1\n');
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30',
        '-extfile', 'extensions', '-out', 'server.pem');
}

const optionsOf = name => [
    '--data', path.join(folder, name),
    '--server-name', `127.0.0.1:${servers[name].federation}`,
    '--client-listen', `http://127.0.0.1:${servers[name].client}`,
    '--federation-listen', `https://127.0.0.1:${servers[name].federation}`,
    '--federation-tls-certificate', path.join(folder, 'server.pem'),
    '--federation-tls-key', path.join(folder, 'server.key'),
    '--federation-ca-file', path.join(folder, 'ca.pem'),
    '--federation-allow-private-addresses', 'true',
    '--registration-shared-secret', secret,
    '--rate-limits-enabled', 'false'];

async function start(name) {
    const log = fs.openSync(path.join(folder, `${name}.log`), 'a');
    const child = spawn(binary, ['run', ...optionsOf(name)], { stdio: ['ignore', log, log] });
    const base = `http://127.0.0.1:${servers[name].client}`;
    const began = performance.now();
    for (;;) {
        if (child.exitCode !== null) throw new Error(`${name} stopped; see ${folder}/${name}.log`);
        if (await fetch(`${base}/_matrix/client/versions`).then(answer => answer.ok, () => false)) break;
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    console.log(`${name} is ready after ${Math.round(performance.now() - began)} ms`);
    return { name, child, base };
}

// Resident memory: now, and the most there ever was.
function memory({ child, name }) {
    const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const mebibytes = field => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)[1]) / 1024);
    console.log(`${name}: ${mebibytes('VmRSS')} MiB resident, ${mebibytes('VmHWM')} MiB at most`);
}

makeCertificates();
if (!fs.existsSync(path.join(folder, 'north'))) {
    fs.mkdirSync(path.join(folder, 'north'), { mode: 0o711 });
    execFileSync(scale, ['room', '--members', String(members), ...optionsOf('north')], { stdio: 'inherit' });
}
fs.rmSync(path.join(folder, 'south'), { recursive: true, force: true });
fs.mkdirSync(path.join(folder, 'south'), { mode: 0o711 });
const running = [];
try {
    const north = await start('north');
    running.push(north);
    const south = await start('south');
    running.push(south);
    const run = String(process.pid);
    const here = await register(north.base, secret, `here${run}`);
    const far = await register(south.base, secret, `far${run}`);
    const alias = encodeURIComponent(`#large:127.0.0.1:${servers.north.federation}`);
    const { room_id: room } = await timed('cold room: a local join', () =>
        ask('POST', `${north.base}/_matrix/client/v3/join/${alias}`, here, {}));
    await timed('another local user\'s join', async () =>
        ask('POST', `${north.base}/_matrix/client/v3/join/${alias}`, await register(north.base, secret, `here2${run}`), {}));
    await timed('join from the other server', () =>
        ask('POST', `${south.base}/_matrix/client/v3/join/${alias}`, far, {}));
    const at = `${south.base}/_matrix/client/v3/rooms/${encodeURIComponent(room)}`;
    await timed('first message', () => ask('PUT', `${at}/send/m.room.message/1`, far, { msgtype: 'm.text', body: 'here' }));
    const list = await timed('/members', () => ask('GET', `${at}/members`, far));
    console.log(`  ${list.chunk.length} members`);
    const filter = encodeURIComponent(JSON.stringify({ room: { state: { lazy_load_members: true } } }));
    await timed('first /sync, members on demand', () =>
        ask('GET', `${south.base}/_matrix/client/v3/sync?filter=${filter}`, far));
    await timed('a second user\'s join', async () =>
        ask('POST', `${south.base}/_matrix/client/v3/join/${alias}`, await register(south.base, secret, `far2${run}`), {}));
    for (const server of running) memory(server);
} finally {
    for (const { child } of running) {
        child.kill('SIGTERM');
        await new Promise(resolve => child.once('exit', resolve));
    }
}
