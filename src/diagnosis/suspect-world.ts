import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';
import { figure, sayLag, sayShift } from './draft.ts';
import type { Draft, Note } from './draft.ts';
import { memoryNotes, nodeNotes, runsOnNode } from './pods.ts';
import { foreignHosts, foreignHostsIn, symptomRules } from './rules.ts';
import type { Scene } from './scene.ts';
import type { Shift } from './shift.ts';

const outOfMemory = 'it ran out of memory';

/** Something ran out: disk, memory, CPU, descriptors, a pool. One hypothesis for the root and one for each dependency. */
export function resourceSuspects(scene: Scene): readonly Draft[] {
  const places = [{ name: scene.root, hops: 0 }, ...scene.dependencies.slice(0, 20)];
  return places.flatMap(({ name, hops }): readonly Draft[] => {
    const moved = (scene.shifts.get(name) ?? []).filter((shift) => shift.role === 'resource' && shift.score > 0);
    const early = moved.filter(
      (shift) => (shift.moved || isFull(shift)) && shift.onsetMs <= scene.onsetMs + scene.toleranceMs,
    );
    const late = moved.filter((shift) => shift.moved && !early.includes(shift));
    const killed = memoryNotes(scene, name);
    const told = lexicon(scene, name, 'resource');
    const said = {
      title: told.title ?? (killed.length > 0 ? outOfMemory : undefined),
      notes: [...told.notes, ...killed],
    };
    const title = said.title === undefined ? `${name} ran out of a resource` : `${name}: ${said.title}`;
    const base = { id: `resource:${name}`, cause: 'resource' as const, service: name, title };
    if (early.length === 0 && said.notes.length === 0) {
      const [consequence] = late;
      if (consequence === undefined) return [];
      const after = formatDuration(consequence.onsetMs - scene.onsetMs);
      return [{ ...base, notes: [], ruledOut: `${sayShift(consequence)} only ${after} after it began: a consequence` }];
    }
    const notes: Note[] = [
      {
        modality: 'prior',
        kind: 'topology',
        text: hops === 0 ? 'where it began' : `${hops} calls away`,
        weight: -0.2 * hops,
      },
    ];
    for (const shift of early.slice(0, 5)) {
      const full = isFull(shift);
      const weight = full ? 1.8 : Math.min(0.9, 0.25 * Math.log1p(shift.score));
      const text = `${sayShift(shift)}, ${sayLag(shift.onsetMs, scene.onsetMs)}${full ? ', which is nearly all there is' : ''}`;
      notes.push({
        modality: 'level',
        kind: 'metric',
        text,
        weight,
        atMs: shift.onsetMs,
        refutedBy: 'the same level on a day that was well',
      });
    }
    return [{ ...base, notes: [...notes, ...said.notes] }];
  });
}

function isFull(shift: Shift): boolean {
  const { unit, signal } = shift.series;
  if (/free|available|remaining/i.test(signal))
    return (unit === 'ratio' && shift.after < 0.03) || (unit === '%' && shift.after < 3);
  return (
    (unit === 'ratio' && shift.after >= 0.95 && shift.after <= 1.001) ||
    (unit === '%' && shift.after >= 95 && shift.after <= 100.1)
  );
}

function lexicon(
  scene: Scene,
  service: string,
  cause: 'resource' | 'external',
): { readonly title: string | undefined; readonly notes: readonly Note[] } {
  const hits = symptomRules
    .filter((rule) => rule.cause === cause)
    .flatMap((rule) => {
      const lines = scene.news.filter((news) => news.service === service && rule.pattern.test(news.text));
      const [first] = lines;
      if (first === undefined) return [];
      const count = lines.reduce((sum, news) => sum + news.after, 0);
      const text = `new errors say that ${rule.title}: "${oneLine(first.text, 140)}" (${count} times)`;
      return [
        {
          rule,
          note: { modality: 'logs' as const, kind: 'log' as const, text, weight: rule.weight, atMs: first.firstMs },
        },
      ];
    });
  return { title: hits[0]?.rule.title, notes: hits.map(({ note }) => note) };
}

