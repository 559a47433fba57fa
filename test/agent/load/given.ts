import * as z from 'zod';

import { renderProblems, type CrossCheck, type Parsers } from '../../../src/agent/load/index.ts';
import { parseResources } from '../../../src/agent/load/resources.ts';
import type { ResourceDocument } from '../../../src/domain/document.ts';
import { compileCel, type CelEnvironment } from '../../../src/lib/cel/index.ts';
import type { Issue, Parsed } from '../../../src/lib/issues.ts';
import { schemaOf } from '../../../src/lib/schema.ts';
import { zDuration } from '../../../src/lib/zod-parts.ts';

const environment: CelEnvironment = {
  name: 'policy',
  variables: {
    diagnosis: {
      type: { is: 'record', name: 'diagnosis', fields: { confidence: { type: { is: 'double' } } } },
    },
  },
};

const service = schemaOf(z.strictObject({ dependsOn: z.array(z.string()).optional(), wait: zDuration.optional() }));
const policy = schemaOf(
  z.strictObject({
    allow: z
      .array(
        z.strictObject({ autonomy: z.enum(['observe', 'suggest', 'approve', 'act']), when: z.string().optional() }),
      )
      .optional(),
  }),
);

const inSpec = (issue: Issue): Issue => ({ ...issue, path: ['spec', ...issue.path] });

function parsePolicy(document: ResourceDocument): Parsed<unknown> {
  const parsed = policy.parse(document.spec);
  if (!parsed.ok) return { ok: false, issues: parsed.issues.map(inSpec) };
  const issues = (parsed.value.allow ?? []).flatMap(({ when }, i) => {
    const compiled = when === undefined ? undefined : compileCel(when, environment, { is: 'bool' });
    if (compiled === undefined || compiled.ok) return [];
    return compiled.issues.map((issue) => ({ ...issue, path: ['spec', 'allow', i, 'when', ...issue.path] }));
  });
  return issues.length > 0 ? { ok: false, issues } : parsed;
}

function parseService(document: ResourceDocument): Parsed<unknown> {
  const parsed = service.parse(document.spec);
  return parsed.ok ? parsed : { ok: false, issues: parsed.issues.map(inSpec) };
}

/** Parsers with just enough rules to be wrong against. */
export const parsers: Parsers = {
  Service: parseService,
  Policy: parsePolicy,
  Detector: (document) => ({ ok: true, value: document.spec }),
  Runbook: (document) => ({ ok: true, value: document.spec }),
  Escalation: (document) => ({ ok: true, value: document.spec }),
};

/** Refuses a dependency on a service that is in no file. */
export const crossCheck: CrossCheck = (documents) => {
  const names = new Set(documents.map((each) => each.document.metadata.name));
  return documents.flatMap((each) => {
    const { dependsOn = [] } = each.parsed as { dependsOn?: readonly string[] };
    return dependsOn.flatMap((name, i) =>
      names.has(name)
        ? []
        : [{ document: each, issue: { path: ['spec', 'dependsOn', i], message: `there is no service "${name}"` } }],
    );
  });
};

/** What loading these files says is wrong with them. */
export function problemsOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const found = Object.entries(files).map(([path, text]) => ({
    path,
    bytes: typeof text === 'string' ? new TextEncoder().encode(text) : text,
  }));
  return renderProblems(parseResources({ files: found, problems: [], empty: [] }, parsers, crossCheck).problems);
}

/** A document of this kind with this spec, as YAML. */
export function documentText(kind: string, name: string, spec = ''): string {
  return `apiVersion: watchkeeper.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec || '  {}'}\n`;
}
