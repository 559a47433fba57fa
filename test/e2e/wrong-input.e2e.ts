import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { PlanView } from '../../src/agent/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { until } from './peers/peers.ts';
import { makeHome, runToEnd, startDaemon, type DaemonProcess, type Home } from './support/daemon.ts';
import { document, openShop, type Shop } from './support/shop.ts';

interface Wrong {
  /** What is broken below `resources/` or in watchkeeper.yaml. */
  readonly break: (home: Home) => void;
  /** What the one clear error must say. */
  readonly says: readonly string[];
}

const service = (name: string, dependsOn: readonly string[]): Json => document('Service', name, { dependsOn });

const detector = (spec: string): string =>
  `apiVersion: watchkeeper.dev/v1alpha1\nkind: Detector\nmetadata: { name: late }\nspec:\n  on: ill\n  kind: threshold\n  params: { above: 0.5 }\n${spec}\n`;

const wrongs: Readonly<Record<string, Wrong>> = {
  'a typo in a key': {
    break: (home) => home.write('resources/wrong.yaml', detector('  holdd: 5s')),
    says: ['wrong.yaml:8:3', 'holdd', 'did you mean "hold"'],
  },
  'a wrong type': {
    break: (home) => home.write('resources/wrong.yaml', detector('  hold: [5s]')),
    says: ['wrong.yaml:8:9'],
  },
  'an unknown name in an expression': {
    break: (home) =>
      home.write(
        'resources/wrong.yaml',
        document('Runbook', 'late', {
          summary: 'Never',
          when: 'diagnosis.cuase == "change"',
          steps: [{ id: 'restart', do: 'host.service-restart' }],
          verify: [{ expect: 'ill < 0.5', within: '1m' }],
        }),
      ),
    says: ['wrong.yaml:', 'cuase', 'did you mean'],
  },
  'a circle of dependencies': {
    break: (home) => {
      home.write('resources/wrong.yaml', service('till', ['stock']));
      home.write('resources/wrong-2.yaml', service('stock', ['till']));
    },
    says: ['wrong', 'till', 'stock'],
  },
  'a file of 100 MB': {
    break: (home) => {
      const file = home.write('resources/wrong.yaml', '');
      truncateSync(file, 100 * 1024 * 1024);
    },
    says: ['wrong.yaml', '100 MiB', 'at most 4 MiB'],
  },
  'text that is no YAML': {
    break: (home) => home.write('resources/wrong.yaml', 'kind: [Service\n'),
    says: ['wrong.yaml:'],
  },
};

describe('wrong at the start: one clear error, and no daemon', () => {
  test.each(Object.entries(wrongs))('%s', async (_name, wrong) => {
    const home = makeHome();
    try {
      home.write('watchkeeper.yaml', { resources: { services: 'resources' } });
      wrong.break(home);
      const ended = await runToEnd(home);
      expect(ended.code).toBeGreaterThan(0);
      expect(ended.signal).toBeNull();
      for (const words of wrong.says) expect(ended.said).toContain(words);
      // A person reads this: no stack, no second story.
      expect(ended.said).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
      expect(ended.said.split('\n').length).toBeLessThan(12);
    } finally {
      home.remove();
    }
  });
});

