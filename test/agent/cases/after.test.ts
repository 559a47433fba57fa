import { describe, expect, test } from 'vitest';

import { onExecution } from '../../../src/agent/cases/after.ts';
import { createCaseFiles } from '../../../src/agent/cases/file-store.ts';
import type { CaseDeps } from '../../../src/agent/cases/types.ts';
import type { CaseWork } from '../../../src/agent/cases/work.ts';
import { createMetrics } from '../../../src/agent/metrics.ts';
import { emptyCatalog } from '../../../src/catalog/index.ts';
import type { Incident } from '../../../src/domain/alert.ts';
import type { Notice } from '../../../src/domain/ports/channel.ts';
import type { Execution } from '../../../src/domain/remediation.ts';
import type { Json } from '../../../src/lib/json.ts';
import { diskLedger, diskStore, emptyDisk } from '../../support/memory-store.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { plan } from '../../policy/world.ts';

const incident = {
  id: plan().incidentId,
  title: 'checkout fails',
  status: 'resolved',
  severity: 'critical',
  service: 'checkout',
  services: ['checkout'],
  alerts: [],
  openedAtMs: 0,
  timeline: [],
} as unknown as Incident;

// A desk in whose memory there is no incident any more.
async function desk(stored: Incident | undefined) {
  const disk = emptyDisk();
  disk.epoch = 1;
  const ledger = diskLedger(disk, 1);
  const store = diskStore(disk);
  const called: { readonly notice: Notice; readonly escalation: string; readonly climbs: boolean }[] = [];
  const watch = {
    clock: virtualClock(),
    log: recordingLog(),
    metrics: createMetrics(),
    store,
    ledger,
    state: () => ({ alerts: [], incidents: [], verdicts: new Map() }),
    catalog: () => emptyCatalog,
    resources: () => ({ escalations: new Map([['oncall', {}]]) }),
    ladder: {
      answered: () => Promise.resolve(),
      call: (notice: Notice, escalation: string, climbs: boolean) => {
        called.push({ notice, escalation, climbs });
        return Promise.resolve();
      },
    },
  };
  if (stored)
    await ledger.record({
      drafts: [],
      puts: [{ space: 'incident', key: stored.id, value: stored as unknown as Json }],
    });
  const deps = { watch, annotate: () => undefined } as unknown as CaseDeps;
  const work = { ...deps, files: createCaseFiles(deps), begin: () => undefined } as unknown as CaseWork;
  const end = (status: Execution['status'], escalate: boolean): Promise<void> => {
    const execution = {
      id: 'x1',
      plan: plan(),
      status,
      because: 'errors stayed high',
      steps: [],
    } as unknown as Execution;
    return onExecution(work, { kind: 'ended', execution, because: 'errors stayed high', escalate }, () => undefined);
  };
  return { called, end };
}

describe('the end of an execution whose incident has left memory', () => {
  test.each([
    ['is read back from the store', incident, 'checkout fails'],
    ['is gone altogether', undefined, 'whose incident is not kept any more'],
  ])('is told when the incident %s', async (_how, stored, title) => {
    const { called, end } = await desk(stored);
    await end('failed', true);
    expect(called).toHaveLength(1);
    expect(called[0]).toMatchObject({ escalation: 'oncall', climbs: true, notice: { kind: 'act-failed' } });
    expect(called[0]?.notice.title).toContain(title);
    expect(called[0]?.notice.lines).toContain('errors stayed high');
  });

  test.each([
    ['succeeded', 'acted', false, false],
    ['cancelled', 'act-failed', false, false],
    ['unknown', 'act-failed', true, true],
  ] as const)('that %s is told, once', async (status, kind, escalate, climbs) => {
    const { called, end } = await desk(incident);
    await end(status, escalate);
    await end(status, escalate);
    expect(called.map((one) => [one.notice.kind, one.climbs])).toEqual([[kind, climbs]]);
  });
});
