import type { Clock } from '../domain/ports/io.ts';
import type { Source } from '../domain/ports/source.ts';
import type { Service, Slo } from '../domain/service.ts';
import type { Sample } from '../domain/telemetry.ts';
import { budgetOf } from '../catalog/index.ts';
import type { SourceWatch } from './watch-sources.ts';
import type { TelemetryWindow } from './window.ts';

/** Error budgets as policies and runbooks read them. A figure that is not known is absent, and asking for it is a refusal. */
export type BudgetFigures = Readonly<Record<string, { readonly remaining?: number; readonly burn?: number }>>;

/** Error budgets of services, from the window for the last hours and from the sources' history for the rest. */
export interface Budgets {
  of(service: Service): BudgetFigures;
  /** Reads the long history of every objective, where a source has one. Call it every few minutes. */
  refresh(services: readonly Service[], sources: readonly Source[], signal: AbortSignal): Promise<void>;
}

const pointsOfHistory = 500;

/** Makes the desk; until the first refresh only what the window covers is known. */
export function createBudgets(clock: Clock, window: TelemetryWindow, watch: () => SourceWatch): Budgets {
  const history = new Map<string, readonly Sample[]>();
  const key = (service: string, slo: Slo): string => `${service} ${slo.name}`;
  return {
    of: (service) => {
      const nowMs = clock.nowMs();
      return Object.fromEntries(
        service.slos.map((slo) => {
          const recent = worstOf(
            window.read({
              fromMs: nowMs - slo.windowMs,
              untilMs: nowMs,
              services: new Set([service.name]),
              signal: slo.errors,
            }),
          );
          const { remaining, burn } = budgetOf(slo, join(history.get(key(service.name, slo)) ?? [], recent), nowMs);
          return [
            slo.name,
            { ...(remaining === undefined ? {} : { remaining }), ...(burn === undefined ? {} : { burn }) },
          ];
        }),
      );
    },
    refresh: async (services, sources, signal) => {
      for (const service of services) {
        for (const slo of service.slos) {
          const binding = service.telemetry[slo.errors];
          const source = sources.find((one) => one.id === binding?.source);
          if (!binding || !source) continue;
          const untilMs = clock.nowMs();
          const only: Service = { ...service, telemetry: { [slo.errors]: binding } };
          const stepMs = Math.max(source.intervalMs, Math.ceil(slo.windowMs / pointsOfHistory));
          const request = { fromMs: untilMs - slo.windowMs, untilMs, stepMs, services: [only] };
          const collected = await watch().history(source, request, signal);
          if (collected.series.length > 0) history.set(key(service.name, slo), worstOf(collected.series));
        }
      }
    },
  };
}

// Several series of one ratio (instances, methods) are not weighted by anything here: the worst one speaks.
function worstOf(series: readonly { readonly samples: readonly Sample[] }[]): readonly Sample[] {
  if (series.length <= 1) return series[0]?.samples ?? [];
  const worst = new Map<number, number>();
  for (const one of series)
    for (const { tMs, v } of one.samples) worst.set(tMs, Math.max(worst.get(tMs) ?? -Infinity, v));
  return [...worst].map(([tMs, v]) => ({ tMs, v })).sort((a, b) => a.tMs - b.tMs);
}

function join(old: readonly Sample[], recent: readonly Sample[]): readonly Sample[] {
  const begins = recent[0]?.tMs ?? Infinity;
  return [...old.filter((sample) => sample.tMs < begins), ...recent];
}
