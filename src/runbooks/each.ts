import { compileCel, type CelEnvironment, type CelType } from '../lib/cel/index.ts';
import type { Issue } from '../lib/issues.ts';
import type { Json } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import type { Each } from './runbook.ts';
import type { WrittenStep } from './schema.ts';

type Path = readonly (string | number)[];

const strings: CelType = { is: 'list', of: { is: 'string' } };

// A step's name is made of it: names of hosts, pods and instances.
const itemText = /^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,252}$/;

/** Checks the `each` of a step: names that are written down, or one expression that gives a list of texts. */
export function parseEach(
  written: WrittenStep['each'],
  environment: CelEnvironment,
  path: Path,
  issues: Issue[],
): Each | undefined {
  if (written === undefined) return undefined;
  if (typeof written !== 'string') {
    for (const [index, item] of written.entries())
      if (!itemText.test(item))
        issues.push({ path: [...path, index], message: 'is not the name of a host or instance' });
    return { is: 'list', items: [...new Set(written)] };
  }
  const source = /^\s*\{\{(.*)\}\}\s*$/s.exec(written)?.[1];
  if (source === undefined || source.includes('{{')) {
    issues.push({ path, message: "must be a list, or one expression that gives one: '{{ change.instances }}'" });
    return undefined;
  }
  const compiled = compileCel(source, environment, strings);
  if (compiled.ok) return { is: 'worked-out', by: compiled.value };
  issues.push(...compiled.issues.map((issue) => ({ ...issue, path })));
  return undefined;
}

/** The items, each once, in their order; none, and an issue, when there are none, too many, or one is no name (I12). */
export function itemsOf(
  each: Each,
  variables: Readonly<Record<string, Json>>,
  path: Path,
  issues: Issue[],
): readonly string[] {
  if (each.is === 'list') return each.items;
  const outcome = each.by.evaluate({ variables });
  const source = each.by.source.trim();
  const no = (message: string): readonly string[] => {
    issues.push({ path, message: `{{ ${source} }}${message}` });
    return [];
  };
  if (!outcome.ok) return no(`: ${outcome.reason}`);
  if (!Array.isArray(outcome.value)) return no(' is not a list');
  const items = [...new Set(outcome.value as readonly Json[])];
  if (items.length === 0) return no(' is empty, so there is nothing to do it for');
  if (items.length > limits.planSteps)
    return no(` has ${items.length} items, and a plan has at most ${limits.planSteps} steps`);
  const unfit = items.find((item) => typeof item !== 'string' || !itemText.test(item));
  if (unfit !== undefined)
    return no(` holds ${JSON.stringify(unfit).slice(0, 80)}, which is not the name of a host or instance`);
  return items.filter((item) => typeof item === 'string');
}
