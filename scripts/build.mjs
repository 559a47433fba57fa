// Bundles src/ and its dependencies to dist/, and the page to dist/ui. One file for each part that is loaded on its own, not one a module: to find,
// read and compile hundreds of small files was most of what a start cost. `--if-stale` does nothing when dist/ is newer
// than every source file, so that `npm run watchkeeper` in a clone always runs what the sources say without paying for a
// build each time.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const stamp = path.join(dist, '.built');

function newestMs(dir) {
  let newest = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(full) : statSync(full).mtimeMs);
  }
  return newest;
}

const inputs = ['package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/page.mjs'].map(
  (file) => statSync(path.join(root, file)).mtimeMs,
);
const newest = Math.max(newestMs(path.join(root, 'src')), ...inputs);
// Node looks for packages beside the bundle first, so a folder that holds only dist/ draws pictures too.
function putBeside() {
  const packages = [
    '@expo-google-fonts/pt-sans',
    ...readdirSync(path.join(root, 'node_modules/@resvg')).map((one) => `@resvg/${one}`),
  ];
  const wanted = /(^|\/)(package\.json|LICENSE\w*|[\w-]+\.js|[\w.-]+\.node|PTSans_(400Regular|700Bold)\.ttf)$/;
  for (const name of packages)
    cpSync(path.join(root, 'node_modules', name), path.join(dist, 'node_modules', name), {
      recursive: true,
      filter: (file) => statSync(file).isDirectory() || wanted.test(file),
    });
}

if (process.argv.includes('--if-stale') && existsSync(stamp) && statSync(stamp).mtimeMs >= newest) process.exit(0);

if (!existsSync(path.join(root, 'node_modules', 'rolldown'))) {
  process.stderr.write('watchkeeper: dependencies are not installed; run: npm ci\n');
  process.exit(2);
}
const { rolldown } = await import('rolldown');
const bundle = await rolldown({
  cwd: root,
  input: path.join(root, 'src', 'main.ts'),
  platform: 'node',
  // Native code and fonts are files that cannot stand in a bundle: they are put beside it, below. What ssh2 would gain from
  // native code it does without.
  external: ['@resvg/resvg-js', 'cpu-features', /sshcrypto\.node$/],
  // ssh2 asks for its folder by the name it has in CommonJS.
  transform: { define: { __dirname: 'import.meta.dirname' } },
  // The options are for the type checker; what the sources mean without their types is all that counts here.
  tsconfig: false,
  // Of the Kubernetes client only what finds server and credentials is used; the 700 generated models beside it were most
  // of its memory. Its modules do nothing when they are loaded, which its package.json does not say.
  onLog(level, log, handle) {
    // A package that is not there would be missed when it is first asked for, in somebody's night.
    if (log.code === 'UNRESOLVED_IMPORT')
      throw new Error(`${log.message}\ndependencies are not those of package-lock.json; run: npm ci`);
    handle(level, log);
  },
  treeshake: { moduleSideEffects: (id) => !id.includes('/@kubernetes/client-node/') },
});
// A stale file left in dist/ could shadow a part that moved, so each build starts empty.
rmSync(dist, { recursive: true, force: true });
await bundle.write({
  dir: dist,
  format: 'esm',
  sourcemap: true,
  // One character beyond Latin-1 and Node keeps the whole file at two bytes a character, for as long as the daemon lives.
  charset: 'ascii',
  comments: { legal: true, annotation: false, jsdoc: false },
});
await bundle.close();
putBeside();
const { buildPage } = await import('./page.mjs');
await buildPage(path.join(dist, 'ui'));
mkdirSync(dist, { recursive: true });
chmodSync(path.join(dist, 'main.js'), 0o755);
writeFileSync(stamp, '');
