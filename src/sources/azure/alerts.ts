import * as z from 'zod';

import type { Finding, Severity } from '../../domain/alert.ts';
import type { AzureReader } from '../../domain/ports/azure.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { createFiring, type Fate } from '../../io/clients/cloud/firing.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import { oneLine } from '../../lib/text.ts';
import type { AzureConfig } from './schema.ts';
import { idOf, named, type Watched } from './watched.ts';

/** Watches the alerts of Azure Monitor, and tells each as it begins, goes on and ends. */
export interface Alerts {
  look(
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly findings: readonly Finding[]; readonly gaps: readonly Gap[] }>;
}

const one = z.object({
  id: z.string(),
  name: z.string().default(''),
  properties: z.object({
    essentials: z.object({
      severity: z.string().nullish(),
      monitorCondition: z.string().nullish(),
      targetResource: z.string().nullish(),
      alertRule: z.string().nullish(),
      description: z.string().nullish(),
      startDateTime: z.string().nullish(),
    }),
  }),
});
const answer = z.object({ value: z.array(one).default([]), nextLink: z.string().nullish() });
type Alert = z.infer<typeof one>;
type Look = Awaited<ReturnType<Alerts['look']>>;

/** Makes it. An alert belongs to the service whose resource it targets; others are not ours to tell. */
export function createAlerts(source: string, config: AzureConfig, reader: AzureReader): Alerts {
  const firing = createFiring();
  const many = config.subscriptions.length > 1;
  const lookIn = async (
    name: string,
    watched: readonly Watched[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Look> => {
    const gaps: Gap[] = [];
    const lacking = (fault: Pick<Gap, 'reason' | 'message'>): void => {
      const message = `alerts of ${name}: ${fault.message}`;
      gaps.push({ source, signal: 'alarms', reason: fault.reason, message, fromMs: nowMs, untilMs: nowMs });
    };
    const subscription = many ? name : undefined;
    try {
      const { found, more } = await firedIn(subscription, reader, signal);
      if (more)
        lacking({ reason: 'partial', message: `more than ${limits.azurePages} pages have fired; the rest was left` });
      const alarms = new Map(
        found.map((alert) => [
          alert.id,
          targeted(alert, watched, config).map(({ service, place }) =>
            findingOf(source, alert, service, place.region, nowMs),
          ),
        ]),
      );
      const ask = async (ids: readonly string[]): Promise<ReadonlyMap<string, Fate>> => {
        const { fates, thrown } = await fatesOf(ids, subscription, reader, signal);
        if (thrown !== undefined) lacking(faultOfError(thrown));
        return fates;
      };
      return { findings: await firing.step(name, { alarms, whole: !more }, ask, nowMs), gaps };
    } catch (thrown) {
      lacking(faultOfError(thrown));
      return { findings: [], gaps };
    }
  };
  return {
    look: async (watched, nowMs, signal) => {
      const looks = await Promise.all(config.subscriptions.map(({ name }) => lookIn(name, watched, nowMs, signal)));
      return { findings: looks.flatMap(({ findings }) => findings), gaps: looks.flatMap(({ gaps }) => gaps) };
    },
  };
}

async function firedIn(
  subscription: string | undefined,
  reader: AzureReader,
  signal: AbortSignal,
): Promise<{ readonly found: readonly Alert[]; readonly more: boolean }> {
  const found: Alert[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < limits.azurePages; pages++) {
    // The longest that can be asked for, and as long as Azure keeps alerts.
    const query = { monitorCondition: 'Fired', timeRange: '30d', pageCount: '250', includeContext: 'false' };
    const call = { operation: 'alerts.list', ...named(subscription), query } as const;
    const parsed = answer.parse(await reader.ask({ ...call, ...(next === undefined ? {} : { next }) }, signal));
    found.push(...parsed.value.filter(({ properties }) => properties.essentials.monitorCondition === 'Fired'));
    next = parsed.nextLink ?? undefined;
    if (next === undefined) return { found, more: false };
  }
  return { found, more: true };
}

const lost: Fate = {
  ...{ state: 'unknown', words: 'fired, and Azure Monitor does not keep it any more, so it may still', forever: true },
};

// One call an alert, a few at a time: what is not asked for now is at the next look.
async function fatesOf(
  ids: readonly string[],
  subscription: string | undefined,
  reader: AzureReader,
  signal: AbortSignal,
): Promise<{ readonly fates: ReadonlyMap<string, Fate>; readonly thrown?: unknown }> {
  const fates = new Map<string, Fate>();
  const failed: unknown[] = [];
  await Promise.all(
    ids.slice(0, limits.alarmsAskedFor).map(async (id) => {
      const path = { alert: id.slice(id.lastIndexOf('/') + 1) };
      try {
        const asked = await reader.ask({ operation: 'alerts.get', ...named(subscription), path }, signal);
        fates.set(id, fateOf(one.parse(asked)));
      } catch (thrown) {
        if (thrown instanceof WatchkeeperError && thrown.code === 'not-found') fates.set(id, lost);
        else failed.push(thrown);
      }
    }),
  );
  return { fates, ...(failed.length > 0 && { thrown: failed[0] }) };
}

function fateOf({ properties }: Alert): Fate {
  switch (properties.essentials.monitorCondition) {
    case 'Resolved':
      return { state: 'good', words: 'is resolved' };
    case 'Fired':
      return { state: 'bad', words: 'is fired' };
    default:
      return { state: 'unknown', words: 'fired, and Azure Monitor does not say whether it still does' };
  }
}

function targeted({ properties }: Alert, watched: readonly Watched[], config: AzureConfig): readonly Watched[] {
  const target = (properties.essentials.targetResource ?? '').toLowerCase();
  const of = watched.filter(({ place }) => {
    const id = idOf(place, config);
    return target === id || target.startsWith(`${id}/`);
  });
  return [...new Map(of.map((one) => [one.service, one])).values()];
}

// Sev0 is critical and Sev1 an error; Sev3 and Sev4 are words.
const severities: Readonly<Record<string, Severity>> = { Sev0: 'critical', Sev1: 'critical', Sev2: 'warning' };

function findingOf(source: string, alert: Alert, service: string, region: string, nowMs: number): Finding {
  const { essentials } = alert.properties;
  const rule = oneLine((essentials.alertRule ?? '').split('/').at(-1) || alert.name, 200);
  const said = oneLine(essentials.description ?? '', 300);
  const startedMs = Date.parse(essentials.startDateTime ?? '');
  return {
    ...{ detector: source, kind: 'external', service, signal: rule, labels: { alertname: rule, region } },
    ...{ state: 'bad', atMs: nowMs, sinceMs: Number.isFinite(startedMs) ? Math.min(startedMs, nowMs) : nowMs },
    severity: severities[essentials.severity ?? ''] ?? 'info',
    reason: `Azure Monitor: ${rule} fired${said === '' ? '' : `: ${said}`}`,
    ...{ numbers: {}, confidence: 1 },
  };
}
