// The tables of docs/, printed from the source so that they cannot lie.
import { actionKinds } from '../src/actions/index.ts';
import { createMetrics } from '../src/agent/metrics.ts';
import { channelKinds } from '../src/chat/index.ts';
import { detectorKinds } from '../src/detectors/index.ts';
import { sourceKinds } from '../src/sources/index.ts';

/** Every table by the name it is placed under. */
export async function tables() {
  return {
    metrics: await metrics(),
    sources: table(
      ['kind', 'reads', 'gives'],
      Object.values(sourceKinds).map(({ kind, summary, traits }) => [code(kind), summary, yes(traits)]),
    ),
    channels: table(
      ['kind', 'where', 'answers come back'],
      Object.values(channelKinds(() => undefined)).map(({ kind, summary, traits }) => [
        code(kind),
        summary,
        traits.approvals ? 'yes' : 'no: `watchkeeper approve`',
      ]),
    ),
    detectors: table(
      ['kind', 'says', 'state per series, at most', 'parameters'],
      [...detectorKinds.values()].map(({ kind, summary, stateBytesPerSeries, params }) => [
        code(kind),
        summary,
        `${stateBytesPerSeries.toLocaleString('en')} bytes`,
        Object.keys(params.jsonSchema().properties ?? {})
          .map(code)
          .join(', '),
      ]),
    ),
    actions: table(
      ['kind', 'does', 'undo', 'repeatable', 'can lose data', 'scope', 'parameters', 'needs'],
      Object.values(actionKinds).map(({ kind, summary, traits, params, needs }) => [
        code(kind),
        summary,
        traits.reversible ? 'yes' : 'no',
        traits.idempotent ? 'yes' : 'no',
        traits.destructive ? 'yes' : 'no',
        traits.scope,
        Object.keys(params.jsonSchema().properties ?? {})
          .map(code)
          .join(', '),
        needs.join('; '),
      ]),
    ),
  };
}

/** Puts each table between its markers. @throws when a marker names no table. */
export function filled(file, text, content) {
  return text.replace(/<!-- generated: ([\w-]+) -->\n[\s\S]*?<!-- end -->/g, (_all, name) => {
    if (!Object.hasOwn(content, name)) throw new Error(`${file}: there is no table called ${name}`);
    return `<!-- generated: ${name} -->\n\n${content[name]}\n\n<!-- end -->`;
  });
}

async function metrics() {
  const described = await createMetrics().registry.getMetricsAsJSON();
  const text = await createMetrics().registry.metrics();
  const labels = await labelsOf();
  return table(
    ['metric', 'type', 'labels', 'meaning'],
    described.map(({ name, help }) => [
      code(name),
      new RegExp(`^# TYPE ${name} (\\w+)$`, 'm').exec(text)?.[1] ?? '',
      (labels.get(name) ?? []).map(code).join(', '),
      help,
    ]),
  );
}

// prom-client keeps label names where its own types do not look.
async function labelsOf() {
  const registry = createMetrics().registry;
  return new Map(registry.getMetricsAsArray().map((metric) => [metric.name, [...(metric.labelNames ?? [])]]));
}

function yes(traits) {
  return Object.entries(traits)
    .filter(([, has]) => has)
    .map(([name]) => name)
    .join(', ');
}

function code(text) {
  return `\`${text}\``;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
