import * as z from 'zod';

import type { Escalation } from '../domain/definitions.ts';
import type { ResourceDocument } from '../domain/document.ts';
import type { Schema } from '../domain/ports/schema.ts';
import type { Issue, Parsed } from '../lib/issues.ts';
import { schemaOf } from '../lib/schema.ts';
import { zDuration } from '../lib/zod-parts.ts';
import { digestSpec, holdsOf, quietSpec } from './quiet.ts';

// `slack:#payments-oncall`, `log`: a channel's id and, after the first colon, what it is told to reach.
const address = z.string().regex(/^[a-z][a-z0-9-]{0,62}(:.{1,300})?$/, 'must be CHANNEL or CHANNEL:ADDRESS');
const group = z.string().regex(/^group:[A-Za-z0-9._@/-]{1,128}$/, 'must be group:NAME');
const principal = z
  .string()
  .regex(/^[a-z][a-z0-9-]*:[^\s]{1,256}$/, 'must be a principal such as cli:ana or oidc:ana@example.com');

const spec = z.strictObject({
  steps: z
    .array(z.strictObject({ notify: z.array(address).min(1).max(50), wait: zDuration.optional() }))
    .min(1)
    .max(20),
  quiet: z
    .array(quietSpec)
    .max(20)
    .default([])
    .describe('Hours in which what is not critical waits; it is told in one digest at their end.'),
  digest: digestSpec.exactOptional().describe('What is not critical is told in one digest every so often.'),
  approvers: z.record(group, z.array(principal).min(1).max(1_000)).default({}),
});

/** `spec` of an Escalation document, for editors and the loader. */
export const escalationSpec: Schema<z.output<typeof spec>> = schemaOf<z.output<typeof spec>>(spec);

// Long enough for somebody to wake up and read, short enough not to be silence.
const defaultWaitMs = 5 * 60_000;

/** Reads an Escalation document. Whether its channels exist is for the loader to check: it knows watchkeeper.yaml. */
export function parseEscalation(document: ResourceDocument): Parsed<Escalation> {
  const parsed = escalationSpec.parse(document.spec);
  if (!parsed.ok) return { ok: false, issues: parsed.issues.map(inSpec) };
  const { steps, approvers, quiet, digest } = parsed.value;
  const holds = holdsOf(quiet, digest);
  if (!holds.ok) return { ok: false, issues: holds.issues.map(inSpec) };
  return {
    ok: true,
    value: {
      name: document.metadata.name,
      steps: steps.map(({ notify, wait }) => ({ notify: notify.map(splitAddress), waitMs: wait ?? defaultWaitMs })),
      approvers,
      ...holds.value,
    },
  };
}

function inSpec(issue: Issue): Issue {
  return { ...issue, path: ['spec', ...issue.path] };
}

function splitAddress(written: string): Escalation['steps'][number]['notify'][number] {
  const colon = written.indexOf(':');
  return colon < 0
    ? { channel: written, address: '' }
    : { channel: written.slice(0, colon), address: written.slice(colon + 1) };
}
