import type { Alert, Incident } from '../../src/domain/alert.ts';
import type { Hypothesis } from '../../src/domain/diagnosis.ts';
import { buildCatalog } from '../../src/catalog/index.ts';
import type { Catalog } from '../../src/catalog/index.ts';
import type { DiagnoseInput } from '../../src/diagnosis/index.ts';

/** One labelled incident. */
export interface Case {
  readonly name: string;
  readonly input: DiagnoseInput;
  readonly truth: string;
  isRight(hypothesis: Hypothesis): boolean;
  /** True where no change and no service of the catalog is to blame. */
  readonly abstainIsRight: boolean;
  /** The newest deploy before the alert, when it is innocent. */
  readonly latestDeploy?: string;
}

/** An incident of one firing alert. */
export function incidentOf(
  service: string,
  signal: string,
  firedMs: number,
  reason: string,
): { readonly alert: Alert; readonly incident: Incident } {
  const finding = {
    ...{
      detector: 'given',
      kind: 'external',
      service,
      signal,
      labels: {},
      state: 'bad' as const,
      atMs: firedMs,
      sinceMs: firedMs,
    },
    ...{ severity: 'critical' as const, reason, numbers: {}, confidence: 1 },
  };
  const alert: Alert = {
    ...{
      fingerprint: 'a',
      detector: 'given',
      kind: 'external',
      service,
      signal,
      labels: {},
      severity: 'critical',
      mode: 'active',
    },
    ...{ status: 'firing', startsAtMs: firedMs, firingAtMs: firedMs, lastSeenMs: firedMs, flaps: [], finding },
    ...{ badForMs: 0, goodForMs: 0, silentForMs: 0, because: reason },
  };
  const incident: Incident = {
    ...{ id: 'i', status: 'open', severity: 'critical', title: reason, service, services: [service], alerts: ['a'] },
    ...{ openedAtMs: firedMs, updatedAtMs: firedMs, storm: false, mode: 'active', quietForMs: 0, timeline: [] },
  };
  return { alert, incident };
}

/** A catalog of bare services with these calls. */
export function catalogFrom(names: Iterable<string>, calls: readonly (readonly [string, string])[]): Catalog {
  const built = buildCatalog(
    [...new Set(names)].map((name) => ({
      ...{ name, labels: {}, owner: { team: 'bench', escalate: 'default' }, runsOn: [], telemetry: {}, slos: [] },
      dependsOn: calls.filter(([from, to]) => from === name && to !== name).map(([, to]) => to),
      origin: 'discovered' as const,
    })),
  );
  if (!built.ok) throw new Error('the catalog of a case is not valid');
  return built.value;
}
