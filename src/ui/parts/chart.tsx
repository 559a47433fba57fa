import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';

import { measured } from '../../lib/measure.ts';
import { chartWords, sparkPoints, type ChartData } from '../lib/chart.ts';
import { cut, visible } from '../lib/words.ts';
import type { Mark, Signal } from '../wire.ts';
import { Text, When } from './basic.tsx';
import { plotHeight, plotOptions } from './plot.ts';

/** Charts over one stretch of time, and in words what is marked in them. */
export function ChartGroup({ charts }: { readonly charts: readonly ChartData[] }) {
  const marks = new Map(charts.flatMap((data) => data.marks).map((mark) => [`${mark.atMs} ${mark.text}`, mark]));
  return (
    <>
      {charts.map((data) => (
        <Chart key={data.key} data={data} />
      ))}
      <Marks of={[...marks.values()].sort((a, b) => a.atMs - b.atMs)} />
    </>
  );
}

const keys: Readonly<Record<Mark['kind'], string>> = { change: 'mark', action: 'act', incident: 'edge' };

function Marks({ of }: { readonly of: readonly Mark[] }) {
  if (of.length === 0) return null;
  return (
    <ul class="legend marks" aria-label="Marked in the charts">
      {of.map((mark) => (
        <li key={`${mark.atMs} ${mark.text}`}>
          <span class={`key ${keys[mark.kind]}`} />
          <When atMs={mark.atMs} clock still />
          <span>
            <Text>{cut(mark.text, 90)}</Text>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** A signal over time with what was expected of it, and what happened, as marks. Said in words beside it. */
function Chart({ data }: { readonly data: ChartData }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const dark = useDark();
  const write = (value: number): string => measured(value, data.unit);
  const shape = `${data.key} ${data.unit} ${data.hasBand} ${dark}`;
  useEffect(() => {
    const host = box.current;
    if (host === null) return undefined;
    let gone = false;
    let watch: ResizeObserver | undefined;
    // The drawing library is fetched by those views alone that draw.
    void import('uplot').then(({ default: Plot }) => {
      if (gone) return;
      const made = new Plot(
        plotOptions(() => latest.current, host),
        columns(latest.current),
        host,
      );
      plot.current = made;
      watch = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: plotHeight }));
      watch.observe(host);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(columns(data)), [data]);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{visible(data.title)}</h3>
        <Legend data={data} write={write} />
      </figcaption>
      <div class="plot" ref={box} role="img" aria-label={visible(chartWords(data, write))} />
    </figure>
  );
}

function Legend({ data, write }: { readonly data: ChartData; readonly write: (value: number) => string }) {
  const last = data.seen.findLast((value) => value !== null);
  return (
    <ul class="legend">
      <li>
        <span class="key" />
        measured{last === undefined ? '' : `, last ${write(last)}`}
      </li>
      {data.hasBand ? (
        <li>
          <span class="key band" />
          expected
        </li>
      ) : null}
    </ul>
  );
}

function columns(data: ChartData): uPlot.AlignedData {
  return [data.xs, data.seen, data.low, data.high].map((column) => [...column]) as uPlot.AlignedData;
}

function useDark(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = (): void => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, [query]);
  return dark;
}

/** The recent course of a signal, the size of a word. */
export function Spark({ signal }: { readonly signal: Signal }) {
  const points = sparkPoints(signal.recent, 110, 26);
  if (points === '') return <span class="soft small">no course yet</span>;
  return (
    <svg class="spark" viewBox="0 0 110 26" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <polyline
        points={points}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  );
}
