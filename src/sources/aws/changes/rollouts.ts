import type { ChangeKind } from '../../../domain/change.ts';
import { awsResourceName } from '../../../domain/places.ts';
import type { Found } from '../../../io/clients/cloud/change-desk.ts';
import { digest } from '../../../lib/canonical.ts';
import type { EcsLook, EcsState } from '../look/ecs.ts';
import type { LambdaLook, LambdaState } from '../look/lambda.ts';
import type { Watched } from '../watched.ts';

/** What was known of a resource when it was last looked at. */
export type Memory = Map<string, Remembered>;

interface Remembered {
  readonly running: string;
  readonly deployment: string;
  readonly desired: number;
  /** When it was looked at. */
  readonly atMs: number;
  /** When it was looked at first: what changed before that is seen on the resource no more. */
  readonly firstMs: number;
}

/** At the first look, a rollout that is older than this is history. */
const recentMs = 2 * 3_600_000;

/** Names a place over all corners. */
export function placeKey({ place }: Watched): string {
  return `${place.account ?? ''}/${place.region}/${awsResourceName(place.resource)}`;
}

/**
 * Whether something that happened to a function then can be seen on it: it was known what ran before. A function does not
 * say what it ran before, as a service of ECS does.
 */
export function isSeenThere(of: Watched, atMs: number, memory: Memory): boolean {
  if (of.place.resource.is !== 'lambda') return true;
  const known = memory.get(memoryKey(of));
  return known !== undefined && atMs >= known.firstMs;
}

function memoryKey(of: Watched): string {
  return `${of.service} ${placeKey(of)}`;
}

/**
 * A rollout of ECS is a new primary deployment, or another task definition. What ran before is that of the last look, or,
 * at the first one, that of the deployment which is being replaced.
 */
export function ecsChanges(source: string, look: EcsLook, memory: Memory, nowMs: number): readonly Found[] {
  return [...look.states].flatMap(([of, state]): readonly Found[] => {
    const { primary, taskDefinition: to, desired } = state;
    const key = memoryKey(of);
    const known = memory.get(key);
    const deployment = primary?.id ?? '';
    memory.set(key, { running: to, deployment, desired, atMs: nowMs, firstMs: known?.firstMs ?? nowMs });
    const what = awsResourceName(of.place.resource);
    const { region } = of.place;
    const attributes = { region, ...(deployment === '' ? {} : { deployment }) };
    const base = { region, source, service: of.service, what, attributes };
    if (known?.deployment === deployment && known.running === to) {
      if (known.desired === desired) return [];
      const id = digest(['aws-ecs-scale', key, deployment, known.desired, desired, Math.floor(nowMs / 60_000)]);
      const moved = { from: String(known.desired), to: String(desired) };
      return [{ ...base, id, kind: 'scale', atMs: known.atMs, isBounded: true, ...moved }];
    }
    const isNew = primary !== undefined && known?.deployment !== deployment;
    const atMs = Math.min(isNew ? primary.createdMs : (known?.atMs ?? nowMs), nowMs);
    if (known === undefined && (primary === undefined || atMs < nowMs - recentMs)) return [];
    const from = known?.running ?? replacedBy(state);
    const stamp = isNew ? [] : [Math.floor(nowMs / 60_000)];
    const id = digest(['aws-ecs', key, deployment, to, ...stamp]);
    const when = { atMs, ...(isNew ? {} : { isBounded: true as const }) };
    return [{ ...base, id, kind: kindOf(from, to), ...when, ...(from === undefined ? {} : { from }), to }];
  });
}

/** Another version behind a function's alias, or other code where there is none. */
export function lambdaChanges(source: string, look: LambdaLook, memory: Memory, nowMs: number): readonly Found[] {
  return [...look.states].flatMap(([of, state]): readonly Found[] => {
    const key = placeKey(of);
    const running = versionText(state);
    const known = memory.get(memoryKey(of));
    const firstMs = known?.firstMs ?? nowMs;
    memory.set(memoryKey(of), { running, deployment: '', desired: 0, atMs: nowMs, firstMs });
    if (known === undefined || known.running === running) return [];
    const atMs = Math.min(state.changedMs ?? known.atMs, nowMs);
    const when = { atMs, ...(state.changedMs === undefined ? { isBounded: true as const } : {}) };
    return [
      {
        ...{ region: of.place.region, source, service: of.service, what: awsResourceName(of.place.resource) },
        id: digest([
          'aws-lambda',
          of.service,
          key,
          known.running,
          running,
          state.changedMs ?? Math.floor(nowMs / 60_000),
        ]),
        kind: kindOf(known.running, running),
        ...{ ...when, from: known.running, to: running },
        attributes: { region: of.place.region },
      },
    ];
  });
}

/** `7`, and with a canary `6+7@10%`. */
function versionText({ version, canary }: LambdaState): string {
  const parts = Object.entries(canary).map(([other, weight]) => `+${other}@${Math.round(weight * 100)}%`);
  return `${version}${parts.join('')}`;
}

function replacedBy({ deployments, primary }: EcsState): string | undefined {
  const others = deployments.filter(({ status, id }) => status === 'ACTIVE' && id !== primary?.id);
  return others.sort((a, b) => b.createdMs - a.createdMs)[0]?.taskDefinition;
}

function kindOf(from: string | undefined, to: string): ChangeKind {
  if (from === undefined) return 'deploy';
  if (from === to) return 'restart';
  const [before, after] = [numbered(from), numbered(to)];
  const isBack = before !== undefined && after?.family === before.family && after.revision < before.revision;
  return isBack ? 'rollback' : 'deploy';
}

// `web:41` is revision 41 of web, `7` version 7: both are counted upwards and never given twice.
function numbered(text: string): { readonly family: string; readonly revision: number } | undefined {
  const match = /^(?:(.+):)?(\d+)$/.exec(text);
  return match === null ? undefined : { family: match[1] ?? '', revision: Number(match[2]) };
}