describe('wrong while it runs: it goes on with the last good set, says so everywhere, and does not act', () => {
  let shop: Shop;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    shop = await openShop({});
    daemon = await startDaemon(shop.home);
    await until('it may act', async () => (await planned()).decision?.outcome === 'allow');
  });
  afterAll(async () => {
    await daemon.stop();
    await shop.stop();
  });

  const planned = async (): Promise<PlanView> => {
    const answer = await daemon.ask('POST', '/api/v1/plan', { runbook: 'roll-back', service: 'shop' });
    return JSON.parse(answer.body) as PlanView;
  };
  const rejected = async () => (await daemon.ledger()).filter(({ entry }) => entry.type === 'config-rejected');
  const reloadOk = () => daemon.metric('watchkeeper_config_last_reload_successful');

  test.each([
    ['runbook', { runbook: 'nobodys', service: 'shop' }, 'watchkeeper check'],
    ['service', { runbook: 'roll-back', service: 'nobodys' }, 'watchkeeper status'],
  ])('a plan with a %s that is not there is refused, and where to look is said', async (what, asked, look) => {
    const answer = await daemon.ask('POST', '/api/v1/plan', asked);
    expect([answer.status, answer.body]).toEqual([404, expect.stringContaining(`there is no ${what}`)]);
    expect(answer.body).toContain(look);
  });

  const emptied: Wrong = {
    break: (home) => {
      for (const name of ['service', 'detector', 'runbook', 'policy'])
        rmSync(path.join(home.folder, `resources/${name}.yaml`));
    },
    says: ['resources', 'is empty now'],
  };

  test.each(Object.entries({ ...wrongs, 'a folder that is suddenly empty': emptied }))('%s', async (_name, wrong) => {
    const before = await daemon.status();
    const rejections = (await rejected()).length;
    const saved = snapshotOf(shop.home);
    wrong.break(shop.home);
    await until('it is refused', async () => (await reloadOk()) === 0);

    const after = await daemon.status();
    expect(after.resources.ok).toBe(false);
    expect(after.resources.digest).toBe(before.resources.digest);
    expect(after.resources.counts).toEqual(before.resources.counts);
    const told = after.resources.problems.join('\n');
    for (const words of wrong.says) expect(told).toContain(words);
    await until('the ledger has it', async () => (await rejected()).length === rejections + 1);
    expect(JSON.stringify((await rejected()).at(-1)?.payload)).toContain(JSON.stringify(wrong.says[0]).slice(1, -1));
    // That it does not act meanwhile is told beside it, sooner or later.
    const error = daemon.log().findLast(({ level }) => level === 'error');
    expect(error).toMatchObject({ msg: 'resources were refused; the last good set stays in force' });
    // It still watches, and keeps its hands still.
    expect(await daemon.readiness()).toMatchObject({ ready: true, reasons: [] });
    expect((await planned()).decision).toMatchObject({ outcome: 'deny', code: 'unwell' });

    restore(shop.home, saved);
    await until('it is right again', async () => (await reloadOk()) === 1);
    expect((await planned()).decision).toMatchObject({ outcome: 'allow' });
  });

  test('a policy that denies everything is obeyed, and every refusal names it', async () => {
    shop.home.write('resources/wrong.yaml', document('Policy', 'nothing', { never: [{ actions: ['*'] }] }));
    await until('it is in force', async () => (await planned()).decision?.outcome === 'deny');
    const { decision } = await planned();
    expect(decision).toMatchObject({ outcome: 'deny', code: 'never' });
    expect(`${decision?.decidedBy ?? ''} ${decision?.reasons.join(' ') ?? ''}`).toContain('nothing');
    expect(await reloadOk()).toBe(1);
    rmSync(path.join(shop.home.folder, 'resources/wrong.yaml'));
    await until('it is gone', async () => (await planned()).decision?.outcome === 'allow');
  });
});

test('an empty folder at the start is said, and the machine is watched all the same', async () => {
  const home = makeHome();
  mkdirSync(path.join(home.folder, 'resources'));
  home.write('watchkeeper.yaml', { resources: { services: 'resources' } });
  const daemon = await startDaemon(home);
  try {
    expect(daemon.said()).toContain('resources holds no resource files; the built-in defaults apply');
    expect((await daemon.status()).services).toHaveLength(1);
  } finally {
    await daemon.stop();
    home.remove();
  }
});

test('a Prometheus that cannot be reached is a gap, not health and not an end', async () => {
  const home = makeHome();
  home.write('watchkeeper.yaml', {
    resources: { services: 'resources' },
    sources: [
      { id: 'host', kind: 'host' },
      { id: 'prom', kind: 'prometheus', url: 'http://127.0.0.1:9', interval: '1s', timeout: '1s' },
    ],
  });
  home.write(
    'resources/service.yaml',
    document('Service', 'till', { telemetry: { up: { source: 'prom', query: 'up' } } }),
  );
  const daemon = await startDaemon(home);
  try {
    await until('the gap is known', async () => (await daemon.status()).gaps.some((gap) => gap.source === 'prom'));
    const { gaps, services } = await daemon.status();
    expect(gaps.find((gap) => gap.source === 'prom')).toMatchObject({ reason: 'unreachable' });
    expect(services.find(({ name }) => name === 'till')).toMatchObject({ state: 'unknown' });
    expect(await daemon.readiness()).toMatchObject({ ready: true, reasons: [] });
  } finally {
    await daemon.stop();
    home.remove();
  }
});

const resourceNames = ['service', 'detector', 'runbook', 'policy'] as const;

function snapshotOf(home: Home): Readonly<Record<string, string>> {
  return Object.fromEntries(
    resourceNames.map((name) => [name, readFileSync(path.join(home.folder, `resources/${name}.yaml`), 'utf8')]),
  );
}

function restore(home: Home, saved: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(saved))
    writeFileSync(path.join(home.folder, `resources/${name}.yaml`), text);
  for (const name of ['wrong', 'wrong-2']) rmSync(path.join(home.folder, `resources/${name}.yaml`), { force: true });
}
