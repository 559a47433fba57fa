import * as z from 'zod';

import { writtenDuration } from '../lib/written.ts';

const expression = z.string().min(1);
const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must be small letters, digits and dashes');
const value = z.union([z.string().max(1_024), z.number(), z.boolean()]);

const param = z.strictObject({
  type: z.enum(['string', 'int', 'number', 'bool', 'duration']),
  default: value.exactOptional(),
  min: z.union([z.number(), z.string()]).exactOptional(),
  max: z.union([z.number(), z.string()]).exactOptional(),
  oneOf: z
    .array(z.union([z.string(), z.number()]))
    .min(1)
    .max(100)
    .exactOptional(),
});

const verify = z.strictObject({
  expect: expression.describe('CEL over the signals of the service and `baseline`'),
  within: writtenDuration.exactOptional(),
  for: writtenDuration.exactOptional(),
  at: writtenDuration.exactOptional(),
});

const step = z.strictObject({
  id: name,
  each: z
    .union([z.string().min(1), z.array(z.string().min(1).max(253)).min(1).max(50)])
    .exactOptional()
    .describe("Once for each of these, one after another; the item is {{ each }}: '{{ change.instances }}'"),
  do: z.string().min(1).max(100).describe('An action kind, such as host.service-restart'),
  with: z
    .record(z.string(), z.json())
    .default({})
    .describe('Its parameters; {{ }} holds CEL over diagnosis, change, incident, service and params'),
  timeout: z.string().default('2m'),
  retries: z.int().min(0).max(5).default(0),
  require: z.array(expression).max(50).default([]),
  abortIf: z.array(expression).max(50).default([]),
  between: z
    .array(verify)
    .min(1)
    .max(20)
    .exactOptional()
    .describe('What must come true for each, by its own signals, before the next step begins'),
});

/** The `spec` of a Runbook document. */
export const runbookSpec = z.strictObject({
  summary: z.string().min(1).max(500),
  when: expression,
  notWhen: z.string().max(1_000).exactOptional().describe('Prose for people, shown on cards'),
  services: z
    .record(z.string().max(253), z.union([z.string(), z.array(z.string()).min(1)]))
    .exactOptional()
    .describe('Label selector; default all'),
  priority: z.int().min(-1_000).max(1_000).default(0).describe('Higher goes first when several match'),
  autonomy: z
    .enum(['observe', 'suggest', 'approve', 'act'])
    .exactOptional()
    .describe('The most that may be done with it, whatever policies grant'),
  require: z.array(expression).max(50).default([]).describe('Checked live, just before the first step'),
  params: z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'must be a plain name'), param).default({}),
  steps: z.array(step).min(1).max(50),
  verify: z.array(verify).min(1).max(20),
  onFail: z
    .array(z.enum(['undo', 'escalate']))
    .max(2)
    .default(['undo', 'escalate']),
  attempts: z
    .strictObject({
      per: z.enum(['target', 'service', 'runbook']),
      max: z.int().min(1).max(100),
      in: writtenDuration,
    })
    .default({ per: 'target', max: 2, in: 6 * 3_600_000 }),
});

/** The `spec` of a Runbook as written. */
export type RunbookSpec = z.infer<typeof runbookSpec>;
/** A step as written. */
export type WrittenStep = z.infer<typeof step>;
/** A parameter as written. */
export type WrittenParam = z.infer<typeof param>;
/** An expectation as written. */
export type WrittenVerify = z.infer<typeof verify>;
