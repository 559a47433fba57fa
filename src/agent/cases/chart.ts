import type { Alert, Incident } from '../../domain/alert.ts';
import type { NoticeChart } from '../../domain/ports/channel.ts';
import type { Sample } from '../../domain/telemetry.ts';
import { oneLine } from '../../lib/text.ts';
import type { Watch } from '../watch.ts';

const lookBackMs = 60 * 60_000;
const mostPoints = 120;
const mostMarks = 8;
const markChars = 60;

/** The chart of an incident: its gravest alert's signal over the last hour, with what was changed and done. */
export function chartOf(watch: Watch, incident: Incident, alerts: readonly Alert[]): NoticeChart | undefined {
  const alert = alerts.find(({ finding }) => finding.chart !== undefined) ?? alerts[0];
  if (alert === undefined) return undefined;
  const untilMs = watch.clock.nowMs();
  const fromMs = untilMs - lookBackMs;
  const shown = alert.finding.chart;
  const series = watch.window
    .read({ fromMs, untilMs, services: new Set([alert.service]), signal: alert.signal })
    .find(({ key }) => shown === undefined || key === shown.seriesKey);
  const seen = thinned(series?.samples ?? shown?.seen ?? []);
  if (seen.length < 2) return undefined;
  const step = Math.max(1, Math.ceil((shown?.expected.length ?? 0) / mostPoints));
  return {
    title: oneLine(`${alert.service}: ${alert.signal}`, 80),
    unit: series?.unit ?? '',
    seen,
    expected: (shown?.expected ?? []).filter((_, index) => index % step === 0),
    marks: [...changesIn(watch, incident, fromMs), ...actsIn(watch, incident)]
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-mostMarks),
  };
}

function changesIn(watch: Watch, incident: Incident, fromMs: number): NoticeChart['marks'] {
  return incident.services
    .slice(0, 20)
    .flatMap((service) => watch.changes.of(service))
    .filter(({ atMs }) => atMs >= fromMs)
    .map(({ atMs, kind, service, what, to }) => ({
      atMs,
      kind: 'change',
      text: oneLine(`${kind} ${to ?? what}${service === incident.service ? '' : ` of ${service}`}`, markChars),
    }));
}

function actsIn(watch: Watch, incident: Incident): NoticeChart['marks'] {
  return watch
    .executor()
    .history()
    .filter(({ service, atMs }) => incident.services.includes(service) && atMs >= incident.openedAtMs)
    .map(({ atMs, action }) => ({ atMs, kind: 'act', text: oneLine(action, markChars) }));
}

// Of each stretch its largest point, so that a spike stays visible.
function thinned(samples: readonly Sample[]): readonly Sample[] {
  if (samples.length <= mostPoints) return samples;
  const width = samples.length / mostPoints;
  return Array.from({ length: mostPoints }, (_, index) => {
    const part = samples.slice(Math.floor(index * width), Math.floor((index + 1) * width));
    return part.reduce((most, sample) => (sample.v > most.v ? sample : most));
  });
}
