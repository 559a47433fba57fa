import type { BacktestAlert } from '../../agent/index.ts';
import type { Change } from '../../domain/change.ts';
import { measured } from '../render/words.ts';
import { html, type Html } from './html.ts';

const width = 720;
const height = 180;
const left = 64;
const bottom = 22;
const top = 8;

interface Scale {
  readonly x: (tMs: number) => string;
  readonly y: (v: number) => string;
}

/** The signal around an alert: what was seen, what was expected, when it fired and ended, and what was changed. */
export function chartOf(alert: BacktestAlert, changes: readonly Change[]): Html {
  const picture = alert.picture;
  if (picture === undefined || picture.seen.length < 2)
    return html`<p class="quiet">No chart: too few samples around it.</p>`;
  const { seen, expected, unit } = picture;
  const fromMs = seen[0]?.tMs ?? 0;
  const untilMs = seen.at(-1)?.tMs ?? 0;
  const within = expected.filter(({ tMs }) => tMs >= fromMs && tMs <= untilMs);
  const [low, high] = extent(seen, within);
  const scale: Scale = {
    x: (tMs) => (left + ((tMs - fromMs) / Math.max(1, untilMs - fromMs)) * (width - left)).toFixed(1),
    y: (v) => (top + (1 - (v - low) / (high - low)) * (height - top - bottom)).toFixed(1),
  };
  const marks = changes.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs).slice(-20);
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${alert.signal} of ${alert.service}">
    ${firingArea(alert, untilMs, scale)} ${band(within, low, high, scale)}
    <polyline class="seen" points="${seen.map(({ tMs, v }) => `${scale.x(tMs)},${scale.y(v)}`).join(' ')}" />
    ${marks.map((change) => changeMark(change, scale))}
    <text x="${left - 6}" y="${top + 10}" class="axis end">${measured(high, unit)}</text>
    <text x="${left - 6}" y="${height - bottom}" class="axis end">${measured(low, unit)}</text>
    <text x="${left}" y="${height - 6}" class="axis">${stamp(fromMs)}</text>
    <text x="${width}" y="${height - 6}" class="axis end">${stamp(untilMs)}</text>
  </svg>`;
}

function extent(
  seen: readonly { readonly v: number }[],
  expected: readonly { readonly low: number; readonly high: number }[],
): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const { v } of seen) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  // A band without an end (a limit on one side) must not flatten what was seen.
  const room = Math.max(high - low, Math.abs(high) * 0.05, 1e-9);
  for (const band of expected) {
    if (band.low > low - 2 * room) low = Math.min(low, band.low);
    if (band.high < high + 2 * room) high = Math.max(high, band.high);
  }
  return high > low ? [low, high] : [low - room / 2, high + room / 2];
}

function band(
  expected: readonly { readonly tMs: number; readonly low: number; readonly high: number }[],
  low: number,
  high: number,
  scale: Scale,
): Html {
  if (expected.length < 2) return html``;
  const clamp = (v: number): number => Math.min(high, Math.max(low, v));
  const upper = expected.map((one) => `${scale.x(one.tMs)},${scale.y(clamp(one.high))}`);
  const lower = expected.map((one) => `${scale.x(one.tMs)},${scale.y(clamp(one.low))}`).reverse();
  return html`<polygon class="expected" points="${[...upper, ...lower].join(' ')}" />`;
}

function firingArea(alert: BacktestAlert, untilMs: number, scale: Scale): Html {
  const from = Number(scale.x(alert.at * 1_000));
  const to = Number(scale.x(Math.min(untilMs, (alert.until ?? untilMs / 1_000) * 1_000)));
  return html`<rect
    class="firing"
    x="${from}"
    y="${top}"
    width="${Math.max(1, to - from).toFixed(1)}"
    height="${height - top - bottom}"
  />`;
}

function changeMark(change: Change, scale: Scale): Html {
  const x = scale.x(change.atMs);
  const text = `${change.kind} ${change.to ?? change.what} at ${stamp(change.atMs)}`;
  return html`<g class="change">
    <title>${text}</title>
    <line x1="${x}" x2="${x}" y1="${top}" y2="${height - bottom}" />
    <text x="${x}" y="${top + 10}" class="axis">${change.to?.slice(0, 24) ?? change.kind}</text>
  </g>`;
}

/** A moment as the report shows it, in UTC. */
export function stamp(tMs: number): string {
  return `${new Date(tMs).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}
