import { readFileSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { decide, parsePolicy, policySet, type DecisionInput } from '../../src/policy/index.ts';
import type { Json } from '../../src/lib/json.ts';
import { fill, ledgerIn } from '../ledger/support/ledgers.ts';
import { input } from '../policy/world.ts';
import { cli, temporaryFolder } from './support.ts';

/** A data folder with a ledger in it, closed as after a clean stop. */
async function dataFolder(count: number): Promise<string> {
  const folder = temporaryFolder();
  const { store, ledger } = await ledgerIn(folder);
  await fill(ledger, count);
  await ledger.close();
  await store.close();
  renameSync(join(folder, 'store.db'), join(folder, 'watchkeeper.db'));
  return folder;
}

describe('ledger, without a daemon', () => {
  it('is verified, shown, exported, proven and verified again from the export, all offline', async () => {
    const data = await dataFolder(300);
    const cwd = temporaryFolder();
    const verified = await cli(['ledger', 'verify', '--data-dir', data], { cwd });
    expect([verified.code, verified.out]).toEqual([
      0,
      expect.stringContaining('verified: 300 entries of test.example'),
    ]);
    const shown = await cli(['ledger', 'show', '--data-dir', data, '--limit', '2', '--output', 'json'], { cwd });
    const { entries } = JSON.parse(shown.out) as { entries: { entry: { seq: number }; payload?: Json }[] };
    expect(entries.map(({ entry }) => entry.seq)).toEqual([298, 299]);

    expect((await cli(['ledger', 'export', 'out', '--data-dir', data], { cwd })).out).toContain('300 entries');
    expect((await cli(['ledger', 'verify', 'out'], { cwd })).code).toBe(0);
    const one = await cli(['ledger', 'show', 'out', '--incident', 'inc-7', '--output', 'json'], { cwd });
    expect((JSON.parse(one.out) as { entries: unknown[] }).entries.length).toBeGreaterThan(1);
    const ofType = ['ledger', 'show', 'out', '--type', 'incident-updated', '--output', 'json'];
    const seqs = async (...more: readonly string[]): Promise<readonly number[]> => {
      const told = JSON.parse((await cli([...ofType, ...more], { cwd })).out) as {
        entries: { entry: { seq: number } }[];
      };
      return told.entries.map(({ entry }) => entry.seq);
    };
    const newest = await seqs('--limit', '3');
    expect(newest).toEqual((await seqs('--limit', '300')).slice(-3));
    expect(newest).toHaveLength(3);
    const exported = await cli(['ledger', 'show', 'out', '--from', '3', '--limit', '1', '--output', 'json'], { cwd });
    expect(JSON.parse(exported.out)).toMatchObject({ entries: [{ entry: { seq: 3 }, payload: { secret: 3 } }] });

    const key = readFileSync(join(cwd, 'out/vkey'), 'utf8').trim();
    await cli(['ledger', 'proof', '17', '--folder', 'out', '--out', 'receipt'], { cwd });
    const holds = await cli(['ledger', 'receipt-verify', 'receipt', '--vkey', key], { cwd });
    expect([holds.code, holds.out]).toEqual([0, expect.stringMatching(/^holds: entry 17 of 300/)]);
    expect((await cli(['ledger', 'verify', 'out', '--vkey', key], { cwd })).code).toBe(0);

    const receipt = readFileSync(join(cwd, 'receipt'), 'utf8').replace('index 17', 'index 18');
    writeFileSync(join(cwd, 'receipt'), receipt);
    expect((await cli(['ledger', 'receipt-verify', 'receipt', '--vkey', key], { cwd })).code).toBe(1);
  });

  it('names a flipped bit, and exits 1', async () => {
    const data = await dataFolder(20);
    const cwd = temporaryFolder();
    await cli(['ledger', 'export', 'out', '--data-dir', data], { cwd });
    const file = join(cwd, 'out/tile/entries/000.p/20');
    const bytes = readFileSync(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const ran = await cli(['ledger', 'verify', 'out'], { cwd });
    expect([ran.code, ran.out]).toEqual([1, expect.stringContaining('DOES NOT VERIFY')]);
    expect(ran.out).toContain('tile/entries/000.p/20');
  });

  it('doctor looks at the same folder and finds nothing in the way of it', async () => {
    const data = await dataFolder(5);
    const ran = await cli(['doctor', '--data-dir', data, '--output', 'json']);
    const { findings } = JSON.parse(ran.out) as { findings: { about: string; is: string }[] };
    const is = Object.fromEntries(findings.map((one) => [one.about, one.is]));
    expect(is).toMatchObject({ node: 'ok', files: 'ok', store: 'ok', ledger: 'ok', 'data folder': 'ok' });
  });
});

describe('replay', () => {
  async function recorded(policies: DecisionInput['policies'], change: Partial<DecisionInput> = {}): Promise<string> {
    const folder = temporaryFolder();
    const { store, ledger } = await ledgerIn(folder);
    const asked = input([], { policies, groups: {}, ...change });
    const { policies: _set, ...facts } = asked;
    const payload = JSON.parse(
      JSON.stringify({ decision: decide(asked), policies: policies.digest, input: facts }),
    ) as Json;
    const draft = { type: 'decision', actor: 'watchkeeper', atMs: asked.asOfMs, subject: {}, body: {} } as const;
    await ledger.record({ drafts: [{ ...draft, payload }, draft] });
    await ledger.close();
    await store.close();
    renameSync(join(folder, 'store.db'), join(folder, 'watchkeeper.db'));
    return folder;
  }

  function policyOf(autonomy: string) {
    const parsed = parsePolicy({
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'Policy',
      metadata: { name: 'p', labels: {} },
      spec: { allow: [{ actions: ['*'], autonomy }] },
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    return policySet([parsed.value]);
  }

  function inForce(autonomy: string): string {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'watchkeeper.yaml'), `sources: []\nresources: { policies: p.yaml }\n`);
    writeFileSync(
      join(cwd, 'p.yaml'),
      `apiVersion: watchkeeper.dev/v1alpha1\nkind: Policy\nmetadata: { name: p }\nspec:\n  allow: [{ actions: ['*'], autonomy: ${autonomy} }]\n`,
    );
    return cwd;
  }

  it('under the same policies gives the same decisions, byte for byte', async () => {
    const data = await recorded(policyOf('act'));
    const ran = await cli(['replay', '--data-dir', data, '--output', 'json'], { cwd: inForce('act') });
    expect(JSON.parse(ran.out)).toMatchObject({
      replayed: 1,
      same: 1,
      withoutInput: 1,
      differing: [],
      notReproduced: [],
    });
    expect(ran.code).toBe(0);
  });

  it('prints what other policies would have decided, and exits 1', async () => {
    const data = await recorded(policyOf('act'));
    const ran = await cli(['replay', '--data-dir', data], { cwd: inForce('observe') });
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/was allowed, would be denied/);
    expect(ran.out).toContain(
      '1 decision made again: 0 the same, 1 different; 1 more are recorded without their inputs',
    );
  });
});
