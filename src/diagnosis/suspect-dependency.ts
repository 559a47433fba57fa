import { formatDuration } from '../lib/duration.ts';
import { oneLine } from '../lib/text.ts';
import { sayLag, sayShift } from './draft.ts';
import type { Draft, Note } from './draft.ts';
import { namedServices } from './rules.ts';
import type { Scene } from './scene.ts';
import type { Shift } from './shift.ts';
import { dependencyTraces } from './trace-notes.ts';

/** One hypothesis for each dependency: that it is ill of itself, and the root suffers from it. */
export function dependencySuspects(scene: Scene): readonly Draft[] {
  return scene.dependencies.flatMap(({ name, hops }): readonly Draft[] => {
    const symptom = scene.symptomOf(name);
    const firing = scene.input.alerts.filter((alert) => alert.service === name && alert.status === 'firing');
    const named = namedIn(name, scene);
    const traced = dependencyTraces(name, scene);
    const base = {
      id: `dependency:${name}`,
      cause: 'dependency' as const,
      service: name,
      title: `${oneLine(name, 120)}, on which ${scene.root} depends, is failing`,
    };
    const silent = symptom === undefined && firing.length === 0 && named.length === 0 && traced.length === 0;
    // What only traces know of, and nothing speaks of, is a name and no suspect.
    if (silent && !scene.isDeclared(name) && !scene.hasData(name)) return [];
    if (silent && scene.hasData(name))
      return [{ ...base, notes: [], ruledOut: `${name} shows nothing unusual in the time before and since` }];
    if (symptom !== undefined && symptom.onsetMs > scene.onsetMs + Math.max(scene.toleranceMs, 3 * 60_000))
      return [
        {
          ...base,
          notes: traced,
          ruledOut: `${name} went bad ${formatDuration(symptom.onsetMs - scene.onsetMs)} after ${scene.root} did`,
        },
      ];
    const notes: Note[] = [...traced, ...named];
    if (symptom !== undefined) notes.push(...exclusive(name, hops, symptom, scene));
    else if (!scene.hasData(name) && traced.length === 0)
      notes.push(topology(`nothing is known of the state of ${name}`, -0.5));
    for (const alert of firing.slice(0, 3))
      notes.push({
        modality: 'detector',
        kind: 'alert',
        text: `${alert.detector} is firing on ${name}: ${oneLine(alert.finding.reason, 160)}`,
        weight: 1,
        atMs: alert.startsAtMs,
      });
    return [{ ...base, notes }];
  });
}

// The change in a service that those it calls do not explain: what is passed up the call graph is not its own.
function exclusive(name: string, hops: number, symptom: Shift, scene: Scene): readonly Note[] {
  const below = scene
    .directDependencies(name)
    .flatMap((callee) => scene.symptomOf(callee) ?? [])
    .filter((shift) => shift.role === symptom.role && shift.onsetMs <= symptom.onsetMs + scene.toleranceMs);
  const own = Math.abs(symptom.after - symptom.before);
  const passedUp = Math.max(0, ...below.map((shift) => Math.abs(shift.after - shift.before)));
  const share = own === 0 ? 0 : Math.max(0, 1 - passedUp / own);
  const notes = [
    metric(
      `${sayShift(symptom)}, ${sayLag(symptom.onsetMs, scene.onsetMs)}`,
      Math.min(1.6, 0.5 * Math.log1p(symptom.score)) - 0.1 * hops,
      symptom.onsetMs,
    ),
  ];
  const cause = below[0];
  if (share < 0.5 && cause !== undefined)
    notes.push(topology(`most of it is passed up by ${cause.series.service}, which it calls`, -1.5));
  else if (below.length === 0 || share > 0.8) notes.push(topology('nothing that it calls itself explains it', 0.8));
  const root = scene.rootSymptom;
  if (root !== undefined && root.role === symptom.role && root.series.unit === symptom.series.unit) {
    const explained = own / Math.max(1e-9, Math.abs(root.after - root.before));
    if (explained >= 0.3) notes.push(topology(`it is large enough to explain what ${scene.root} shows`, 0.5));
    else notes.push(topology(`it is too small to explain what ${scene.root} shows`, -0.7));
  }
  return notes;
}

function namedIn(name: string, scene: Scene): readonly Note[] {
  const near = new Set([scene.root, ...scene.dependencies.map((dependency) => dependency.name)]);
  const lines = scene.news.filter((news) => near.has(news.service) && namedServices(news, [name]).length > 0);
  const [first] = lines;
  if (first === undefined) return [];
  const text = `new errors of ${first.service} name it: "${oneLine(first.template, 120)}" (${lines.reduce((sum, news) => sum + news.after, 0)} times)`;
  return [
    {
      modality: 'logs',
      kind: 'log',
      text,
      weight: 1.4,
      atMs: first.firstMs,
      refutedBy: 'the same calls succeeding from elsewhere',
    },
  ];
}

function metric(text: string, weight: number, atMs: number): Note {
  return { modality: 'level', kind: 'metric', text, weight, atMs };
}

function topology(text: string, weight: number): Note {
  return { modality: 'reach', kind: 'topology', text, weight };
}
