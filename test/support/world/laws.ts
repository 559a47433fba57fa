import { canonicalJson } from '../../../src/lib/canonical.ts';
import type { Json } from '../../../src/lib/json.ts';
import type { Decision } from '../../../src/domain/authority.ts';
import { verifyStore } from '../../../src/ledger/index.ts';
import { decide, type DecisionInput } from '../../../src/policy/index.ts';
import type { World } from './types.ts';

/** What was broken, in sentences; empty when the law held all night. */
export type Breaches = readonly string[];

/** I1: every decision that was recorded with its inputs is made again from them, byte for byte. Tells how many there were. */
export function replayed(world: World): { readonly count: number; readonly breaches: Breaches } {
  let count = 0;
  const breaches: string[] = [];
  for (const { draft } of world.recorded) {
    const payload = draft.payload as unknown as
      | { readonly decision?: Decision; readonly input?: Omit<DecisionInput, 'policies'>; readonly policies?: string }
      | undefined;
    if (draft.type !== 'decision' || payload?.input === undefined || payload.decision === undefined) continue;
    count += 1;
    const policies = world.policies.get(payload.policies ?? '');
    if (!policies) {
      breaches.push(`the policies of decision ${payload.decision.id} were never in force`);
      continue;
    }
    const again = decide({ ...payload.input, policies });
    if (text(again) !== text(payload.decision)) breaches.push(`decision ${payload.decision.id} replays differently`);
  }
  return { count, breaches };
}

/** I2, I4: every effect follows an intent of the same service, and every first intent a live decision that allowed it. */
export function actedByLeave(world: World): Breaches {
  const breaches: string[] = [];
  const { recorded, host } = world;
  recorded.forEach(({ draft }, index) => {
    if (draft.type !== 'step-intent' || draft.body['way'] === 'undo') return;
    const leave = recorded
      .slice(0, index)
      .findLast(
        (one) =>
          one.draft.type === 'decision' &&
          one.draft.subject.step === draft.subject.step &&
          one.draft.subject.plan === draft.subject.plan,
      );
    if (leave?.draft.body['outcome'] !== 'allow') breaches.push(`an intent without a live decision that allowed it`);
  });
  for (const effect of host.effects) {
    const intent = recorded.some(
      ({ draft, atMs }) =>
        draft.type === 'step-intent' && draft.subject.service === effect.service && atMs <= effect.atMs,
    );
    if (!intent && effect.service !== '') breaches.push(`${effect.what} ${effect.detail} without a durable intent`);
  }
  return breaches;
}

/** I5: between a start and the next intent of the same step and attempt, no effect may repeat; keys are used once a process. */
export function neverTwice(world: World): Breaches {
  const links = world.host.effects.filter((effect) => effect.what === 'linked');
  return links.flatMap((link, index) =>
    index > 0 &&
    links[index - 1]?.detail === link.detail &&
    noDeployBetween(world, links[index - 1]?.atMs ?? 0, link.atMs)
      ? [`${link.detail} was done twice`]
      : [],
  );
}

function noDeployBetween(world: World, fromMs: number, untilMs: number): boolean {
  return !world.source.changes.some(
    (change) => change.kind === 'deploy' && change.atMs > fromMs && change.atMs <= untilMs,
  );
}

/** I14: whoever had a critical incident of an active detector for minutes was told. */
export function neverSilent(world: World): Breaches {
  const untilMs = world.clock.nowMs();
  const opened = world.recorded.filter(
    ({ draft }) =>
      draft.type === 'incident-opened' && draft.body['mode'] === 'active' && draft.body['severity'] === 'critical',
  );
  return opened.flatMap(({ draft, atMs }) => {
    if (untilMs - atMs < 120_000) return [];
    const { incident } = draft.subject;
    const merged = world.daemon?.composed.watch.state().incidents.find((one) => one.id === incident)?.mergedInto;
    const told = world.heard.some(
      ({ notice }) => notice.incident?.id === (merged ?? incident) || notice.incident?.id === incident,
    );
    const acted = world.recorded.some(
      (one) => one.draft.type === 'step-intent' && one.draft.subject.incident === incident,
    );
    return told || acted ? [] : [`nobody was told of incident ${incident ?? ''}`];
  });
}

/** I15: nothing was recorded without an actor, and no act without the incident it is for. */
export function alwaysNamed(world: World): Breaches {
  return world.recorded.flatMap(({ draft }) => [
    ...(draft.actor === '' ? [`${draft.type} by nobody`] : []),
    ...(draft.type === 'step-intent' && draft.subject.incident === undefined ? ['an act for no incident'] : []),
  ]);
}

/** I13: nowhere that people, files or other systems read does a secret stand. */
export function kept(secret: string, sinks: Readonly<Record<string, string>>): Breaches {
  return Object.entries(sinks).flatMap(([name, content]) =>
    content.includes(secret) ? [`${name} holds the secret`] : [],
  );
}

/** The ledger verifies from its rows: tree, checkpoint, signatures, payloads. */
export async function ledgerHolds(world: World): Promise<Breaches> {
  const { store } = world.daemon ?? {};
  if (!store) return ['there is no store'];
  const report = await verifyStore(store);
  return report.problems.map((problem) => canonicalJson(JSON.parse(JSON.stringify(problem)) as Json));
}

function text(decision: Decision): string {
  return canonicalJson(JSON.parse(JSON.stringify(decision)) as Json);
}
