import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { memoryFiles, type MemoryFiles } from '../memory-files.ts';
import { withVersion } from './types.ts';
import { fleetOfWindows } from './windows.ts';
import type { WorldFile } from './world-file.ts';

const scenarios = path.join(import.meta.dirname, '../../scenarios');
const shippedFiles = readShipped();

/** The files of a scenario's daemon: its configuration, its resources, and what is shipped. */
export function filesOf(file: WorldFile): MemoryFiles {
  const files = memoryFiles();
  files.set('/etc/watchkeeper/watchkeeper.yaml', JSON.stringify(configOf(file)));
  for (const name of file.use)
    files.set(`/etc/watchkeeper/resources/${name}.yaml`, readFileSync(path.join(scenarios, 'base', `${name}.yaml`)));
  if (file.resources !== '') files.set('/etc/watchkeeper/resources/own.yaml', withVersion(file.resources));
  if (file.many) files.set('/etc/watchkeeper/resources/many.yaml', manyServices(file.many));
  for (const [name, data] of shippedFiles) files.set(`/shipped/${name}`, data);
  return files;
}

function configOf(file: WorldFile): object {
  return {
    resources: { services: 'resources', inherit: file.inherit },
    // A source of that kind is what brings the documents that are shipped for clusters; the world plays it.
    sources: [
      { id: 'world', kind: 'world' },
      ...(file.windows === undefined ? [] : [fleetOfWindows]),
      ...(Object.keys(file.cluster).length === 0 ? [] : [{ id: 'kubernetes', kind: 'kubernetes' }]),
      ...(Object.keys(file.fleet).length === 0 ? [] : [{ id: 'fleet', kind: 'ssh' }]),
    ],
    ...(file.clouds.includes('azure') ? { operators: { azure: [handsInAzure] } } : {}),
    channels: [{ id: 'people', kind: 'people' }],
    defaults: { autonomy: file.autonomy },
    reload: { every: '10s' },
  };
}

const subscription = '11111111-2222-3333-4444-555555555555';
const handsInAzure = {
  source: 'azure',
  subscriptions: [{ name: 'prod', id: subscription }],
  identities: [{ scope: `/subscriptions/${subscription}`, clientId: subscription }],
};

function manyServices({ services, signals }: NonNullable<WorldFile['many']>): string {
  const telemetry = JSON.stringify(
    Object.fromEntries(
      Object.keys(signals).map((signal) => [signal, { source: 'world', unit: 'ratio', nature: 'ratio' }]),
    ),
  );
  return withVersion(
    Array.from(
      { length: services },
      (_, at) =>
        `kind: Service\nmetadata: { name: shop-${at}, labels: { env: prod } }\nspec: { owner: { team: shop, escalate: oncall }, telemetry: ${telemetry} }\n`,
    ).join('---\n'),
  );
}

function readShipped(): readonly (readonly [string, string])[] {
  const root = path.join(import.meta.dirname, '../../..');
  return ['detectors', 'runbooks', 'policies'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'))
      .map((name) => [`${folder}/${name}`, readFileSync(path.join(root, folder, name), 'utf8')] as const),
  );
}
