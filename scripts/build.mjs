// Compiles src/ to dist/. `--if-stale` does nothing when dist/ is newer than every source file, so that
// `npm run watchkeeper` in a clone always runs what the sources say without paying for a build each time.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stamp = path.join(root, 'dist', '.built');

function newestMs(dir) {
  let newest = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(full) : statSync(full).mtimeMs);
  }
  return newest;
}

const inputs = ['tsconfig.json', 'tsconfig.build.json', 'package.json'].map(
  (f) => statSync(path.join(root, f)).mtimeMs,
);
const newest = Math.max(newestMs(path.join(root, 'src')), ...inputs);
if (process.argv.includes('--if-stale') && existsSync(stamp) && statSync(stamp).mtimeMs >= newest) process.exit(0);

const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
if (!existsSync(tsc)) {
  process.stderr.write('watchkeeper: dependencies are not installed; run: npm ci\n');
  process.exit(2);
}
// A stale file left in dist/ could shadow a module that moved, so each build starts empty.
rmSync(path.join(root, 'dist'), { recursive: true, force: true });
const built = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);
mkdirSync(path.dirname(stamp), { recursive: true });
const main = path.join(root, 'dist', 'main.js');
if (existsSync(main)) chmodSync(main, 0o755);
writeFileSync(stamp, '');
