import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { schemaOf } from '../../../lib/schema.ts';
import { isEarlier } from '../../../io/clients/linux/changes/releases.ts';
import type { ActionContext, ActionResult } from '../../../domain/ports/action.ts';
import { defineAction } from '../../define-action.ts';
import { malformedBefore } from '../running.ts';
import { targetThere, thereOf } from '../remote/there.ts';
import type { There } from '../remote/there.ts';
import { beginsWithinMs, blastOf, onHost, onlyAdministrators, placeOf, refuseLinux, settleShare } from './kind.ts';
import { actOnWindows, lookAtWindows } from './trip.ts';
import type { WindowsFacts } from './trip.ts';

const params = z.strictObject({
  to: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'must be the name of a folder beside the present one')
    .exactOptional(),
  ...onHost,
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({ host: z.string(), path: z.string(), to: z.string() });

/** Points a site of IIS at an earlier release: another folder beside the one it is served from. */
export const windowsSiteRollback = defineAction<Params>({
  kind: 'windows.iis-site-rollback',
  summary: 'Point a site of IIS on a host over SSH at an earlier release beside the present one',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: [
    'over SSH to Windows: membership of Administrators on the host (Microsoft.Web.Administration writes applicationHost.config)',
  ],
  onHosts: () => onlyAdministrators('point sites of IIS elsewhere'),
  target: ({ host }, service) => {
    const there = thereOf(service, host);
    return targetThere(there, 'iis-site', siteOn(there));
  },
  observe: async ({ host, to }, context) => {
    const there = thereOf(context.service, host);
    const site = siteOn(there);
    await refuseLinux(there, context);
    const [facts, hosts] = await Promise.all([
      lookAtWindows(there, { verb: 'site', name: site }, context),
      context.io.ssh.operator(there.source).hosts(placeOf(there), context.signal),
    ]);
    const [folder, current] = partsOf(facts.path ?? '');
    const chosen = to ?? earlierThan(current, facts);
    return {
      target: targetThere(there, 'iis-site', site),
      atMs: context.io.clock.nowMs(),
      facts: {
        host: there.host,
        running: facts.up,
        path: facts.path ?? '',
        current,
        to: chosen ?? '',
        toPath: chosen === undefined || !(facts.releases ?? []).includes(chosen) ? '' : `${folder}\\${chosen}`,
      },
      stateHash: digest([there.host, site, facts.path ?? '', chosen ?? '']),
      blast: blastOf(there, hosts.length),
    };
  },
  preview: (_given, { facts, target }) => {
    const [current, to] = [textOf(facts['current']), textOf(facts['to'])];
    if (to === '') throw new WatchkeeperError('conflict', `there is no release before ${current} beside it`);
    if (textOf(facts['toPath']) === '')
      throw new WatchkeeperError('conflict', `there is no release ${to} beside ${current}`);
    if (to === current) throw new WatchkeeperError('conflict', `${to} is served already`);
    return {
      describe: `point the site ${target.id} from ${current} back to ${to}`,
      diff: [`${target.id}: ${textOf(facts['path'])} → ${textOf(facts['toPath'])}`],
    };
  },
  before: (_given, { facts }): Json => ({
    host: facts['host'] ?? '',
    path: facts['path'] ?? '',
    to: facts['toPath'] ?? '',
  }),
  run: ({ host }, before, _key, context) => {
    const there = thereOf(context.service, host);
    const { path, to } = parseBefore(before, there);
    return point(there, path, to, context);
  },
  probe: async ({ host }, before, context) => {
    const there = thereOf(context.service, host);
    const { path, to } = parseBefore(before, there);
    const pathNow = async (): Promise<string> =>
      (await lookAtWindows(there, { verb: 'site', name: siteOn(there) }, context)).path ?? '';
    let now = await pathNow();
    // A script that was sent before the connection was cut may only begin now.
    if (now === path) {
      await context.io.clock.sleep(Math.min(beginsWithinMs, context.timeoutMs * settleShare), context.signal);
      now = await pathNow();
    }
    if (now === to) return { is: 'done', because: `it is served from ${to}` };
    if (now === path) return { is: 'not-done', because: `it is served from ${path}` };
    return { is: 'unknown', because: `somebody pointed it elsewhere: ${now}` };
  },
  undo: ({ host }, before, _key, context) => {
    const there = thereOf(context.service, host);
    const { path, to } = parseBefore(before, there);
    return point(there, to, path, context);
  },
});

// Only when it is where we left it: what somebody pointed elsewhere meanwhile is theirs.
async function point(there: There, from: string, to: string, context: ActionContext): Promise<ActionResult> {
  const asked = { verb: 'site', name: siteOn(there), identity: from, to } as const;
  const acted = await actOnWindows(there, asked, context);
  if (acted.facts?.path === to) return { is: 'done', message: `the site is served from ${to}` };
  if (acted.is === 'gone')
    return { is: 'failed', message: `the site is served from ${acted.facts?.path ?? 'elsewhere'}; nothing was done` };
  if (acted.is === 'failed') return { is: 'failed', message: acted.message };
  return { is: 'unknown', message: acted.message === '' ? 'the site is not yet where it was pointed' : acted.message };
}

function siteOn({ place, service }: There): string {
  if (place.iis?.site !== undefined) return place.iis.site;
  throw new WatchkeeperError('config-invalid', `service ${service.name} names no site of IIS`, {
    fix: 'Add ssh.iis.site to its runsOn.',
  });
}

function partsOf(path: string): readonly [string, string] {
  const at = path.replace(/\\+$/, '').lastIndexOf('\\');
  return at < 0 ? ['', path] : [path.slice(0, at), path.replace(/\\+$/, '').slice(at + 1)];
}

// The nearest before it, of names that differ in their numbers only.
function earlierThan(current: string, { releases }: WindowsFacts): string | undefined {
  return (releases ?? [])
    .filter((name) => isEarlier(name, current))
    .reduce<string | undefined>((best, name) => (best === undefined || isEarlier(best, name) ? name : best), undefined);
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function parseBefore(before: Json, { host }: There): z.infer<typeof beforeShape> {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== host || parsed.data.to === '')
    throw malformedBefore('windows.iis-site-rollback');
  return parsed.data;
}
