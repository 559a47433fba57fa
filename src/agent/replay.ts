import type { Decision } from '../domain/authority.ts';
import { canonicalJson } from '../lib/canonical.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import type { ReadEntry } from '../ledger/index.ts';
import { decide, type DecisionInput } from '../policy/index.ts';
import { asJson } from './records.ts';
import type { Resources } from './resources.ts';

/** What a decision came to: as it was, or as it would be now. */
export interface ReplayedVerdict {
  readonly outcome: Decision['outcome'];
  readonly code?: string;
  readonly decidedBy: string;
  readonly reason: string;
}

/** A recorded decision that would be another one now. */
export interface ReplayDifference {
  readonly seq: number;
  readonly atMs: number;
  readonly service: string;
  readonly runbook: string;
  readonly incident: string;
  readonly step?: string;
  readonly before: ReplayedVerdict;
  readonly after: ReplayedVerdict;
}

/** What `replay` found. */
export interface ReplayReport {
  /** Decisions that were made again. */
  readonly replayed: number;
  readonly same: number;
  /** Decisions whose inputs are not in the ledger: erased, too large, or recorded with a step's intent. */
  readonly withoutInput: number;
  /** Made under the very policies in force now, and yet not the same byte for byte: a broken promise (I1). */
  readonly notReproduced: readonly number[];
  readonly differing: readonly ReplayDifference[];
}

const page = 500;

/** Reads a ledger a page at a time. */
export type ReadPage = (fromSeq: number, limit: number) => Promise<readonly ReadEntry[]>;

/**
 * Makes every recorded decision again, with the policies and groups in force now and everything else as it was then.
 * What differs is what a change of policies would have changed. Reads only.
 */
export async function replayDecisions(read: ReadPage, size: number, resources: Resources): Promise<ReplayReport> {
  let replayed = 0;
  let same = 0;
  let withoutInput = 0;
  const notReproduced: number[] = [];
  const differing: ReplayDifference[] = [];
  for (let from = 0; from < size; from += page)
    for (const { entry, payload } of await read(from, Math.min(page, size - from))) {
      if (entry.type !== 'decision') continue;
      const recorded = recordedIn(payload);
      if (recorded === undefined) {
        withoutInput++;
        continue;
      }
      replayed++;
      const { decision, input, policies } = recorded;
      if (policies === resources.policies.digest && !reproduces(decision, input, resources))
        notReproduced.push(entry.seq);
      const after = decide({ ...input, groups: resources.groups, policies: resources.policies });
      if (equal(decision, after)) same++;
      else
        differing.push({
          seq: entry.seq,
          atMs: entry.atMs,
          service: input.service.name,
          runbook: input.plan.runbook.name,
          incident: input.plan.incidentId,
          ...(input.stepId === undefined ? {} : { step: input.stepId }),
          before: verdict(decision),
          after: verdict(after),
        });
    }
  return { replayed, same, withoutInput, notReproduced, differing };
}

interface Recorded {
  readonly decision: Decision;
  readonly policies: string;
  readonly input: Omit<DecisionInput, 'policies'>;
}

function recordedIn(payload: Json | undefined): Recorded | undefined {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return undefined;
  const { decision, input, policies } = payload as JsonObject;
  if (typeof decision !== 'object' || typeof input !== 'object' || typeof policies !== 'string') return undefined;
  // Written by ourselves, and bound to the tree by its commitment: its shape is what it was.
  return { decision, policies, input } as unknown as Recorded;
}

function reproduces(recorded: Decision, input: Recorded['input'], resources: Resources): boolean {
  const again = decide({ ...input, policies: resources.policies });
  return canonicalJson(asJson(JSON.parse(JSON.stringify(again)))) === canonicalJson(asJson(recorded));
}

function equal(before: Decision, after: Decision): boolean {
  return before.outcome === after.outcome && before.code === after.code && before.decidedBy === after.decidedBy;
}

function verdict({ outcome, code, decidedBy, reasons }: Decision): ReplayedVerdict {
  return { outcome, ...(code === undefined ? {} : { code }), decidedBy, reason: reasons[0] ?? '' };
}
