import * as z from 'zod';

import { schemaOf } from '../../src/lib/schema.ts';
import type { Json } from '../../src/lib/json.ts';
import type { Change } from '../../src/domain/change.ts';
import type { ActionTraits } from '../../src/domain/remediation.ts';
import type { Schema } from '../../src/domain/ports/schema.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { parseRunbook } from '../../src/runbooks/index.ts';
import type { Runbook, RunbookAction, RunbookContext, RunbookFacts } from '../../src/runbooks/index.ts';

export const NOW = Date.parse('2026-11-20T14:00:00Z');
export const MINUTE = 60_000;

const reversible: ActionTraits = { reversible: true, idempotent: true, destructive: false, scope: 'service' };

function action(params: z.ZodType, traits: ActionTraits = reversible): RunbookAction {
  return { params: schemaOf(params) as Schema<JsonObject>, traits };
}

/** Actions to write runbooks against: the shapes are those of real ones, the parameters few. */
export const actions: ReadonlyMap<string, RunbookAction> = new Map([
  ['host.service-restart', action(z.strictObject({ force: z.boolean().default(false) }))],
  [
    'host.release-rollback',
    action(
      z.strictObject({
        to: z
          .string()
          .regex(/^[\w.-]+$/, 'must be a release name')
          .exactOptional(),
      }),
    ),
  ],
  [
    'host.disk-reclaim',
    action(z.strictObject({ paths: z.array(z.string()).min(1), olderThan: z.string(), maxBytes: z.int() }), {
      ...reversible,
      reversible: false,
      destructive: true,
    }),
  ],
]);

export const context: RunbookContext = { actions };

export function parse(spec: Json, within: RunbookContext = context) {
  return parseRunbook(
    { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'Runbook', metadata: { name: 'rb', labels: {} }, spec },
    within,
  );
}

export const rollBack = {
  summary: 'Return to the previous version when a deploy broke the service',
  when: "diagnosis.cause == 'change' && change.kind == 'deploy' && change.age < duration('2h') && diagnosis.confidence >= 0.7",
  require: ['target.revisions > 1', '!change.irreversible'],
  params: { timeout: { type: 'duration', default: '5m', max: '20m' } },
  steps: [
    {
      id: 'rollback',
      do: 'host.release-rollback',
      with: { to: '{{ change.previous }}' },
      timeout: '{{ params.timeout }}',
      retries: 1,
      abortIf: ["burn('availability') > 20"],
    },
  ],
  verify: [
    { expect: 'errors < baseline * 1.2', within: '10m', for: '3m' },
    { expect: 'restarts == 0', at: '1h' },
  ],
  onFail: ['undo', 'escalate'],
  attempts: { per: 'target', max: 2, in: '6h' },
};

export function runbook(spec: Json, name = 'rb'): Runbook {
  const parsed = parseRunbook(
    { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'Runbook', metadata: { name, labels: {} }, spec },
    context,
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

export function issuesOf(spec: Json, within: RunbookContext = context): readonly string[] {
  const parsed = parse(spec, within);
  return parsed.ok
    ? []
    : parsed.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.message}${issue.suggestion ? ` (${issue.suggestion}?)` : ''}`,
      );
}

export function change(more: Partial<Change> = {}): Change {
  return {
    id: 'c1',
    kind: 'deploy',
    service: 'shop',
    atMs: NOW - 6 * MINUTE,
    what: 'current',
    from: 'v2',
    to: 'v3',
    source: 'host',
    attributes: {},
    ...more,
  };
}

export function facts(more: Partial<RunbookFacts> = {}): RunbookFacts {
  return {
    asOfMs: NOW,
    incident: {
      id: 'i1',
      severity: 'critical',
      service: 'shop',
      services: ['shop'],
      storm: false,
      openedAtMs: NOW - MINUTE,
    },
    alerts: [{ detector: 'error-regression', kind: 'regression', signal: 'errors' }],
    diagnosis: { cause: 'change', confidence: 0.9, verdict: 'conclusive', service: 'shop', gaps: [] },
    change: change(),
    service: {
      name: 'shop',
      labels: { env: 'prod' },
      owner: { team: 'shop', escalate: 'oncall' },
      dependsOn: [],
      runsOn: [],
      telemetry: {},
      slos: [],
      origin: 'declared',
    },
    budgets: { availability: { remaining: 0.5, burn: 3 } },
    ...more,
  };
}
