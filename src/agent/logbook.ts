import { limits } from '../lib/limits.ts';
import type { LogRecord, ResourceState } from '../domain/telemetry.ts';

/** Recent log lines and resource states, bounded, as evidence for diagnosis. */
export interface LogBook {
  add(logs: readonly LogRecord[], resources: readonly ResourceState[]): void;
  of(services: ReadonlySet<string>, fromMs: number): readonly LogRecord[];
  resources(services: ReadonlySet<string>): readonly ResourceState[];
}

const mostLinesPerService = 2_000;

/** Makes an empty book. Each service keeps its own newest lines, so that a noisy one never drives out another's. */
export function createLogBook(): LogBook {
  const lines = new Map<string, LogRecord[]>();
  const states = new Map<string, ResourceState>();
  return {
    add: (logs, resources) => {
      for (const record of logs) {
        const list = lines.get(record.service) ?? [];
        list.push(record);
        if (list.length > mostLinesPerService * 1.5) list.splice(0, list.length - mostLinesPerService);
        lines.set(record.service, list);
      }
      for (const state of resources) {
        const key = `${state.service} ${state.kind} ${state.id}`;
        // Insertion order is age: the first one out is the one longest not heard of.
        states.delete(key);
        states.set(key, state);
        if (states.size > limits.logRecordsPerCollect) states.delete(states.keys().next().value ?? '');
      }
    },
    of: (services, fromMs) =>
      [...services].flatMap((service) => (lines.get(service) ?? []).filter((record) => record.tMs >= fromMs)),
    resources: (services) => [...states.values()].filter((state) => services.has(state.service)),
  };
}
