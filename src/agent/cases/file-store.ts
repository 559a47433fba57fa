import type { TimelineEntry } from '../../domain/alert.ts';
import type { LedgerDraft } from '../../domain/ledger.ts';
import type { Plan } from '../../domain/remediation.ts';
import { limits } from '../../lib/limits.ts';
import type { CaseFile } from '../views.ts';
import { putCase } from './drafts.ts';
import { newFile, type CaseDeps } from './types.ts';

/** The files of all cases in memory, written through to the store with what the ledger is told. */
export interface CaseFiles {
  get(incidentId: string): CaseFile;
  /** In memory or in the store. */
  read(incidentId: string): Promise<CaseFile | undefined>;
  load(incidentId: string): Promise<void>;
  /** Merges a change into a file and writes it together with drafts and timeline lines, in one transaction. */
  write(
    incidentId: string,
    change: Partial<CaseFile>,
    drafts: readonly LedgerDraft[],
    lines?: readonly string[],
  ): Promise<CaseFile>;
  plan(planId: string): Plan | undefined;
  forget(incidentId: string): void;
  /** Forgets the files of cases that are over and were not used lately: late events load them again and again. */
  forgetIdle(isOpen: (incidentId: string) => boolean): void;
  /** How many are in memory. */
  size(): number;
}

// Earlier plans and decisions of one case; the ledger has them all.
const mostPlans = 10;
const mostDecisions = 20;

/** Makes the store of files. */
export function createCaseFiles(deps: CaseDeps): CaseFiles {
  const { watch } = deps;
  const files = new Map<string, CaseFile>();
  const usedMs = new Map<string, number>();
  const keep = (incidentId: string, file: CaseFile): void => {
    files.set(incidentId, file);
    usedMs.set(incidentId, watch.clock.monotonicMs());
  };
  const forget = (incidentId: string): void => {
    files.delete(incidentId);
    usedMs.delete(incidentId);
  };
  const read = async (incidentId: string): Promise<CaseFile | undefined> => {
    const known = files.get(incidentId);
    if (known) return known;
    const stored = await watch.store.get('diagnosis', incidentId);
    return stored?.value as unknown as CaseFile | undefined;
  };
  return {
    get: (incidentId) => files.get(incidentId) ?? newFile(incidentId, watch.clock.nowMs()),
    read,
    load: async (incidentId) => {
      const stored = await read(incidentId);
      const file = files.get(incidentId) ?? stored;
      if (file) keep(incidentId, file);
    },
    write: async (incidentId, change, drafts, lines = []) => {
      const nowMs = watch.clock.nowMs();
      const stored = files.has(incidentId) ? undefined : await read(incidentId);
      // Read again: another write may have come first while the store was asked.
      const before = files.get(incidentId) ?? stored ?? newFile(incidentId, nowMs);
      const merged: CaseFile = { ...before, ...change, updatedAtMs: nowMs };
      const file: CaseFile = {
        ...merged,
        plans: merged.plans.slice(-mostPlans),
        decisions: merged.decisions.slice(-mostDecisions),
      };
      keep(incidentId, file);
      const entries = lines.map((text): TimelineEntry => ({ atMs: nowMs, kind: 'watch', text }));
      const incidentRow = lines.length > 0 ? deps.annotate(incidentId, entries) : undefined;
      await watch.ledger.record({ drafts, puts: [putCase(file), ...(incidentRow ? [incidentRow] : [])] });
      return file;
    },
    plan: (planId) => {
      for (const file of files.values()) {
        const found = file.plans.find((plan) => plan.id === planId);
        if (found) return found;
      }
      return undefined;
    },
    forget,
    forgetIdle: (isOpen) => {
      const beforeMs = watch.clock.monotonicMs() - limits.caseIdleMs;
      for (const [incidentId, atMs] of usedMs) if (atMs < beforeMs && !isOpen(incidentId)) forget(incidentId);
    },
    size: () => files.size,
  };
}
