import type { BlastRadius, Observation } from '../../domain/remediation.ts';
import type { Watch } from '../watch.ts';

/** Hosts of a service that the watch hears of, and those of them that are ill. */
export interface KnownHosts {
  readonly heard: ReadonlySet<string>;
  readonly ill: ReadonlySet<string>;
}

// A host that was not heard of for longer is not known to be well.
const freshWithinMs = 5 * 60_000;

/**
 * The blast radius on one host of a group, with the others as they are: a hand sees what
 * runs, and the watch what people feel of it; a host is well when both say so. A host that is not heard of counts as one that is not.
 */
export function amongHosts(blast: BlastRadius, host: string, { heard, ill }: KnownHosts): BlastRadius {
  const well = [...heard].filter((name) => !ill.has(name));
  const healthyNow = Math.min(blast.total, blast.healthyNow ?? blast.total, well.length);
  const takes = well.includes(host) ? blast.touched : 0;
  return { ...blast, healthyNow, healthyAfter: Math.max(0, Math.min(blast.healthyAfter, healthyNow - takes)) };
}

/** An observation of one host of a group, with how the others fare; any other as it is. */
export function withHosts(watch: Watch, observation: Observation): Observation {
  const { target, blast } = observation;
  const { host } = target.labels;
  const service = watch.catalog().get(target.service);
  const isGroup = service?.runsOn.some((place) => place.on === 'ssh' && place.ssh.group !== undefined) ?? false;
  if (host === undefined || service === undefined || !isGroup) return observation;
  const sinceMs = watch.clock.nowMs() - freshWithinMs;
  const heard = Object.keys(service.telemetry).flatMap((signal) =>
    watch.window
      .latest(service.name, signal)
      .flatMap(({ meta, sample }) => (sample.tMs >= sinceMs ? (meta.labels['host'] ?? []) : [])),
  );
  const ill = watch
    .state()
    .alerts.filter(({ status, mode, service: of }) => status === 'firing' && mode === 'active' && of === service.name)
    .flatMap(({ labels }) => labels['host'] ?? []);
  return { ...observation, blast: amongHosts(blast, host, { heard: new Set(heard), ill: new Set(ill) }) };
}
