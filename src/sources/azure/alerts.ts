import * as z from 'zod';

import type { Finding, Severity } from '../../domain/alert.ts';
import type { AzureReader } from '../../domain/ports/azure.ts';
import type { Gap } from '../../domain/telemetry.ts';
import { createFiring } from '../../io/clients/cloud/firing.ts';
import { faultOfError } from '../../io/clients/http-reader.ts';
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

const answer = z.object({
  value: z
    .array(
      z.object({
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
      }),
    )
    .default([]),
  nextLink: z.string().nullish(),
});
type Alert = z.infer<typeof answer>['value'][number];

/** Makes it. An alert belongs to the service whose resource it targets; others are not ours to tell. */
export function createAlerts(source: string, config: AzureConfig, reader: AzureReader): Alerts {
  const firing = createFiring();
  return {
    look: async (watched, nowMs, signal) => {
      const findings: Finding[] = [];
      const gaps: Gap[] = [];
      const many = config.subscriptions.length > 1;
      await Promise.all(
        config.subscriptions.map(async ({ name }) => {
          const now = new Map<string, Finding>();
          try {
            for (const alert of await firedIn(many ? name : undefined, reader, signal))
              for (const { service, place } of targeted(alert, watched, config))
                now.set(`${name} ${service} ${alert.id}`, findingOf(source, alert, service, place.region, nowMs));
          } catch (thrown) {
            const fault = faultOfError(thrown);
            const message = `alerts of ${name}: ${fault.message}`;
            gaps.push({ source, signal: 'alarms', ...fault, message, fromMs: nowMs, untilMs: nowMs });
            return;
          }
          findings.push(...firing.step(name, now, nowMs));
        }),
      );
      return { findings, gaps };
    },
  };
}

async function firedIn(
  subscription: string | undefined,
  reader: AzureReader,
  signal: AbortSignal,
): Promise<readonly Alert[]> {
  const found: Alert[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < limits.azurePages; pages++) {
    const query = { monitorCondition: 'Fired', timeRange: '7d', pageCount: '250', includeContext: 'false' };
    const call = { operation: 'alerts.list', ...named(subscription), query } as const;
    const parsed = answer.parse(await reader.ask({ ...call, ...(next === undefined ? {} : { next }) }, signal));
    found.push(...parsed.value.filter(({ properties }) => properties.essentials.monitorCondition === 'Fired'));
    next = parsed.nextLink ?? undefined;
    if (next === undefined) break;
  }
  return found;
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
