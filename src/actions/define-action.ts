import { WatchkeeperError } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { ActionKind, ActionSpec } from '../domain/ports/action.ts';
import type { Schema } from '../domain/ports/schema.ts';

/**
 * Erases an action's parameter type, so that a registry can hold it. Parameters are parsed again at every call: what
 * acts never trusts that somebody checked before. A schema must accept its own output.
 */
export function defineAction<P extends object>(spec: ActionSpec<P>): ActionKind {
  const typed = (params: JsonObject): P => {
    const parsed = spec.params.parse(params);
    if (parsed.ok) return parsed.value;
    const issue = parsed.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`;
    throw new WatchkeeperError('config-invalid', `${spec.kind}: ${issue?.message ?? 'invalid parameters'}${where}`);
  };
  const erased: Schema<JsonObject> = {
    parse: (input) => {
      const parsed = spec.params.parse(input);
      return parsed.ok ? { ok: true, value: JSON.parse(JSON.stringify(parsed.value)) as JsonObject } : parsed;
    },
    jsonSchema: () => spec.params.jsonSchema(),
  };
  return {
    kind: spec.kind,
    summary: spec.summary,
    traits: spec.traits,
    params: erased,
    needs: spec.needs,
    ...(spec.access === undefined ? {} : { access: spec.access }),
    ...(spec.onHosts === undefined ? {} : { onHosts: spec.onHosts }),
    ...(spec.awsAccess === undefined ? {} : { awsAccess: spec.awsAccess.bind(spec) }),
    ...(spec.azureAccess === undefined ? {} : { azureAccess: spec.azureAccess.bind(spec) }),
    ...(spec.gcpAccess === undefined ? {} : { gcpAccess: spec.gcpAccess.bind(spec) }),
    target: (params, service) => spec.target(typed(params), service),
    observe: async (params, context) => spec.observe(typed(params), context),
    preview: (params, observed) => spec.preview(typed(params), observed),
    before: (params, observed) => spec.before(typed(params), observed),
    run: async (params, before, key, context) => spec.run(typed(params), before, key, context),
    probe: async (params, before, context, key) => spec.probe(typed(params), before, context, key),
    undo: async (params, before, key, context) =>
      'undo' in spec
        ? spec.undo(typed(params), before, key, context)
        : { is: 'failed', message: `${spec.kind} has no undo` },
  };
}