/** More, or far fewer, requests than usual, before the trouble and not because of it. */
export function trafficSuspects(scene: Scene): readonly Draft[] {
  const flows = (scene.shifts.get(scene.root) ?? []).filter((shift) => shift.role === 'traffic');
  const [flow] = flows.toSorted((a, b) => Math.abs(b.score) - Math.abs(a.score));
  if (flow === undefined) return [];
  const ratio = flow.after / Math.max(flow.before, 1e-9);
  const surge = ratio >= 1;
  const base = {
    id: `traffic:${scene.root}`,
    cause: 'traffic' as const,
    service: scene.root,
    title: `traffic of ${scene.root} ${surge ? 'surged' : 'collapsed'}`,
  };
  if (!flow.moved || (ratio < 1.3 && ratio > 0.6))
    return [
      {
        ...base,
        title: `traffic of ${scene.root} is out of the usual`,
        notes: [],
        ruledOut: `traffic stayed as usual: ${figure(flow.before, flow.series.unit)} before, ${figure(flow.after, flow.series.unit)} since`,
      },
    ];
  if (flow.onsetMs > scene.onsetMs + scene.toleranceMs)
    return [
      {
        ...base,
        notes: [],
        ruledOut: `${sayShift(flow)} only ${formatDuration(flow.onsetMs - scene.onsetMs)} after it began: a consequence`,
      },
    ];
  const weight = surge ? Math.min(2.4, 1 + 0.9 * Math.log(ratio)) : 0.8;
  const notes: Note[] = [
    {
      modality: 'level',
      kind: 'metric',
      text: `${sayShift(flow)}, ${sayLag(flow.onsetMs, scene.onsetMs)}`,
      weight,
      atMs: flow.onsetMs,
    },
  ];
  const strained = (scene.shifts.get(scene.root) ?? []).find(
    (shift) => shift.role === 'resource' && shift.moved && shift.score > 0,
  );
  if (surge && strained !== undefined)
    notes.push({ modality: 'reach', kind: 'metric', text: `and with it ${sayShift(strained)}`, weight: 0.8 });
  return [{ ...base, notes }];
}

/** The machine underneath: its own signals, and several unrelated services on it ill at once. */
export function hostSuspects(scene: Scene): readonly Draft[] {
  const hosts = scene.input.catalog.services.filter(({ labels }) => labels['kind'] === 'host');
  return hosts.flatMap(({ name, labels }): readonly Draft[] => {
    if (name === scene.root) return [];
    const { node } = labels;
    // A node of a cluster concerns those whose pods run on it.
    if (node !== undefined && runsOnNode(scene, scene.root, node) !== true) return [];
    const strained = (scene.shifts.get(name) ?? []).filter(
      (shift) => shift.role === 'resource' && shift.score > 0 && (shift.moved || isFull(shift)),
    );
    const early = strained.filter((shift) => shift.onsetMs <= scene.onsetMs + scene.toleranceMs);
    const alerts = scene.input.alerts.filter((alert) => alert.service === name && alert.status === 'firing');
    const base = {
      id: `host:${name}`,
      cause: 'host' as const,
      service: name,
      title: `the machine ${name} is in trouble`,
    };
    if (early.length === 0 && alerts.length === 0)
      return strained.length > 0 || (scene.shifts.get(name) ?? []).length > 0
        ? [{ ...base, notes: [], ruledOut: `${name}'s own CPU, memory and disks were as usual before it began` }]
        : [];
    const notes: Note[] = early.slice(0, 5).map((shift) => ({
      ...{
        modality: 'level' as const,
        kind: 'metric' as const,
        text: `${sayShift(shift)}, ${sayLag(shift.onsetMs, scene.onsetMs)}`,
      },
      ...{
        weight:
          (isFull(shift) ? 1.8 : Math.min(1.2, 0.35 * Math.log1p(shift.score))) * (borneWell(shift, scene) ? 0.3 : 1),
        atMs: shift.onsetMs,
      },
    }));
    for (const alert of alerts.slice(0, 3))
      notes.push({
        modality: 'detector',
        kind: 'alert',
        text: `${alert.detector} is firing on ${name}: ${oneLine(alert.finding.reason, 160)}`,
        weight: 1,
      });
    notes.push(...(node === undefined ? neighbours(scene, name) : nodeNotes(scene, scene.root, node)));
    return [{ ...base, notes }];
  });
}

// The service lived with it for several times as long as the onset may be off: it was not what broke it.
function borneWell(shift: Shift, scene: Scene): boolean {
  return scene.onsetMs - shift.onsetMs > 6 * scene.toleranceMs;
}

