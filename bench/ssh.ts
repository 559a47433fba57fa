/**
 * How many hosts one daemon reads over SSH: `node bench/ssh.ts [hosts] [--seconds=150] [--servers=25]`, after `npm run build`. Needs root and
 * Debian or Ubuntu, as the end-to-end tests do. The whole daemon with the detectors it ships, against real OpenSSH servers
 * on loopback: each host is an address of its own (127.20.0.0/16), with a connection, a login and a round trip of its own, on
 * a few servers in one machine under a real systemd. What a thousand machines would do elsewhere would be done here on the
 * processors that the daemon needs, so each server runs the real script once an interval for each question and gives that answer to
 * all of its hosts; `--replay=no` has it run for every host. One host in a hundred is dead: nothing listens there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

import { layOpenssh, sshUser } from '../test/e2e/peers/openssh.ts';
import { freePort } from '../test/e2e/peers/peers.ts';
import { startMachine, type Machine } from '../test/e2e/peers/systemd.ts';
import { makeHome, startDaemon, type DaemonProcess } from '../test/e2e/support/daemon.ts';
import type { StatusView } from '../src/agent/index.ts';
import { quantile } from '../src/lib/stats.ts';

const asked = (name: string, usual: number): number =>
  Number(process.argv.find((one) => one.startsWith(`--${name}=`))?.split('=')[1] ?? usual);
const hosts = Number(process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 1_000);
const seconds = asked('seconds', 150);
const servers = asked('servers', 4);
const replays = !process.argv.includes('--replay=no');
const profile = process.argv.find((one) => one.startsWith('--profile='))?.split('=')[1];
const through = process.argv.find((one) => one.startsWith('--through='))?.slice('--through='.length);
const intervalMs = asked('interval', 30_000);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Server {
  readonly port: number;
  readonly key: string;
}

async function startServers(machine: Machine): Promise<readonly Server[]> {
  machine.write('/etc/ssh-test/replay', replay);
  machine.run('install', '-d', '-m', '1777', '/run/replay');
  const started: Server[] = [];
  for (let index = 0; index < servers; index++) {
    const port = await freePort();
    const file = `/etc/ssh-test/bench-${index}`;
    machine.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file);
    const config = [
      ...[`Port ${port}`, 'ListenAddress 0.0.0.0', `HostKey ${file}`, 'PasswordAuthentication no', 'UsePAM no'],
      ...['AuthorizedKeysFile /etc/ssh-test/authorized /etc/ssh-test/authorized-%u', 'StrictModes no'],
      ...['MaxStartups 500', 'PidFile none', 'UseDNS no'],
      ...(replays ? [`ForceCommand /usr/bin/busybox sh /etc/ssh-test/replay ${index}`] : []),
    ];
    machine.write(`${file}.conf`, `${config.join('\n')}\n`);
    machine.write(
      `/etc/systemd/system/bench-${index}.service`,
      `[Service]\nExecStart=/usr/sbin/sshd -D -e -f ${file}.conf\nTasksMax=infinity\n`,
    );
    started.push({ port, key: readFileSync(`${machine.root}${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ') });
  }
  machine.run('systemctl', 'daemon-reload');
  for (let index = 0; index < servers; index++) machine.run('systemctl', 'start', `bench-${index}.service`);
  return started;
}

// The answer of this interval, if this server has it or is about to; else the command itself.
const replay = `read up _ </proc/uptime
set -- "$1" $(printf %s "$SSH_ORIGINAL_COMMAND" | busybox md5sum)
file=/run/replay/$1-$2-$((\${up%.*} * 1000 / ${intervalMs}))
until [ -f "$file" ]; do
  if mkdir "$file.busy" 2>/dev/null; then
    sh -c "$SSH_ORIGINAL_COMMAND" >"$file.new"
    mv "$file.new" "$file"
  else busybox sleep 0.3; fi
done
exec busybox cat "$file"
`;

const isDead = (index: number): boolean => index % 100 === 99;
const nameOf = (index: number): string => `h-${String(index).padStart(4, '0')}`;

/** Processor seconds of a process, its children not counted. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Processor seconds of everything on this machine. */
function cpuOfAll(): number {
  const [, user = 0, nice = 0, system = 0] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
    .split(/\s+/)
    .map(Number);
  return (user + nice + system) / 100;
}

interface Look {
  /** Hosts of which something is known. */
  readonly known: number;
  /** Of the last look: hosts that had not answered within its five seconds, and hosts that cannot be reached. */
  readonly late: number;
  readonly unreachable: number;
  readonly oldestMs: number;
}

