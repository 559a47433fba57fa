import type uPlot from 'uplot';

import { measured } from '../../lib/measure.ts';
import { valuesShown, type ChartData } from '../lib/chart.ts';
import type { Mark } from '../wire.ts';
import { clockTime } from '../lib/time.ts';

/** Pixels. */
export const plotHeight = 180;

/** How a chart is drawn: the band of what was expected, the line of what was seen, a line down for each mark. */
export function plotOptions(data: () => ChartData, host: HTMLElement): uPlot.Options {
  const style = getComputedStyle(host);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour('soft'), grid: { stroke: colour('chart-grid'), width: 1 }, ticks: { show: false } };
  const font = `12px ${style.fontFamily}`;
  const edge = { stroke: colour('chart-band-line'), width: 1, dash: [3, 3], points: { show: false }, spanGaps: true };
  return {
    width: host.clientWidth,
    height: plotHeight,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [10, 22, 0, 0],
    scales: { y: { range: () => roomy(...valuesShown(data())) } },
    axes: [
      { ...axis, font, space: 80, size: 26, values: (_plot, ticks) => ticks.map((at) => timeTick(at, ticks)) },
      {
        ...axis,
        font,
        size: 62,
        values: (_plot, ticks) => ticks.map((value) => measured(Number(value.toPrecision(6)), data().unit)),
      },
    ],
    series: [{}, { stroke: colour('chart-seen'), width: 1.8, points: { show: false }, spanGaps: true }, edge, edge],
    bands: [{ series: [3, 2], fill: colour('chart-band') }],
    hooks: {
      draw: [
        (plot) => {
          for (const { atMs, kind } of data().marks) mark(plot, atMs / 1_000, colour(lines[kind]), kind !== 'change');
        },
      ],
    },
  };
}

const lines: Readonly<Record<Mark['kind'], string>> = {
  change: 'chart-mark',
  action: 'chart-act',
  incident: 'bad',
};

function mark(plot: uPlot, at: number, colour: string, dashed: boolean): void {
  const { ctx } = plot;
  const x = Math.round(plot.valToPos(at, 'x', true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.setLineDash(dashed ? [5 * devicePixelRatio, 4 * devicePixelRatio] : []);
  ctx.beginPath();
  ctx.moveTo(x, plot.bbox.top);
  ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
  ctx.stroke();
  ctx.restore();
}

// Seconds only where the ticks are that close.
function timeTick(at: number, ticks: readonly number[]): string {
  const close = (ticks[1] ?? at) - (ticks[0] ?? at) < 60;
  const text = clockTime(at * 1_000);
  return close ? text : text.slice(0, 5);
}

// A flat line stands in the middle, and what only goes up begins at nothing.
function roomy(low: number, high: number): [number, number] {
  const span = high - low || Math.abs(high) || 1;
  const bottom = low >= 0 && low - span * 0.1 < 0 ? 0 : low - span * 0.1;
  return [bottom, high + span * 0.1];
}
