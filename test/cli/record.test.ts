import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cli, temporaryFolder } from './support.ts';

const secret = 'hunter2-hunter2';
const fromS = 1_767_225_600;
let server: Server;
let url = '';
const asked: URLSearchParams[] = [];

/** Answers range queries as Prometheus does: two pods, one of them without samples in the second hour. */
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const query = new URLSearchParams(body);
      asked.push(query);
      if (query.get('query') === 'broken') {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: `no token=${secret} here` }));
        return;
      }
      const values = (hole: boolean): [number, string][] => {
        const rows: [number, string][] = [];
        for (let t = Number(query.get('start')); t <= Number(query.get('end')); t += Number(query.get('step')))
          if (!hole || t < fromS + 3_600 || t > fromS + 7_200) rows.push([t, t < fromS + 9_000 ? '0.001' : '0.3']);
        return rows;
      };
      const result = ['a', 'b'].map((pod) => ({
        metric: { pod, note: `password=${secret}` },
        values: values(pod === 'b'),
      }));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

function workplace(query = 'errors'): string {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'services'));
  writeFileSync(
    join(cwd, 'watchkeeper.yaml'),
    `resources: { services: services }\nsources:\n  - { id: prom, kind: prometheus, url: '${url}' }\n`,
  );
  writeFileSync(
    join(cwd, 'services/shop.yaml'),
    `apiVersion: watchkeeper.dev/v1alpha1\nkind: Service\nmetadata: { name: shop }\nspec:\n  owner: { team: t }\n  telemetry:\n    errors: { source: prom, query: '${query}', unit: ratio }\n`,
  );
  const change = { at: fromS + 8_940, kind: 'deploy', service: 'shop', version: 'v2', previous: 'v1' };
  writeFileSync(join(cwd, 'changes.json'), JSON.stringify([change]));
  return cwd;
}

const stretch = ['--from', '2026-01-01T00:00:00Z', '--until', '2026-01-01T04:00:00Z', '--step', '1m'];

describe('record', () => {
  it('writes what a Prometheus kept as a recording that backtest reads, holes and changes included', async () => {
    const cwd = workplace();
    const ran = await cli(['record', 'rec', ...stretch, '--changes', 'changes.json'], { cwd });
    expect(ran).toMatchObject({ code: 0, err: '' });
    const lines = readFileSync(join(cwd, 'rec/shop/signals.csv'), 'utf8').trim().split('\n');
    expect(lines).toHaveLength(242);
    expect(lines[90]).toMatch(/^\d+,0\.001,$/);
    const back = await cli(['backtest', 'rec', '--out', 'alerts.json', '--report', 'report.html'], { cwd });
    expect(back).toMatchObject({ code: 0, err: '' });
    const alerts = JSON.parse(readFileSync(join(cwd, 'alerts.json'), 'utf8')) as {
      at: number;
      labels: { pod: string };
    }[];
    expect(new Set(alerts.map(({ labels }) => labels.pod))).toEqual(new Set(['a', 'b']));
    expect(alerts.every(({ at }) => at >= fromS + 9_000)).toBe(true);
    expect(readFileSync(join(cwd, 'report.html'), 'utf8')).toContain('<svg');
  });
  it('asks in parts that Prometheus accepts', async () => {
    asked.length = 0;
    const cwd = workplace();
    await cli(['record', 'rec', '--from', '2026-01-01T00:00:00Z', '--until', '2026-01-16T00:00:00Z', '--step', '1m'], {
      cwd,
    });
    const spans = asked.map((query) => (Number(query.get('end')) - Number(query.get('start'))) / 60);
    expect(spans.length).toBe(3);
    expect(Math.max(...spans)).toBeLessThan(11_000);
    const lines = readFileSync(join(cwd, 'rec/shop/signals.csv'), 'utf8').trim().split('\n');
    expect(lines.length - 1).toBe(15 * 1_440 + 1);
  });
  it('writes no secret, wherever it came from', async () => {
    const cwd = workplace();
    expect((await cli(['record', 'rec', ...stretch], { cwd })).code).toBe(0);
    for (const file of ['index.json', 'shop/signals.csv', 'shop/changes.json'])
      expect(readFileSync(join(cwd, 'rec', file), 'utf8')).not.toContain(secret);
  });
  it('says what is wrong and leaves nothing when there is no sample', async () => {
    const cwd = workplace('broken');
    const ran = await cli(['record', 'rec', ...stretch], { cwd });
    expect([ran.code, ran.err]).toEqual([5, expect.stringContaining('no sample was read')]);
    expect(ran.err).not.toContain(secret);
    expect(existsSync(join(cwd, 'rec'))).toBe(false);
  });
  it('never writes over a recording', async () => {
    const cwd = workplace();
    mkdirSync(join(cwd, 'rec'));
    writeFileSync(join(cwd, 'rec/index.json'), '{}');
    const ran = await cli(['record', 'rec', ...stretch], { cwd });
    expect([ran.code !== 0, ran.err]).toEqual([true, expect.stringContaining('holds a recording already')]);
    expect(readFileSync(join(cwd, 'rec/index.json'), 'utf8')).toBe('{}');
  });
  it('records what comes from now on when it is told for how long', async () => {
    const cwd = workplace();
    const ran = await cli(['record', 'rec', '--for', '1s'], { cwd });
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(join(cwd, 'rec/shop/signals.csv'), 'utf8').trim().split('\n').length).toBeGreaterThan(1);
  });
  it.each([
    [['--from', 'soon'], 'is no time'],
    [['--step', 'x'], 'is no duration'],
    [['--from', '1h', '--until', '2h'], '--from must lie before --until'],
    [['--service', 'nobody'], 'there is no service named nobody'],
  ])('refuses %j', async (more, why) => {
    const cwd = workplace();
    const ran = await cli(['record', 'rec', ...more], { cwd });
    expect([ran.code !== 0, ran.err]).toEqual([true, expect.stringContaining(why)]);
  });
});
