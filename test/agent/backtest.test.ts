import { describe, expect, it } from 'vitest';

import { backtest } from '../../src/agent/backtest/index.ts';
import { parseDetector } from '../../src/detectors/index.ts';

const spec = {
  on: 'errors',
  kind: 'threshold',
  params: { above: '5%' },
  hold: '2m',
  clear: '3m',
  severity: 'critical',
};
const document = {
  apiVersion: 'watchkeeper.dev/v1alpha1',
  kind: 'Detector',
  metadata: { name: 'e', labels: {} },
  spec,
} as const;
const parsed = parseDetector(document);
const definitions = parsed.ok ? [parsed.value] : [];

function files(rows: readonly number[]): Record<string, string> {
  return {
    'index.json': JSON.stringify({ services: ['web'], step_s: 60, start: 600, signals: ['error_ratio'] }),
    'web/signals.csv': `time,error_ratio\n${rows.map((v, index) => `${600 + 60 * index},${v}`).join('\n')}\n`,
    'web/changes.json': '[{"at": 900, "kind": "deploy", "version": "v2", "previous": "v1", "service": "web"}]',
  };
}

const reading = (all: Record<string, string>) => (path: string) => Promise.resolve(all[path] ?? '');

describe('backtest', () => {
  const rows = [...Array<number>(5).fill(0.01), ...Array<number>(6).fill(0.2), ...Array<number>(6).fill(0.01)];
  it('gives each alert with hold and clear applied, and the deploy in its reason', async () => {
    const { alerts } = await backtest({ definitions, read: reading(files(rows)) });
    expect(alerts).toMatchObject([{ service: 'web', signal: 'errors', at: 1_020, until: 1_440 }]);
    expect(alerts[0]?.reason).toContain('v2 was deployed');
  });
  it('is causal: an alert that has begun is the same when the recording ends right after', async () => {
    const [whole] = (await backtest({ definitions, read: reading(files(rows)) })).alerts;
    const [cut] = (await backtest({ definitions, read: reading(files(rows.slice(0, 8))) })).alerts;
    expect(cut).toMatchObject({ at: whole?.at, until: null });
  });
  it('never asks for labels', async () => {
    const asked: string[] = [];
    const all = files(rows);
    const read = (path: string) => {
      asked.push(path);
      return Promise.resolve(all[path] ?? '');
    };
    await backtest({ definitions, read });
    expect(asked).toEqual(['index.json', 'web/signals.csv', 'web/changes.json']);
  });
  it('names file and line of what it cannot read', async () => {
    const broken = { ...files(rows), 'web/signals.csv': 'time,error_ratio\n600,0.1\nx,0.1\n' };
    await expect(backtest({ definitions, read: reading(broken) })).rejects.toThrow('web/signals.csv:3');
    const elsewhere = { ...files(rows), 'index.json': '{"services": ["../etc"], "step_s": 60}' };
    await expect(backtest({ definitions, read: reading(elsewhere) })).rejects.toThrow('plain folder name');
  });
});
