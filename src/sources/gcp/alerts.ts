import * as z from 'zod';

import type { Finding } from '../../domain/alert.ts';
import type { GcpReader } from '../../domain/ports/gcp.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { createFiring, type Fate } from '../../io/clients/cloud/firing.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import { pagesOf } from './pages.ts';
import type { GcpConfig } from './schema.ts';
import type { Watched } from './watched.ts';

/** Watches Cloud Monitoring's alerts, and tells each as it begins, goes on and ends. */
export interface Alerts {
  look(
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly findings: readonly Finding[]; readonly gaps: readonly Gap[] }>;
}

const words = z.record(z.string(), z.unknown()).nullish();
const one = z.object({
  name: z.string(),
  state: z.string().default(''),
  openTime: z.string().nullish(),
  resource: z.object({ type: z.string().default(''), labels: words }).nullish(),
  metadata: z.object({ systemLabels: words }).nullish(),
  metric: z.object({ type: z.string().default('') }).nullish(),
  policy: z.object({ displayName: z.string().nullish(), severity: z.string().nullish(), userLabels: words }).nullish(),
});
const answer = z.object({ alerts: z.array(one).default([]) });
type Alert = z.infer<typeof one>;
type Look = Awaited<ReturnType<Alerts['look']>>;

/**
 * Makes it. An alert belongs to the service whose resource it names, or that its policy names by the label; others are not
 * ours to tell.
 */
export function createAlerts(source: string, config: Pick<GcpConfig, 'projects' | 'label'>, reader: GcpReader): Alerts {
  const firing = createFiring();
  const lookIn = async (
    project: string,
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Look> => {
    const gaps: Gap[] = [];
    const lacking = (fault: Pick<Gap, 'reason' | 'message'>): void => {
      const message = `alerts in ${project}: ${fault.message}`;
      gaps.push({ source, signal: 'alerts', reason: fault.reason, message, fromMs: nowMs, untilMs: nowMs });
    };
    const params = { parent: `projects/${project}`, filter: 'state="OPEN"', pageSize: 500 };
    try {
      const call = { service: 'monitoring', method: 'alerts.list', params, project } as const;
      const { pages, more } = await pagesOf(reader, call, signal);
      if (more)
        lacking({ reason: 'partial', message: `more than ${limits.gcpPages} pages are open; the rest was left` });
      const open = pages.flatMap((page) => answer.parse(page).alerts).filter(({ state }) => state === 'OPEN');
      const alarms = new Map(
        open.map((alert) => [
          alert.name,
          servicesOf(alert, project, watched, config.label).map((service) =>
            findingOf(source, alert, service, project, nowMs),
          ),
        ]),
      );
      const ask = async (names: readonly string[]): Promise<ReadonlyMap<string, Fate>> => {
        const { fates, thrown } = await fatesOf(names, project, reader, signal);
        if (thrown !== undefined) lacking(faultOfError(thrown));
        return fates;
      };
      return { findings: await firing.step(project, { alarms, whole: !more }, ask, nowMs), gaps };
    } catch (thrown) {
      lacking(faultOfError(thrown));
      return { findings: [], gaps };
    }
  };
  return {
    look: async (watched, nowMs, signal) => {
      const looks = await Promise.all(config.projects.map(({ id }) => lookIn(id, watched, nowMs, signal)));
      return { findings: looks.flatMap(({ findings }) => findings), gaps: looks.flatMap(({ gaps }) => gaps) };
    },
  };
}

const lost: Fate = {
  ...{ state: 'unknown', words: 'was open, and Cloud Monitoring does not know it any more', forever: true },
};

// One call an alert, a few at a time: what is not asked for now is at the next look.
async function fatesOf(
  names: readonly string[],
  project: string,
  reader: GcpReader,
  signal: AbortSignal,
): Promise<{ readonly fates: ReadonlyMap<string, Fate>; readonly thrown?: unknown }> {
  const fates = new Map<string, Fate>();
  const failed: unknown[] = [];
  await Promise.all(
    names.slice(0, limits.alarmsAskedFor).map(async (name) => {
      const call = { service: 'monitoring', method: 'alerts.get', params: { name }, project } as const;
      try {
        fates.set(name, fateOf(one.parse(await reader.ask(call, signal))));
      } catch (thrown) {
        if (thrown instanceof WatchkeeperError && thrown.code === 'not-found') fates.set(name, lost);
        else failed.push(thrown);
      }
    }),
  );
  return { fates, ...(failed.length > 0 && { thrown: failed[0] }) };
}

function fateOf({ state }: Alert): Fate {
  switch (state) {
    case 'CLOSED':
      return { state: 'good', words: 'is closed' };
    case 'OPEN':
      return { state: 'bad', words: 'is open' };
    default:
      return { state: 'unknown', words: 'was open, and Cloud Monitoring does not say whether it still is' };
  }
}

function servicesOf(alert: Alert, project: string, watched: readonly Watched[], label: string): readonly string[] {
  const here = watched.filter((one) => one.project === project);
  const named = alert.policy?.userLabels?.[label];
  const of = here.filter((one) => one.service === named || isOf(alert, one));
  return [...new Set(of.map(({ service }) => service))];
}

function isOf({ resource, metadata }: Alert, { place, project }: Watched): boolean {
  const labels = resource?.labels ?? {};
  const is = place.resource;
  switch (resource?.type) {
    case 'cloud_run_revision':
      return is.is === 'run' && labels['service_name'] === is.service && labels['location'] === place.location;
    case 'cloudsql_database':
      return is.is === 'sql' && labels['database_id'] === `${project}:${is.instance}`;
    case 'instance_group':
      return is.is === 'instance-group' && labels['instance_group_name'] === is.name;
    case 'gce_instance':
      return is.is === 'instance' && metadata?.systemLabels?.['name'] === is.name;
    default:
      return false;
  }
}

function findingOf(source: string, alert: Alert, service: string, project: string, nowMs: number): Finding {
  const name = oneLine(alert.policy?.displayName || alert.name.slice(alert.name.lastIndexOf('/') + 1), 200);
  const openMs = Date.parse(alert.openTime ?? '');
  return {
    ...{ detector: source, kind: 'external', service, signal: name, labels: { alertname: name, project } },
    ...{ state: 'bad', atMs: nowMs, sinceMs: Number.isFinite(openMs) ? Math.min(openMs, nowMs) : nowMs },
    severity: alert.policy?.severity === 'CRITICAL' ? 'critical' : 'warning',
    reason: `Cloud Monitoring: ${name} is open${alert.metric ? ` on ${oneLine(alert.metric.type, 200)}` : ''}`,
    ...{ numbers: {}, confidence: 1 },
  };
}
