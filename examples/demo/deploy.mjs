// Deploys a version as many a script does: builds a release folder, points `current` to it in one step, restarts.
//   node deploy.mjs FOLDER VERSION SOURCE...        SOURCE: files, or folders whose files go into the release
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const [folder, version, ...sources] = process.argv.slice(2);
const release = path.join(folder, 'releases', version);
const building = path.join(folder, `.building-${version}`);

rmSync(building, { recursive: true, force: true });
mkdirSync(path.join(folder, 'releases'), { recursive: true });
for (const source of sources)
  cpSync(source, statSync(source).isDirectory() ? building : path.join(building, path.basename(source)), {
    recursive: true,
  });
writeFileSync(
  path.join(building, 'package.json'),
  `${JSON.stringify({ name: path.basename(folder), version, type: 'module' })}\n`,
);
renameSync(building, release);

symlinkSync(path.join('releases', version), path.join(folder, '.current'));
renameSync(path.join(folder, '.current'), path.join(folder, 'current'));

const pid = runningPid();
if (pid !== undefined) process.kill(pid, 'SIGTERM');

function runningPid() {
  try {
    return Number(readFileSync(path.join(folder, 'service.pid'), 'utf8'));
  } catch {
    return undefined;
  }
}
