import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { IncidentView, StatusView } from '../../src/agent/index.ts';
import { renderExplain } from '../../src/cli/render/explain.ts';
import { renderLogLine } from '../../src/cli/render/log.ts';
import { renderPlanView } from '../../src/cli/render/plan.ts';
import { forTerminal, jsonText } from '../../src/cli/render/safe.ts';
import { sparkline } from '../../src/cli/render/sparkline.ts';
import { renderStatus } from '../../src/cli/render/status.ts';
import { plainStyle, visibleLength, type Style } from '../../src/cli/render/style.ts';
import { clockTime, measured, relative, shortId, table, wrap } from '../../src/cli/render/words.ts';
import { incidentView, nowMs, plan, statusView } from './worlds.ts';

const plain: Style = { ...plainStyle, nowMs, timeZone: 'Europe/Berlin' };
const terminal: Style = { ...plain, rich: true };
const coloured: Style = { ...terminal, colour: true };
const narrow: Style = { ...terminal, width: 50 };

describe('golden pages', () => {
  it.each([
    ['status.txt', () => renderStatus(statusView, terminal)],
    ['status-piped.txt', () => renderStatus(statusView, plain)],
    ['status-quiet.txt', () => renderStatus(quietNight(), terminal)],
    ['status-unwell.txt', () => renderStatus(unwellNight(), terminal)],
    ['explain.txt', () => renderExplain(incidentView, [40, 41, 42, 44], terminal)],
    ['explain-piped.txt', () => renderExplain(incidentView, [], plain)],
    ['explain-narrow.txt', () => renderExplain(incidentView, [], narrow)],
    ['plan.txt', () => renderPlanView(planView(), terminal)],
  ])('%s', async (file, render) => {
    await expect(forTerminal(render(), terminal)).toMatchFileSnapshot(`golden/${file}`);
  });

  it('colour adds nothing but colour', () => {
    const sgr = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    const painted = forTerminal(renderExplain(incidentView, [], coloured), coloured);
    expect(painted).toMatch(sgr);
    expect(painted.replace(sgr, '').replace(/ +$/gm, '')).toBe(
      forTerminal(renderExplain(incidentView, [], terminal), terminal),
    );
  });

  it('no line is wider than the terminal, ids and diffs apart', () => {
    const lines = renderStatus(statusView, { ...terminal, width: 80 }).split('\n');
    expect(lines.filter((line) => visibleLength(line) > 80 && !line.includes('watchkeeper approve'))).toEqual([]);
  });
});

