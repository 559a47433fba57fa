import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { oneLine } from '../../lib/text.ts';
import {
  patchRun,
  readRun,
  runAccess,
  runBesides,
  runBlast,
  runName,
  shortName,
  untilReady,
  whoElse,
  type RunService,
} from './run.ts';
import { swapAction, type Reach, type SwapLook } from './swap.ts';

const revision = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a revision, such as web-00041-abc');
const params = z.strictObject({
  /** The revision that is to serve. Default: the last that was made before the one that serves, and became ready. */
  toRevision: revision.exactOptional(),
  /** What is blamed, as the source writes it: `web-00042-abc`, or of a split `web-00041-x@90%+web-00042-y@10%`. When something else serves by now, nothing is done. */
  from: z.string().min(1).max(300).exactOptional(),
});
type Params = z.infer<typeof params>;

const latest = 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST';
const chosen = 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION';

/** Gives all requests of a Cloud Run service to an earlier revision; undo gives them back, also to whatever is the latest. */
export const runShiftTraffic = swapAction<Params, 'run'>({
  kind: 'gcp.run-shift-traffic',
  summary: 'Give all requests of a Cloud Run service to an earlier revision',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  is: 'run',
  setting: 'traffic',
  access: runAccess,
  besides: runBesides,
  look,
  read: async (reach) => {
    const found = await readRun(reach);
    return { value: trafficText(found), token: found.etag };
  },
  write: async (reach, to, { token = '' }, key) => {
    const { traffic } = await readRun(reach);
    // Tags are addresses of their own, and stay.
    const tagged = traffic.flatMap(({ tag, type, revision: name }) =>
      tag === undefined ? [] : [{ type, ...(name === '' ? {} : { revision: name }), tag }],
    );
    await patchRun(reach, { traffic: [...parsed(to), ...tagged], scaling: undefined }, 'traffic', token, key);
  },
  finish: (reach, to) => untilReady(reach, `traffic to ${to}`),
});

async function look(given: Params, reach: Reach<'run'>): Promise<SwapLook> {
  const found = await readRun(reach);
  const value = trafficText(found);
  const serving = bare(value);
  const revisions = await revisionsOf(reach);
  const names = revisions.map(({ name }) => name);
  const blamed = given.from === serving;
  const older = revisions.slice(names.indexOf(serving.split(/[@+]/)[0] ?? '') + 1);
  const to = given.toRevision ?? older.find(({ failed }) => !failed)?.name;
  const busy = whoElse(found, blamed);
  const base = {
    now: { value, token: found.etag },
    facts: { serving, revisions: names.length, candidates: names.filter((name) => name !== serving) },
    blast: runBlast(reach.place),
    ...(busy === undefined ? {} : { busy }),
  };
  if (given.from !== undefined && !blamed)
    return { ...base, to: { refused: `${given.from} is blamed, and ${serving} serves by now` } };
  if (to === undefined) return { ...base, to: { refused: `there is no revision before ${serving} that became ready` } };
  if (!names.includes(to)) return { ...base, to: { refused: `revision ${to} is gone` } };
  if (revisions.some(({ name, failed }) => name === to && failed))
    return { ...base, to: { refused: `revision ${to} never became ready` } };
  if (to === serving) return { ...base, to: { refused: `${to} serves already` } };
  const image = (name: string): string => revisions.find((one) => one.name === name)?.image ?? '?';
  return { ...base, to, diff: [`image: ${image(serving.split(/[@+]/)[0] ?? '')} → ${image(to)}`] };
}

// Shares of the service in one word: `web-2`, `latest(web-3)` for whatever is the latest, `web-1@90%+web-2@10%`.
function trafficText({ traffic, latestReadyRevision }: RunService): string {
  const shares = traffic.filter(({ percent }) => percent > 0);
  const [only] = shares;
  const nameOf = ({ type, revision: name }: (typeof shares)[number]): string =>
    type === latest || name === '' ? `latest(${shortName(latestReadyRevision)})` : shortName(name);
  if (only === undefined) return `latest(${shortName(latestReadyRevision)})`;
  if (shares.length === 1) return nameOf(only);
  const sorted = shares.map((one) => ({ name: nameOf(one), percent: one.percent }));
  sorted.sort((a, b) => b.percent - a.percent || (a.name < b.name ? -1 : 1));
  return sorted.map(({ name, percent }) => `${name}@${percent}%`).join('+');
}

function bare(value: string): string {
  return value.replace(/latest\(([^)]*)\)/g, '$1');
}

function parsed(value: string): readonly object[] {
  return value.split('+').map((part) => {
    const [, isLatest, name = '', percent = '100'] = /^(latest\()?([^@)]*)\)?(?:@(\d+)%)?$/.exec(part) ?? [];
    return isLatest === undefined
      ? { type: chosen, revision: name, percent: Number(percent) }
      : { type: latest, percent: Number(percent) };
  });
}

const revisionsAnswer = z.object({
  revisions: z
    .array(
      z.object({
        name: z.string(),
        createTime: z.string().default(''),
        containers: z.array(z.object({ image: z.string().default('') })).default([]),
        conditions: z.array(z.object({ type: z.string().default(''), state: z.string().default('') })).default([]),
      }),
    )
    .default([]),
});

interface FoundRevision {
  readonly name: string;
  readonly image: string;
  /** It never came up. */
  readonly failed: boolean;
}

// The newest first.
async function revisionsOf(reach: Reach<'run'>): Promise<readonly FoundRevision[]> {
  const call = { service: 'run', method: 'revisions.list', params: { parent: runName(reach), pageSize: 100 } } as const;
  const { revisions } = revisionsAnswer.parse(await reach.session.ask(call, reach.context.signal));
  return [...revisions]
    .sort((a, b) => (a.createTime < b.createTime ? 1 : a.createTime > b.createTime ? -1 : 0))
    .map(({ name, containers, conditions }) => ({
      name: shortName(name),
      failed: conditions.some(({ type, state }) => type === 'Ready' && state === 'CONDITION_FAILED'),
      image: oneLine(containers.map(({ image }) => image).join(', '), 300),
    }));
}
