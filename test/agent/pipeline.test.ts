import { describe, expect, it } from 'vitest';

import { createInbox } from '../../src/agent/inbox.ts';
import { createLogBook } from '../../src/agent/logbook.ts';
import { createSpanBook } from '../../src/agent/spanbook.ts';
import { createMetrics } from '../../src/agent/metrics.ts';
import { createPipeline, type PipelineDeps } from '../../src/agent/pipeline.ts';
import { createChangeLog } from '../../src/agent/changes.ts';
import { createWindow } from '../../src/agent/window.ts';
import { emptyCatalog } from '../../src/catalog/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { RecordBatch } from '../../src/domain/ports/ledger.ts';
import { recordingLog } from '../support/quiet-log.ts';
import { virtualClock } from '../support/virtual-clock.ts';

describe('a turn that could not be written', () => {
  it('ends neither the watch nor what it saw: the next turn runs, and writes it', async () => {
    const clock = virtualClock();
    const inbox = createInbox();
    const written: RecordBatch[] = [];
    let full = true;
    const watch = {
      clock,
      log: recordingLog(),
      metrics: createMetrics(),
      random: { id: () => 'id' },
      window: createWindow(60_000),
      changes: createChangeLog([]),
      freshness: { heard: () => undefined },
      health: { checkClock: () => 0 },
      sources: { statuses: () => [] },
      catalog: () => emptyCatalog,
      ledger: {
        size: () => 0,
        record: (batch: RecordBatch) => {
          if (full) return Promise.reject(new WatchkeeperError('rate-limited', 'the queue is full'));
          written.push(batch);
          return Promise.resolve({});
        },
      },
    };
    const deps = {
      watch,
      inbox,
      logbook: createLogBook(),
      spanbook: createSpanBook(),
      bank: { step: () => [], save: () => [], definitions: () => new Map(), replace: () => undefined },
      cases: () => ({ poke: () => undefined, resolved: () => undefined }),
      services: () => new Map(),
    } as unknown as PipelineDeps;
    const pipeline = createPipeline(deps, { alerts: [], incidents: [], verdicts: new Map() });
    const atMs = clock.nowMs();
    inbox.changes([{ id: 'c1', atMs, kind: 'deploy', service: 's', source: 'announce', ref: '' } as never]);
    await expect(pipeline.turn()).rejects.toThrow('the queue is full');
    full = false;
    await pipeline.turn();
    expect(written.flatMap(({ puts }) => puts ?? []).map(({ key }) => key)).toContain('c1');
  });
});