async function lookAt(daemon: DaemonProcess): Promise<Look> {
  const status = await daemon.get<StatusView>('/api/v1/status');
  const source = status.sources.find((one) => one.id === 'fleet');
  const gaps = (reason: string): number =>
    new Set(source?.gaps.flatMap((gap) => (gap.reason === reason ? (gap.service ?? []) : []))).size;
  const oldestMs = Date.now() - (source?.lastAnswerMs ?? 0);
  return { known: status.services.length, late: gaps('timeout'), unreachable: gaps('unreachable'), oldestMs };
}

// All but one in a hundred were heard, and the dead ones found to be dead.
const isRead = (seen: Look): boolean =>
  seen.known >= hosts && seen.oldestMs < 2 * intervalMs && seen.late <= hosts / 100;

const machine = await startMachine();
const home = makeHome();
let daemon: DaemonProcess | undefined;
try {
  home.write('key', layOpenssh(machine));
  machine.run('chmod', '600', `${home.folder}/key`);
  const all = await startServers(machine);
  const deadPort = await freePort();
  const reached = Array.from({ length: hosts }, (_, index) => ({
    name: nameOf(index),
    address: `127.20.${index >> 8}.${index & 255}`,
    port: isDead(index) ? deadPort : (all[index % servers]?.port ?? 0),
    key: all[index % servers]?.key ?? '',
  }));
  home.write('known_hosts', `${reached.map(({ address, port, key }) => `[${address}]:${port} ${key}`).join('\n')}\n`);
  home.write('watchkeeper.yaml', {
    sources: [
      {
        ...{ id: 'fleet', kind: 'ssh', interval: `${intervalMs / 1_000}s`, knownHosts: [`${home.folder}/known_hosts`] },
        login: { user: sshUser, keyFile: `${home.folder}/key` },
        hosts: Object.fromEntries(reached.map(({ name, address, port }) => [name, { address, port, groups: ['web'] }])),
      },
    ],
  });
  daemon = await startDaemon(home, {
    readyWithinMs: 120_000,
    ...(through === undefined ? {} : { through: through.split(',') }),
    ...(profile === undefined ? {} : { environment: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` } }),
  });
  // On a machine that others work on too, the kernel shares time between sessions before it shares it between processes.
  if (process.argv.includes('--first')) writeFileSync(`/proc/${daemon.pid}/autogroup`, '-10');
  // A thousand handshakes come first: that is a start, and not what is measured.
  const begunMs = performance.now();
  for (let seen = await lookAt(daemon); !isRead(seen); seen = await lookAt(daemon)) {
    if (performance.now() - begunMs > asked('start', 900) * 1_000)
      throw new Error(`not read yet: ${JSON.stringify(seen)}`);
    process.stderr.write(`${JSON.stringify(seen)} cpu ${cpuOf(daemon.pid)}\n`);
    await sleep(10_000);
  }
  const startS = (performance.now() - begunMs) / 1_000;
  await sleep(2 * intervalMs);
  const before = { cpu: cpuOf(daemon.pid), all: cpuOfAll(), atMs: performance.now() };
  const ages: number[] = [];
  const late: number[] = [];
  let most = 0;
  while (performance.now() - before.atMs < seconds * 1_000) {
    await sleep(5_000);
    most = Math.max(most, daemon.rss());
    const seen = await lookAt(daemon);
    ages.push(seen.oldestMs);
    late.push(seen.late);
    process.stderr.write(
      `${JSON.stringify(seen)} rss ${Math.round(daemon.rss() / 2 ** 20)} load ${loadavg()[0]?.toFixed(1)}\n`,
    );
  }
  const tookS = (performance.now() - before.atMs) / 1_000;
  const own = (cpuOf(daemon.pid) - before.cpu) / tookS;
  const rest = (cpuOfAll() - before.all) / tookS - own;
  const figure = (name: string, value: number, unit: string, bar: object = {}): void =>
    console.log(JSON.stringify({ name, value, unit, ...bar }));
  figure(`processor, ${hosts} hosts each ${intervalMs / 1_000} s`, own, 'cores', { atMost: 1 });
  figure('from ready to the first look at which all but one in a hundred were heard', startS, 's');
  figure('memory at its most', most / 2 ** 20, 'MiB');
  figure('everything else on this machine meanwhile, the servers included', rest, `of ${availableParallelism()} cores`);
  figure('hosts not heard within five seconds of a look, median', quantile(late, 0.5) ?? 0, `of ${hosts}`);
  figure('since the last look, 95th percentile', (quantile(ages, 0.95) ?? 0) / 1_000, 's');
} finally {
  await (profile === undefined ? daemon?.kill() : daemon?.stop());
  await machine.stop();
  home.remove();
}
