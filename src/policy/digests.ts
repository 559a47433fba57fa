import { canonicalJson, digest, sha256Hex } from '../lib/canonical.ts';
import type { Json, JsonObject } from '../lib/json.ts';
import type { Plan } from '../domain/remediation.ts';
import { changeFacts, diagnosisFacts, incidentFacts, serviceFacts } from '../domain/facts.ts';
import type { DecisionInput } from './input.ts';

// Digests of values that are never changed and live longer than one decision, by identity. Forgetting one costs time
// and nothing else: the digest is a function of the value.
const remembered = new WeakMap<object, string>();

function remember(value: object, compute: () => string): string {
  let known = remembered.get(value);
  if (known === undefined) {
    known = compute();
    remembered.set(value, known);
  }
  return known;
}

/** The digest of everything in a plan but its id: must equal the id, or somebody edited it. */
export function planDigest(plan: Plan): string {
  return remember(plan, () => {
    const { id: _id, ...rest } = plan;
    return digest(plain(rest));
  });
}

/** Names everything a decision looked at: the same digest must give the same decision. */
export function inputDigest(input: DecisionInput): string {
  const { asOfMs } = input;
  const history = remember(input.history, () =>
    sha256Hex(input.history.map((act) => remember(act, () => digest(plain(act)))).join('\n')),
  );
  const service = remember(input.service, () =>
    digest({ facts: serviceFacts(input.service), owner: input.service.owner }),
  );
  const parts: Record<string, Json> = {
    asOfMs,
    epoch: input.epoch,
    plan: [input.plan.id, planDigest(input.plan)],
    stepId: input.stepId ?? null,
    executionId: input.executionId ?? null,
    incident: { ...known(incidentFacts(input.incident, input.alerts, asOfMs)), mode: input.incident.mode },
    diagnosis: diagnosisFacts(input.diagnosis),
    change: input.change === undefined ? null : changeFacts(input.change, asOfMs),
    service,
    observations: plain(input.observations),
    expectedState: input.expectedState ?? null,
    conditions: plain(input.conditions),
    inFlight: plain(input.inFlight),
    history,
    labelsOf: input.labelsOf === undefined ? null : remember(input.labelsOf, () => digest(plain(input.labelsOf ?? {}))),
    approvals: plain(input.approvals),
    approvalRequestedAtMs: input.approvalRequestedAtMs ?? null,
    groups: remember(input.groups, () => digest(plain(input.groups))),
    budgets: plain(input.budgets),
    serviceHealth: plain(input.serviceHealth),
    lastStormMs: input.lastStormMs ?? null,
    agent: plain(input.agent),
    ceiling: input.ceiling,
    caps: input.caps === undefined ? null : plain(input.caps),
    policies: input.policies.digest,
  };
  return sha256Hex(canonicalJson(parts satisfies JsonObject));
}

// Where alerts tell of no hosts, the digest is what it was before there were any.
function known({ hosts = null, ...rest }: JsonObject): JsonObject {
  return Array.isArray(hosts) && hosts.length > 0 ? { ...rest, hosts } : rest;
}

// Domain types are readonly data that JSON can carry, but interfaces have no index signature to say so.
function plain(value: object): Json {
  return value as Json;
}
