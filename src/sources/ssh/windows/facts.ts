import type { Service, TelemetryBinding } from '../../../domain/service.ts';
import type { ResourceState } from '../../../domain/telemetry.ts';
import { metricOf } from '../../../io/clients/linux/metrics/catalogue.ts';
import type { AnyMetricName } from '../../../io/clients/linux/metrics/catalogue.ts';
import { oneLine } from '../../../lib/text.ts';
import type { SectionName, WindowsDocument } from './document.ts';
import { failedUnits } from './services.ts';
import { taskFailed } from './counters.ts';

/** What every Windows host has, whatever else is on it. */
export const windowsAlways: readonly AnyMetricName[] = [
  'cpu',
  'cpu_queue',
  'memory',
  'memory_commit',
  'disk',
  'units_failed',
  'reboot_pending',
];

const offered: readonly AnyMetricName[] = [
  ...windowsAlways,
  'disk_read',
  'disk_write',
  'disk_busy',
  'disk_await',
  'network_receive',
  'network_transmit',
  'network_errors',
  'network_drops',
  'tasks_failed',
];

/** The bindings of some metrics of a source. */
export function bindingsOf(
  source: string,
  names: readonly AnyMetricName[],
): Readonly<Record<string, TelemetryBinding>> {
  return Object.fromEntries(
    names.map((metric) => {
      const { unit, nature } = metricOf(metric);
      return [metric, { source, unit, nature, query: { metric } }];
    }),
  );
}

/** The machine as a service: a signal for all that this host was seen to have. */
export function describeWindows(document: WindowsDocument, source: string, name: string): Service {
  const holds = (section: SectionName, test: (data: unknown) => boolean = () => true): boolean => {
    try {
      return test(document.section(section));
    } catch {
      return false;
    }
  };
  const some = (key: string) => (data: unknown) => ((data as Record<string, readonly unknown[]>)[key]?.length ?? 0) > 0;
  const metrics: AnyMetricName[] = [
    ...offered,
    ...(holds('memory', some('pageFiles')) ? (['swap'] as const) : []),
    ...(holds('certificates', some('certificates')) ? (['certificate_expiry'] as const) : []),
    ...(holds('iis') ? (['app_pool_up', 'site_up'] as const) : []),
    ...(holds('time') ? (['time_sync'] as const) : []),
  ];
  return {
    name,
    labels: { kind: 'host', os: 'windows' },
    owner: { team: '', escalate: '' },
    dependsOn: [],
    runsOn: [{ on: 'host', host: {} }],
    telemetry: bindingsOf(source, metrics),
    slos: [],
    origin: 'discovered',
  };
}

const named = 20;

/** Facts about the machine, for people and as evidence. What could not be read is left out: its metrics tell of the gap. */
export function windowsFacts(document: WindowsDocument, host: string, nowMs: number): readonly ResourceState[] {
  const facts: ResourceState[] = [...failedUnits(document, host, nowMs)];
  const add = (kind: string, id: string, attributes: ResourceState['attributes']): void =>
    void facts.push({ kind, id, service: host, atMs: nowMs, attributes });
  const part = (work: () => void): void => {
    try {
      work();
    } catch {
      // As above.
    }
  };
  part(() => {
    const { caption, version, build, revision, bootId, bootedAtMs, memoryBytes, processors } =
      document.section('system');
    add('host', host, {
      cpus: processors,
      memoryBytes,
      kernel: oneLine(`${version}${typeof revision === 'number' ? `.${revision}` : ''}`, 60),
      os: oneLine(caption, 120),
      build: oneLine(build, 20),
      language: document.language,
      bootId: typeof bootId === 'number' ? bootId : null,
      bootedAtMs,
    });
  });
  part(() => {
    const pending = document.section('pending');
    if (pending.servicing || pending.update || pending.renamed) add('reboot', 'pending', { ...pending });
  });
  part(() => {
    for (const task of document.section('tasks').tasks.filter(taskFailed).slice(0, named))
      add('scheduled-task', oneLine(task.path, 200), {
        result: `0x${(task.result >>> 0).toString(16).padStart(8, '0')}`,
        ranAtMs: task.ranAtMs,
      });
  });
  part(() => {
    const { pools, sites } = document.section('iis');
    for (const pool of pools.filter(({ state }) => state !== 1).slice(0, named))
      add('iis-app-pool', oneLine(pool.name, 100), {
        state: stateWords[pool.state] ?? 'unknown',
        autoStart: pool.autoStart,
      });
    for (const site of sites.slice(0, named))
      add('iis-site', oneLine(site.name, 100), {
        state: stateWords[site.state] ?? 'unknown',
        pool: oneLine(site.pool, 100),
        path: oneLine(site.path, 300),
      });
  });
  part(() => {
    for (const one of document.section('certificates').certificates.slice(0, named))
      add('certificate', one.thumbprint.slice(0, 64), {
        subject: oneLine(one.subject, 200),
        store: one.store,
        endsAtMs: one.endsAtMs,
      });
  });
  return facts;
}

// Microsoft.Web.Administration.ObjectState.
const stateWords = ['starting', 'started', 'stopping', 'stopped'] as const;
