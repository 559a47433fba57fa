import type { Notice } from '../domain/ports/channel.ts';
import type { Log } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { limits } from '../lib/limits.ts';
import { drawPng } from '../io/clients/picture.ts';
import { chartSvg } from './chart.ts';

/** The chart of a notice as PNG; `undefined` when there is none or it cannot be drawn: no message fails by its picture. */
export async function drawn({ chart }: Notice, log: Log, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const svg = chart === undefined ? undefined : chartSvg(chart);
  if (svg === undefined) return undefined;
  try {
    const png = await drawPng(svg, signal);
    return png.length > limits.pictureBytes ? undefined : png;
  } catch (thrown) {
    log.warn('a chart could not be drawn', { error: WatchkeeperError.from(thrown) });
    return undefined;
  }
}
