import { describe, expect, it } from 'vitest';

import { createReloader, loadAll, type LoadOptions, type ReloadReport } from '../../../src/agent/load/index.ts';
import { memoryFiles, type MemoryFiles } from '../../support/memory-files.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { crossCheck, documentText, parsers } from './given.ts';

const none = { parse: () => ({ ok: true as const, value: {} }) };

async function given(files: MemoryFiles) {
  const stop = new AbortController();
  const load: LoadOptions = {
    config: {
      folder: '/srv',
      defaultDataDir: '/data',
      variables: {},
      sourceKinds: { host: none },
      channelKinds: {},
      files,
      signal: stop.signal,
    },
    parsers,
    crossCheck,
  };
  const start = await loadAll(load);
  if (!start.ok) throw new Error('the first set must be right');
  let names = start.value.resources.documents.map((each) => each.document.metadata.name);
  const reports: ReloadReport[] = [];
  const clock = virtualClock();
  const reloader = createReloader({
    load,
    clock,
    digest: start.digest,
    loaded: start.value,
    everyMs: 5_000,
    apply: (loaded) => {
      names = loaded.resources.documents.map((each) => each.document.metadata.name);
      if (names.includes('explosive')) throw new Error('boom');
    },
    report: (report) => reports.push(report),
  });
  const running = reloader.run(stop.signal);
  return {
    clock,
    reports,
    reloader,
    start: start.digest,
    inForce: () => names,
    end: async () => {
      stop.abort();
      await running;
    },
  };
}

const folder = (text: string) =>
  memoryFiles({ '/srv/watchkeeper.yaml': 'resources: {services: services}\n', '/srv/services/a.yaml': text });

describe('hot reload', () => {
  it('takes a changed set whole, once, and says so', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    await world.clock.advance(60_000);
    expect(world.reports).toEqual([]);
    files.set('/srv/services/b.yaml', documentText('Service', 'db'));
    await world.clock.advance(60_000);
    expect(world.inForce()).toEqual(['cart', 'db']);
    expect(world.reports).toMatchObject([{ ok: true, digest: world.reloader.digest }]);
    expect(world.reloader.digest).not.toBe(world.start);
    await world.end();
  });

  it('keeps the last good set when a file is wrong, reports it once, and recovers', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    files.set('/srv/services/a.yaml', documentText('Service', 'cart', '  dependsOm: []'));
    await world.clock.advance(60_000);
    expect(world.inForce()).toEqual(['cart']);
    expect(world.reloader.digest).toBe(world.start);
    expect(world.reports).toMatchObject([{ ok: false, problems: [{ line: 5, suggestion: 'dependsOn' }] }]);
    files.set('/srv/services/a.yaml', documentText('Service', 'carts'));
    await world.clock.advance(60_000);
    expect(world.inForce()).toEqual(['carts']);
    expect(world.reports.map((each) => each.ok)).toEqual([false, true]);
    await world.end();
  });

  it('a wrong watchkeeper.yaml is refused the same way', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    files.set('/srv/watchkeeper.yaml', 'resuorces: {}\n');
    await world.clock.advance(30_000);
    expect(world.reports).toMatchObject([{ ok: false, problems: [{ message: 'unknown key resuorces' }] }]);
    expect(world.inForce()).toEqual(['cart']);
    await world.end();
  });

  it('follows the symlink swap of a mounted ConfigMap', async () => {
    const files = memoryFiles({
      '/srv/watchkeeper.yaml': 'resources: {services: services}\n',
      '/srv/services/..1/a.yaml': documentText('Service', 'cart'),
      '/srv/services/..2/a.yaml': documentText('Service', 'carts'),
    });
    files.link('/srv/services/..data', '..1');
    files.link('/srv/services/a.yaml', '..data/a.yaml');
    const world = await given(files);
    expect(world.inForce()).toEqual(['cart']);
    files.link('/srv/services/..data', '..2');
    await world.clock.advance(10_000);
    expect(world.inForce()).toEqual(['carts']);
    await world.end();
  });

  it('waits until a folder that is being copied into has come to rest', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    await world.clock.advance(4_900);
    for (let i = 0; i < 5; i++) {
      files.set(`/srv/services/n${i}.yaml`, documentText('Service', `n${i}`));
      await world.clock.advance(400);
    }
    expect(world.inForce()).toEqual(['cart']);
    await world.clock.advance(2_000);
    expect(world.inForce()).toHaveLength(6);
    expect(world.reports).toHaveLength(1);
    await world.end();
  });

  it('reports a set that cannot be applied, and ends when told', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    files.set('/srv/services/a.yaml', documentText('Service', 'explosive'));
    await world.clock.advance(10_000);
    expect(world.reports).toMatchObject([{ ok: false, problems: [{ message: 'boom' }] }]);
    expect(world.reloader.digest).toBe(world.start);
    await world.end();
    expect(world.clock.sleepers).toBe(0);
  });

  it('refuses a folder that held resources and is suddenly empty, and takes it out when the config does', async () => {
    const files = folder(documentText('Service', 'cart'));
    const world = await given(files);
    files.remove('/srv/services/a.yaml');
    files.set('/srv/services/README.md', 'moved');
    await world.clock.advance(60_000);
    expect(world.inForce()).toEqual(['cart']);
    expect(world.reports).toMatchObject([{ ok: false, problems: [{ file: '/srv/services' }] }]);
    files.set('/srv/watchkeeper.yaml', 'resources: {}\n');
    await world.clock.advance(60_000);
    expect(world.inForce()).toEqual([]);
    await world.end();
  });
});
