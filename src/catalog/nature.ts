import type { SeriesNature } from '../domain/telemetry.ts';

/**
 * What kind of quantity a signal is, judged by its unit first and its name second, when a binding does not say.
 * Shares of good or bad events are `ratio`; shares of a capacity (CPU, disk) are gauges, because a full disk and a
 * failing request are watched differently.
 */
export function inferNature(signal: string, unit: string): SeriesNature {
  const name = signal.toLowerCase();
  if (['s', 'ms', 'us', 'ns'].includes(unit) && !/uptime|age|lag|expiry|remaining/.test(name)) return 'latency';
  if (/(^|[^a-z])(up|healthy|health|state|alive|ready)([^a-z]|$)/.test(name)) return 'state';
  const events = /err|fail|5xx|4xx|success|availab|reject|drop/.test(name);
  if (unit === 'ratio' || unit === '%')
    return events || !/cpu|mem|disk|inode|usage|used|satur|pool/.test(name) ? 'ratio' : 'gauge';
  if (unit.endsWith('/s') || unit.endsWith('/min')) return 'rate';
  if (unit !== '1' && unit !== '') return 'gauge';
  if (events) return 'ratio';
  if (/latency|duration|response.?time|p\d\d/.test(name)) return 'latency';
  return /traffic|rps|qps|requests|throughput|rate/.test(name) ? 'rate' : 'gauge';
}