describe('hostile text', () => {
  const allowed = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]{0,20}m`, 'g');
  const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
  const hostile = fc.string({
    unit: fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;owned\u0007',
      '\u009b31m',
      '\u202e',
      '\u200b',
      '\r',
      '\n',
      '\u0000',
      '\u2028',
      'a',
      ' ',
      '😀',
    ),
    maxLength: 60,
  });

  function poisoned(text: string): { readonly view: IncidentView; readonly status: StatusView } {
    const swap = (value: unknown): unknown => {
      if (typeof value === 'string') return /^(open|firing|critical|active|deploy)$/.test(value) ? value : text;
      if (Array.isArray(value)) return value.map(swap);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, keep.has(key) ? member : swap(member)]),
      );
    };
    const keep = new Set(['state', 'outcome', 'says', 'status', 'verdict', 'severity', 'cause', 'labels', 'counts']);
    return { view: swap(incidentView) as IncidentView, status: swap(statusView) as StatusView };
  }

  it('never reaches the terminal raw, whatever field it is in', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(plain, terminal, coloured), (text, style) => {
        const { view, status } = poisoned(text);
        for (const page of [renderExplain(view, [], style), renderStatus(status, style)]) {
          const shown = forTerminal(page, style).replace(style.colour ? allowed : /$^/, '');
          expect(shown.split('\n').filter((line) => unsafe.test(line))).toEqual([]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is cleaned by the renderers themselves: no colour of its own survives', () => {
    const { view, status } = poisoned('x\u001b[31mred\u001b[5mblink\u001b[2J');
    for (const page of [renderExplain(view, [], coloured), renderStatus(status, coloured)]) {
      expect(page).not.toContain('\u001b[5m');
      expect(page).not.toContain('\u001b[2J');
    }
  });

  it('JSON holds it escaped, and reads back unchanged', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const json = jsonText({ text });
        expect(json.split('\n').filter((line) => unsafe.test(line))).toEqual([]);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });

  it('a log line cannot forge another one', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2026-11-23T02:14:00Z',
      msg: 'a',
      body: 'x\n02:15 error faked',
    });
    expect(forTerminal(renderLogLine(line, plain), plain).trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('words', () => {
  it('tells time locally, and relatively', () => {
    expect(clockTime(plain, nowMs)).toBe('03:14:00');
    expect(clockTime(plain, nowMs - 4 * 3_600_000)).toBe('Sun 22 Nov 23:14');
    expect(clockTime(plain, Date.UTC(2025, 0, 1))).toBe('Wed 01 Jan 2025 01:00');
    expect(clockTime({ ...plain, timeZone: ':/etc/nonsense' }, nowMs)).toBe('02:14:00');
    expect([relative(plain, nowMs - 190_000), relative(plain, nowMs + 720_000), relative(plain, nowMs)]).toEqual([
      '3m 10s ago',
      'in 12m',
      'now',
    ]);
  });

  it('says figures with their unit', () => {
    expect([
      measured(0.1234, 'ratio'),
      measured(0.34, 's'),
      measured(1_610_612_736, 'By'),
      measured(17.25, '1/s'),
      measured(0, '1'),
      measured(Number.NaN, '1'),
    ]).toEqual(['12.3%', '340ms', '1.5GiB', '17.3/s', '0', 'no number']);
  });

  it('shortens ids so that those of one minute still differ', () => {
    expect(shortId('019ab2f4-1c80-7a11-8d2e-0c5a1b2c3d4e')).toBe('019ab2f4-1c80');
    expect(shortId(plan.id)).toBe('4f2a91c0d3e8');
  });

  it('wraps and lines up', () => {
    expect(wrap({ ...plain, width: 12 }, 'one two three four', '  ')).toBe('  one two\n  three four');
    expect(
      table(
        { ...plain, width: 40 },
        [
          ['a', 'bb', 'x'],
          ['ccc', 'd', 'y'],
        ],
        '',
      ),
    ).toBe('a    bb  x\nccc  d   y');
  });
});

describe('sparklines', () => {
  const step = 60_000;
  const of = (values: readonly (number | undefined)[], marks: readonly { atMs: number; label: string }[] = []) =>
    sparkline(plain, {
      samples: values.flatMap((v, index) => (v === undefined ? [] : [{ tMs: index * step, v }])),
      marks,
      width: values.length,
      fromMs: 0,
      untilMs: values.length * step,
    });

  it('keep a spike visible and show what was not measured as nothing', () => {
    expect(of([0, 0, 7, 0, undefined, undefined, undefined, 0])[0]).toMatch(/^▁▁█▁▁? +▁$/);
    expect(of([3, 3, 3])[0]).toBe('███');
    expect(of([0, 0])[0]).toBe('▁▁');
  });

  it('mark the deploy with its version, and keep the newest label where two would collide', () => {
    expect(of([1, 1, 1, 1, 1, 1, 1, 1], [{ atMs: 2 * step, label: 'v3' }])[1]).toBe('  ▲ v3');
    const two = of(
      [1, 1, 1, 1, 1, 1, 1, 1],
      [
        { atMs: 2 * step, label: 'v2' },
        { atMs: 3 * step, label: 'v3' },
      ],
    )[1];
    expect(two).toBe('  ▲▲ v3');
    expect(of([1, 1], [{ atMs: 99 * step, label: 'v9' }])).toHaveLength(1);
  });
});

function quietNight(): StatusView {
  const services = statusView.services.filter(({ state }) => state === 'ok');
  const sources = statusView.sources.slice(0, 1);
  return { ...statusView, services, sources, incidents: [], approvals: [], running: [], gaps: [] };
}

function unwellNight(): StatusView {
  return {
    ...statusView,
    paused: { by: 'cli:ana', atMs: nowMs - 720_000, reason: 'the database is being moved' },
    unwell: ['the ledger cannot be written: no space left on device'],
    resources: { ...statusView.resources, ok: false, problems: ['policies/prod.yaml:12:7: unknown key "alow"'] },
  };
}

function planView() {
  const match = { runbook: 'roll-back-bad-deploy', matched: true, because: 'the cause is a deploy 8m old' };
  const [decision] = incidentView.file?.decisions ?? [];
  return { runbook: match.runbook, service: 'checkout', match, plan, ...(decision === undefined ? {} : { decision }) };
}
