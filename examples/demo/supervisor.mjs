// Keeps one service running from the release that `current` points to, and starts it again whenever it ends.
//   node supervisor.mjs FOLDER        FOLDER/{current -> releases/vN, service.pid}
// It ends, and takes the service with it, on SIGTERM or when its standard input does: nothing outlives the demo.
import { spawn } from 'node:child_process';
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const pidFile = path.join(folder, 'service.pid');
let service;
let ending = false;

function start() {
  const release = realpathSync(path.join(folder, 'current'));
  service = spawn(process.execPath, ['server.mjs'], { cwd: release, stdio: 'ignore' });
  writeFileSync(`${pidFile}.new`, `${service.pid}\n`);
  renameSync(`${pidFile}.new`, pidFile);
  service.on('exit', () => (ending ? process.exit(0) : setTimeout(start, 50)));
}

function end() {
  if (ending) return;
  ending = true;
  rmSync(pidFile, { force: true });
  if (service.exitCode !== null || service.signalCode !== null) process.exit(0);
  service.kill('SIGTERM');
  setTimeout(() => service.kill('SIGKILL'), 1_500);
}

for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(name, end);
process.stdin.on('end', end).on('error', end).resume();
start();
