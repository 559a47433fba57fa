import { createHash, createHmac } from 'node:crypto';

import { beforeAll, describe, expect, it } from 'vitest';

import type { ApprovalView, Charts, EntryProof, LedgerView, ServiceDetail } from '../../src/agent/index.ts';
import { trackRecord } from '../../src/agent/windows/service-detail.ts';
import type { ActRecord } from '../../src/domain/authority.ts';
import { waitingWorld, type WaitingWorld } from '../support/api-world.ts';

let here: WaitingWorld;
beforeAll(async () => {
  here = await waitingWorld();
});

async function get<T>(path: string, token = 'viewer-token'): Promise<T> {
  const response = await here.app.request(path, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

describe('the charts of an incident', () => {
  it('show the signal that alerted first, over the time of the incident, and the deploy beside it', async () => {
    const { fromMs, untilMs, charts, marks } = await get<Charts>(`/api/v1/incidents/${here.waiting.incidentId}/charts`);
    expect(charts[0]).toMatchObject({ service: 'checkout', signal: 'errors', alerting: true });
    expect(charts.slice(1).some(({ alerting }) => alerting)).toBe(false);
    const times = charts[0]?.samples.map(({ tMs }) => tMs) ?? [];
    expect(times.length).toBeGreaterThan(10);
    expect(times.every((tMs) => tMs >= fromMs && tMs <= untilMs)).toBe(true);
    expect(marks.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      expect.stringContaining('change: deploy of checkout: v2 → v3'),
      expect.stringContaining('incident: opened: checkout'),
    ]);
  });
});

describe('a question', () => {
  it('comes with its plan, why it was asked, and whether it is for the caller', async () => {
    const path = `/api/v1/approvals/${here.waiting.planId}`;
    const asked = await get<ApprovalView>(path, 'ana-token');
    expect(asked.yours).toBe(true);
    expect(asked.plan?.steps[0]?.diff.length).toBeGreaterThan(0);
    expect(asked.decision).toMatchObject({ outcome: 'require-approval', planId: here.waiting.planId });
    expect(asked.incident?.id).toBe(here.waiting.incidentId);
    expect(asked.diagnosis).toContain('v3');
    expect((await get<ApprovalView>(path, 'admin-token')).yours).toBe(false);
  });
});

describe('an entry of the ledger', () => {
  it('proves itself to a reader who has nothing but SHA-256 and the checkpoint', async () => {
    const { checkpoint } = await get<LedgerView>('/api/v1/ledger');
    let withPayload = 0;
    for (let seq = 0; seq < checkpoint.size; seq += 1) {
      const proved = await get<EntryProof>(`/api/v1/ledger/entries/${seq}`);
      expect(proved.note).toBe(checkpoint.note);
      const leaf = Buffer.from(proved.leaf, 'base64');
      expect(JSON.parse(leaf.toString())).toEqual(proved.entry);
      expect(rootFrom(leaf, proved).toString('base64')).toBe(checkpoint.note.split('\n')[2]);
      if (proved.payload === undefined) continue;
      withPayload += 1;
      const data = Buffer.from(proved.payload.data, 'base64');
      const salt = Buffer.from(proved.payload.salt, 'base64');
      expect(createHmac('sha256', salt).update(data).digest('hex')).toBe(proved.entry.commitment);
      expect(JSON.parse(data.toString())).toEqual(proved.payload.value);
    }
    expect(withPayload).toBeGreaterThan(3);
  });
});

// RFC 9162, section 2.1.3.2, written down again from the text: no line of the daemon's own verifier is used.
function rootFrom(leaf: Buffer, { proof: { index, size, hashes } }: EntryProof): Buffer {
  const sha = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  let [fn, sn] = [index, size - 1];
  let r = sha(Buffer.from([0]), leaf);
  for (const text of hashes) {
    const p = Buffer.from(text, 'base64');
    if (fn % 2 === 1 || fn === sn) {
      r = sha(Buffer.from([1]), p, r);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1];
    } else r = sha(Buffer.from([1]), r, p);
    [fn, sn] = [fn >> 1, sn >> 1];
  }
  expect(sn).toBe(0);
  return r;
}

describe('a service', () => {
  it('comes with its owner, what may be done to it, and by which rule', async () => {
    const { owner, autonomy, service } = await get<ServiceDetail>('/api/v1/services/checkout');
    expect(owner.team).toBe(service.team);
    expect(autonomy.find(({ runbook }) => runbook === here.waiting.runbook)).toMatchObject({
      service: 'checkout',
      outcome: 'require-approval',
    });
  });

  it('counts an execution once, by its last act, and none that runs', () => {
    const act = (executionId: string, atMs: number, outcome: ActRecord['outcome'], runbook = 'r'): ActRecord => ({
      ...{ executionId, planId: 'p', runbook, service: 's', targetKey: 't', action: 'a', atMs, outcome, touched: 1 },
    });
    const acts = [
      act('1', 1, 'succeeded'),
      act('2', 2, 'succeeded'),
      act('2', 3, 'undone'),
      act('3', 4, 'running'),
      act('4', 5, 'failed', 'q'),
      { ...act('5', 6, 'failed'), service: 'other' },
    ];
    expect(trackRecord(acts, 's')).toEqual([
      { runbook: 'q', runs: 1, succeeded: 0, failed: 1, undone: 0, unknown: 0, lastAtMs: 5 },
      { runbook: 'r', runs: 2, succeeded: 1, failed: 0, undone: 1, unknown: 0, lastAtMs: 3 },
    ]);
  });
});
