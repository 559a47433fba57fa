// Writes what the container image holds under /app into a folder, without a container engine: the bundle, the shipped
// documents and the list of what is in it. The Dockerfile runs this in its first stage; test/e2e/image.e2e.ts runs it and
// starts the daemon from the result. usage: node scripts/image.mjs FOLDER
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const [out] = process.argv.slice(2);
if (out === undefined || (existsSync(out) && readdirSync(out).length > 0)) {
  process.stderr.write('image: give the folder to write to; it must be empty, or not be there yet\n');
  process.exit(2);
}
execFileSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { cwd: root, stdio: 'inherit' });
mkdirSync(out, { recursive: true });

// The bundle has its dependencies inside. Maps and the stamp of the build serve those who have the sources.
cpSync(path.join(root, 'dist'), path.join(out, 'dist'), {
  recursive: true,
  filter: (file) => !file.endsWith('.map') && path.basename(file) !== '.built',
});
for (const folder of ['detectors', 'runbooks', 'policies'])
  cpSync(path.join(root, folder), path.join(out, folder), { recursive: true });

const { name, version, license, type } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const put = (file, value) => writeFileSync(path.join(out, file), `${JSON.stringify(value, undefined, 2)}\n`);
put('package.json', { name, version, license, type, private: true });
put('sbom.cdx.json', bill());

// CycloneDX, from the lockfile: what is bundled. What only builds and tests is left out here, since npm's own --omit=dev
// also leaves out packages that a tool shares (yaml); so is the Node that only clones run on. Without serial number and
// time, so that the same sources give the same image.
function bill() {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const bundled = new Set(
    Object.entries(lock.packages)
      .filter(([place, { dev }]) => dev !== true && !/^node_modules\/node(-bin-[\w-]+)?$/.test(place))
      .map(([place, one]) => `${place.split('node_modules/').at(-1) || name}@${one.version}`),
  );
  const argv = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx'];
  const written = execFileSync('npm', argv, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const { serialNumber: _serial, metadata, components, dependencies, ...rest } = JSON.parse(written);
  const { timestamp: _time, component, ...about } = metadata;
  return {
    ...rest,
    // npm calls it by its folder.
    metadata: { ...about, component: { ...component, name } },
    components: components.filter((one) => bundled.has(one['bom-ref'])),
    dependencies: dependencies
      .filter(({ ref }) => bundled.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => bundled.has(one)) })),
  };
}