function neighbours(scene: Scene, host: string): readonly Note[] {
  const related = new Set([
    scene.root,
    host,
    ...scene.dependencies.map(({ name }) => name),
    ...scene.input.catalog.dependentsOf(scene.root),
  ]);
  const others = scene.input.catalog.services
    .map(({ name }) => name)
    .filter((name) => !related.has(name) && scene.hasData(name));
  const ill = others.filter((name) => scene.symptomOf(name) !== undefined);
  if (others.length === 0) return [];
  if (ill.length > 0)
    return [
      {
        modality: 'reach',
        kind: 'topology',
        text: `unrelated services fell ill with it: ${ill.slice(0, 5).join(', ')}`,
        weight: 1.2,
      },
    ];
  return [
    {
      modality: 'reach',
      kind: 'topology',
      text: `unrelated services are well: ${others.slice(0, 5).join(', ')}`,
      weight: -1,
    },
  ];
}

/** What is not ours: a provider, a certificate, name resolution, or what an alert from elsewhere tells of. */
export function externalSuspects(scene: Scene): readonly Draft[] {
  const near = [scene.root, ...scene.dependencies.map(({ name }) => name)];
  const own = new Set(scene.input.catalog.services.map(({ name }) => name));
  const notes: Note[] = [];
  let title = 'something outside is failing';
  let service = scene.root;
  for (const name of near) {
    const said = lexicon(scene, name, 'external');
    if (said.notes.length > 0 && notes.length === 0) {
      service = name;
      title = `${name}: ${said.title ?? 'something outside is failing'}`;
    }
    notes.push(...said.notes);
  }
  const hosts = new Map<string, number>();
  for (const news of scene.news.filter((one) => near.includes(one.service)))
    for (const host of foreignHosts(news, own)) hosts.set(host, (hosts.get(host) ?? 0) + news.after);
  const [worst] = [...hosts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (worst !== undefined) {
    if (notes.length === 0) title = `${oneLine(worst[0], 80)}, which is not ours, is failing`;
    const total = scene.news.filter((one) => near.includes(one.service)).reduce((sum, news) => sum + news.after, 0);
    notes.push({
      modality: 'reach',
      kind: 'log',
      text: `${worst[1]} of ${total} new errors name ${oneLine(worst[0], 80)}`,
      weight: 2.2 * Math.min(1, (1.3 * worst[1]) / total),
      refutedBy: `${oneLine(worst[0], 80)} answering well from elsewhere`,
    });
  }
  const outbound = (scene.shifts.get(scene.root) ?? []).filter(
    (shift) =>
      /upstream|outbound|provider|external|egress/i.test(shift.series.signal) &&
      shift.moved &&
      shift.score > 0 &&
      shift.onsetMs <= scene.onsetMs + scene.toleranceMs,
  );
  notes.push(...expired(scene, near), ...foreignSpans(scene, own));
  for (const shift of outbound.slice(0, 2))
    notes.push({ modality: 'level', kind: 'metric', text: sayShift(shift), weight: 1, atMs: shift.onsetMs });
  for (const alert of scene.input.alerts
    .filter((one) => one.kind === 'external' && one.status === 'firing' && !own.has(one.service))
    .slice(0, 3))
    notes.push({
      modality: 'detector',
      kind: 'alert',
      text: `reported from elsewhere: ${oneLine(alert.finding.reason, 160)}`,
      weight: 1,
    });
  return notes.length === 0 ? [] : [{ id: 'external', cause: 'external', service, title, notes }];
}

// A countdown that reached nothing: a certificate, a token, a lease.
function expired(scene: Scene, near: readonly string[]): readonly Note[] {
  const ended = near.flatMap((name) =>
    scene.input.snapshot.series.filter((series) => series.service === name && /expir/i.test(series.signal)),
  );
  return ended.slice(0, 50).flatMap((series): readonly Note[] => {
    const at = series.samples.find((sample) => sample.v <= 0 && sample.tMs <= scene.asOfMs)?.tMs;
    if (at === undefined || at > scene.onsetMs + scene.toleranceMs || at < scene.onsetMs - 15 * 60_000) return [];
    const text = `${oneLine(series.service, 80)} ${oneLine(series.signal, 80)} ran out ${sayLag(at, scene.onsetMs)}`;
    return [{ modality: 'level', kind: 'metric', text, weight: 2.5, atMs: at }];
  });
}

function foreignSpans(scene: Scene, own: ReadonlySet<string>): readonly Note[] {
  const { deepest } = scene.traces;
  const foreign = deepest.filter(
    (span) =>
      foreignHostsIn(`${span.name} ${Object.values(span.attributes).join(' ')}`.slice(0, 1_000), own).length > 0,
  );
  if (foreign.length === 0) return [];
  const text = `${foreign.length} of ${deepest.length} failing traces fail first in a call to the outside`;
  return [{ modality: 'traces', kind: 'trace', text, weight: (1.6 * foreign.length) / deepest.length }];
}
