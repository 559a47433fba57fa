import type { Incident } from '../../domain/alert.ts';
import type { RequestResult } from '../views.ts';
import { acknowledge } from './acknowledge.ts';
import { choose } from './choose.ts';
import { handOver } from './hand-over.ts';
import { snooze } from './snooze.ts';
import type { CaseRequest } from './types.ts';
import type { CaseWork } from './work.ts';

/** Does what a person asked for about an incident, or says why not. */
export function requested(work: CaseWork, incident: Incident, request: CaseRequest): Promise<RequestResult> {
  if (incident.status === 'resolved') return Promise.resolve({ is: 'refused', message: 'the incident is over' });
  const { who, reason } = request;
  switch (request.what) {
    case 'acknowledge':
      return acknowledge(work, incident, who, reason);
    case 'snooze':
      return snooze(work, incident, who, request.forMs, reason);
    case 'hand-over':
      return handOver(work, incident, who, request.to, reason);
    case 'runbook':
      return choose(work, incident, who, request.runbook, request.params);
  }
}

/** What people wait for, by incident, until its turn comes. */
export interface Errands {
  add<T>(incidentId: string, errand: () => Promise<T>): Promise<T>;
  /** Does what waits for an incident, one after the other; whether there was anything. Never throws. */
  run(incidentId: string): Promise<boolean>;
}

/** Makes the list. */
export function createErrands(): Errands {
  const waiting = new Map<string, (() => Promise<void>)[]>();
  return {
    add: (incidentId, errand) =>
      new Promise((resolve, reject) => {
        const known = waiting.get(incidentId) ?? [];
        waiting.set(incidentId, [...known, () => errand().then(resolve, reject)]);
      }),
    run: async (incidentId) => {
      const due = waiting.get(incidentId) ?? [];
      waiting.delete(incidentId);
      for (const errand of due) await errand();
      return due.length > 0;
    },
  };
}
