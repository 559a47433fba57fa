import { canonicalJson } from '../../../lib/canonical.ts';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { at, hashOf, list, object, text } from './parts.ts';

/**
 * A pod template, flat: each setting by its path, in words that can be shown. Values of the environment, commands and
 * whatever else may hold a secret are hashes: equal when the values are, and nothing more.
 */
export interface Template {
  readonly settings: Readonly<Record<string, string>>;
  /** What it reads its configuration from: `configmaps/app`, `secrets/db`. */
  readonly references: readonly string[];
}

/** One setting that differs. Absent: it was not there. */
export interface SettingChange {
  readonly setting: string;
  readonly from?: string;
  readonly to?: string;
}

const mostSettings = 400;

/** The projection of `spec.template`. */
export function templateOf(template: Json | undefined): Template {
  const settings = new Map<string, string>();
  const references = new Set<string>();
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && settings.size < mostSettings) settings.set(name.slice(0, 200), value);
  };
  const spec = object(at(template, 'spec'));
  for (const [name, value] of Object.entries(object(at(template, 'metadata', 'annotations'))))
    set(`annotation.${name}`, shown(value));
  set('version', text(at(template, 'metadata', 'labels', 'app.kubernetes.io/version'), 128));
  for (const [at_, containers] of [
    ['', spec['containers']],
    ['init.', spec['initContainers']],
  ] as const)
    for (const container of list(containers).map(object)) addContainer(at_, container, set, references);
  set('serviceAccount', text(spec['serviceAccountName']));
  set('terminationGrace', shown(spec['terminationGracePeriodSeconds']));
  set('priorityClass', text(spec['priorityClassName']));
  for (const part of ['nodeSelector', 'affinity', 'tolerations', 'securityContext', 'hostNetwork', 'dnsPolicy'])
    set(part, hashed(spec[part]));
  for (const volume of list(spec['volumes']).map(object)) addVolume(volume, set, references);
  return { settings: Object.fromEntries(settings), references: [...references].sort() };
}

type Set_ = (name: string, value: string | undefined) => void;

function addContainer(prefix: string, container: JsonObject, set: Set_, references: Set<string>): void {
  const name = `${prefix}${text(container['name'], 63) ?? 'container'}`;
  set(`${name}.image`, text(container['image'], 512));
  set(`${name}.command`, hashed(container['command']));
  set(`${name}.args`, hashed(container['args']));
  for (const bound of ['requests', 'limits'])
    for (const [resource, value] of Object.entries(object(at(container, 'resources', bound))))
      set(`${name}.${bound}.${resource}`, shown(value));
  for (const variable of list(container['env']).map(object)) {
    set(`${name}.env.${text(variable['name'], 100) ?? ''}`, hashed(variable['value'] ?? variable['valueFrom'] ?? ''));
    note(references, 'configmaps', at(variable, 'valueFrom', 'configMapKeyRef', 'name'));
    note(references, 'secrets', at(variable, 'valueFrom', 'secretKeyRef', 'name'));
  }
  for (const from of list(container['envFrom']).map(object)) {
    set(
      `${name}.envFrom.${text(at(from, 'configMapRef', 'name')) ?? text(at(from, 'secretRef', 'name')) ?? ''}`,
      'all',
    );
    note(references, 'configmaps', at(from, 'configMapRef', 'name'));
    note(references, 'secrets', at(from, 'secretRef', 'name'));
  }
  for (const part of ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'securityContext'])
    set(`${name}.${part}`, hashed(container[part]));
  set(`${name}.volumeMounts`, hashed(container['volumeMounts']));
}

function addVolume(volume: JsonObject, set: Set_, references: Set<string>): void {
  const name = text(volume['name'], 63) ?? 'volume';
  set(`volume.${name}`, hashed(Object.fromEntries(Object.entries(volume).filter(([key]) => key !== 'name'))));
  note(references, 'configmaps', at(volume, 'configMap', 'name'));
  note(references, 'secrets', at(volume, 'secret', 'secretName'));
  for (const source of list(at(volume, 'projected', 'sources'))) {
    note(references, 'configmaps', at(source, 'configMap', 'name'));
    note(references, 'secrets', at(source, 'secret', 'name'));
  }
}

function note(references: Set<string>, kind: string, name: Json | undefined): void {
  if (typeof name === 'string' && references.size < mostSettings) references.add(`${kind}/${name}`);
}

function hashed(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : hashOf(typeof value === 'string' ? value : canonicalJson(value));
}

function shown(value: Json | undefined): string | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : text(value);
}

/** What differs between two templates, by setting. */
export function diffOf(from: Template, to: Template): readonly SettingChange[] {
  const names = [...new Set([...Object.keys(from.settings), ...Object.keys(to.settings)])].sort();
  return names.flatMap((setting): readonly SettingChange[] => {
    const [before, after] = [from.settings[setting], to.settings[setting]];
    if (before === after) return [];
    return [
      { setting, ...(before === undefined ? {} : { from: before }), ...(after === undefined ? {} : { to: after }) },
    ];
  });
}

/** What kubectl's `rollout restart` writes: nothing else of the template changes with it. */
export const restartSetting = 'annotation.kubectl.kubernetes.io/restartedAt';

/**
 * The version that a template runs: the tag or digest of its first image, of the one that changed where it is known, or
 * the standard label where the image has none.
 */
export function versionOf(template: Template, changed: readonly SettingChange[] = []): string | undefined {
  const image =
    changed.find(({ setting, to }) => isImage(setting) && to !== undefined)?.setting ??
    Object.keys(template.settings).find(isImage);
  const name = image === undefined ? undefined : template.settings[image];
  const tag = name === undefined ? undefined : tagOf(name);
  return tag ?? template.settings['version'];
}

function isImage(setting: string): boolean {
  return setting.endsWith('.image') && !setting.startsWith('init.');
}

function tagOf(image: string): string | undefined {
  const digest = /@(sha256:[0-9a-f]{12})/.exec(image)?.[1];
  return digest ?? /:([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/.exec(image)?.[1];
}
