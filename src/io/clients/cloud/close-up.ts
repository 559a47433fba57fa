import type { Change } from '../../../domain/change.ts';
import type { Service } from '../../../domain/service.ts';

/** Which services are read at every look, because something that they are or depend on was changed lately. */
export interface CloseUp {
  touch(changes: readonly Pick<Change, 'service' | 'atMs'>[]): void;
  /** The services to look at closely now. */
  at(nowMs: number, services: readonly Pick<Service, 'name' | 'dependsOn'>[]): ReadonlySet<string>;
}

/** Makes it; a change is looked at closely for so long. */
export function createCloseUp(forMs: number): CloseUp {
  const untilMs = new Map<string, number>();
  return {
    touch: (changes) => {
      for (const { service, atMs } of changes)
        untilMs.set(service, Math.max(untilMs.get(service) ?? -Infinity, atMs + forMs));
    },
    at: (nowMs, services) => {
      for (const [service, until] of untilMs) if (until <= nowMs) untilMs.delete(service);
      const close = new Set(untilMs.keys());
      // A bad deploy shows where it is called from.
      for (const { name, dependsOn } of services) if (dependsOn.some((other) => untilMs.has(other))) close.add(name);
      return close;
    },
  };
}
