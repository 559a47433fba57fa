import * as z from 'zod';

import { digest } from '../../../lib/canonical.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Json } from '../../../lib/json.ts';
import { limits } from '../../../lib/limits.ts';
import type { ActionContext, ActionResult, HostCommand } from '../../../domain/ports/action.ts';
import { ownDeadlineMs } from '../health.ts';
import { malformedBefore } from '../running.ts';
import type { RemoteHand } from './by-place.ts';
import { textFact, type Facts } from './facts.ts';
import { lookPackageScript, putPackageScript } from './package-scripts.ts';
import { targetThere } from './there.ts';
import type { There } from './there.ts';
import { actThere, hostsThere, lookThere, notAllowed, whyNotDone } from './trip.ts';
import { sessionsOf } from './unit.ts';

interface Params {
  readonly package: string;
  readonly to: string;
}

const beforeShape = z.strictObject({ host: z.string(), package: z.string(), from: z.string(), to: z.string() });
type Before = z.infer<typeof beforeShape>;

// In sudoers as an extended regular expression: no blank, so nothing can be added to the one package.
const anyVersion = '[A-Za-z0-9.+:~^_-]+';

function aptCommand(name: string, version: string): HostCommand {
  const words = ['-y', '-qq', '--allow-downgrades', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold'];
  return versioned('/usr/bin/apt-get', [...words, 'install'], `${name}=`, version);
}

function commandOf(manager: string, name: string, version: string): HostCommand {
  if (manager === 'dnf') return versioned('/usr/bin/dnf', ['-q', '-y', 'downgrade'], `${name}-`, version);
  if (manager === 'apk') return versioned('/sbin/apk', ['add'], `${name}=`, version);
  return aptCommand(name, version);
}

// Which version will be put back is not known before: the line of sudoers names the package, and any version of it.
function versioned(program: string, words: readonly string[], before: string, version: string): HostCommand {
  const literal = [...words, before].join(' ').replace(/[.+*?^$()[\]{}|\\]/g, '\\$&');
  return { argv: [program, ...words, `${before}${version}`], pattern: `^${literal}${anyVersion}$` };
}

/** `host.package-downgrade` over SSH: one package that the service lists, to an exact version, and nothing beside it. */
export const downgradeThere: RemoteHand<Params> = {
  needs: (written, { packages = [] }) => {
    const { package: name } = written;
    const literal = typeof name === 'string' && !name.includes('{{');
    const named = literal ? packages.filter((one) => one === name) : packages;
    return {
      commands: named.flatMap((one) => ['apt', 'dnf', 'apk'].map((manager) => commandOf(manager, one, 'VERSION'))),
    };
  },
  target: (params, there) => targetThere(there, 'package', listed(params.package, there)),
  observe: async (params, there, context) => {
    const name = listed(params.package, there);
    const [hosts, facts] = await Promise.all([
      hostsThere(there, context),
      lookThere(there, { script: lookPackageScript, args: [name, params.to] }, context),
    ]);
    const [manager, from] = [facts.text('manager'), facts.text('version')];
    if (manager === '')
      throw new WatchkeeperError('unsupported', `${there.host} has no package manager that we know (apt, dnf, apk)`);
    if (from === '') throw new WatchkeeperError('not-found', `${name} is not installed on ${there.host}`);
    refuseMore(facts, name, params.to, there);
    if (facts.text('may') !== 'yes') throw notAllowed(there, context, commandOf(manager, name, params.to));
    return {
      target: targetThere(there, 'package', name),
      atMs: context.io.clock.nowMs(),
      facts: { host: there.host, package: name, manager, current: from, to: params.to, ...sessionsOf(facts) },
      stateHash: digest([there.host, name, from, params.to]),
      // A package's scripts restart what they like.
      blast: {
        touched: 1,
        total: hosts.length,
        healthyAfter: hosts.length - 1,
        healthyNow: hosts.length,
        names: [`host:${there.host}`],
        targets: [there.host],
        dependents: [],
      },
      ...(facts.text('busy') === '' ? {} : { busy: `${facts.text('busy')} is at work on ${there.host}` }),
    };
  },
  preview: (params, { target, facts }) => {
    const from = textFact(facts['current']);
    if (from === params.to) throw new WatchkeeperError('conflict', `${target.id} is ${from} already`);
    return {
      describe: `put ${params.package} on ${textFact(facts['host'])} from ${from} to ${params.to}, and change no other package`,
      diff: [`${target.id}: ${from} → ${params.to}`],
    };
  },
  before: (params, { facts }): Json => ({
    host: textFact(facts['host']),
    package: params.package,
    from: textFact(facts['current']),
    to: params.to,
  }),
  run: (_params, before, _key, there, context) => {
    const { from, to, package: name } = parseBefore(before, there);
    return put(name, from, to, there, context);
  },
  probe: async (_params, before, there, context) => {
    const was = parseBefore(before, there);
    const facts = await untilCalm(was.package, there, context);
    const now = facts.text('version');
    if (facts.text('busy') !== '') return { is: 'unknown', because: `${facts.text('busy')} is at work` };
    if (now === was.to) return { is: 'done', because: `${was.package} is ${now}` };
    if (now === was.from) return { is: 'not-done', because: `${was.package} is still ${now}` };
    return { is: 'unknown', because: `${was.package} is ${now === '' ? 'not whole' : now}` };
  },
  undo: (_params, before, _key, there, context) => {
    const { from, to, package: name } = parseBefore(before, there);
    return put(name, to, from, there, context);
  },
};

async function put(
  name: string,
  from: string,
  to: string,
  there: There,
  context: ActionContext,
): Promise<ActionResult> {
  const acted = await actThere(there, { script: putPackageScript, args: [listed(name, there), to, from] }, context);
  if (acted.is !== 'ended') return acted;
  const { facts } = acted;
  const now = facts.text('version');
  if (now === to) return { is: 'done', message: `${name} on ${there.host} is ${to}` };
  if (facts.text('did') === 'other')
    return {
      is: 'failed',
      message: `${name} on ${there.host} is ${facts.text('before')} by now; somebody else changed it`,
    };
  if (facts.text('did') === 'more')
    return {
      is: 'failed',
      message: `nothing was done on ${there.host}: ${moreThan(facts, name, to) ?? 'it would change nothing'}`,
    };
  const why = whyNotDone(facts, there, context, aptCommand(name, to)) ?? `${name} is ${now}`;
  return { is: now === from ? 'failed' : 'unknown', message: why };
}

// The version and the package come from far away: the one must be among what the service lists, the other a plain word.
function listed(name: string, { place, service, host }: There): string {
  if (place.packages?.includes(name) === true) return name;
  throw new WatchkeeperError('forbidden', `${name} is not among the packages of ${service.name} on ${host}`, {
    fix: 'Add it to ssh.packages of its runsOn, if it may be put back.',
  });
}

function refuseMore(facts: Facts, name: string, to: string, { host }: There): void {
  const current = facts.text('version');
  if (current === to) return;
  const more = moreThan(facts, name, to);
  if (more !== undefined) throw new WatchkeeperError('conflict', `on ${host}: ${more}`);
}

function moreThan(facts: Facts, name: string, to: string): string | undefined {
  const removed = facts.all('remove');
  const others = facts.all('change').filter((one) => one !== name);
  if (removed.length > 0) return `${name} ${to} would remove ${removed.slice(0, 5).join(', ')}`;
  if (others.length > 0) return `${name} ${to} would change ${others.slice(0, 5).join(', ')} as well`;
  if (facts.all('change').includes(name)) return undefined;
  const problem = facts.text('problem');
  return `${name} ${to} is not to be had, from the cache or a repository${problem === '' ? '' : `: ${problem}`}`;
}

async function untilCalm(name: string, there: There, context: ActionContext): Promise<Facts> {
  const { clock } = context.io;
  const until = ownDeadlineMs(context);
  for (;;) {
    const facts = await lookThere(there, { script: lookPackageScript, args: [name, '-'] }, context);
    if (facts.text('busy') === '' || context.signal.aborted || clock.monotonicMs() >= until) return facts;
    await clock.sleep(limits.healthPollMs * 4, context.signal).catch(() => undefined);
  }
}

function parseBefore(before: Json, there: There): Before {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success || parsed.data.host !== there.host) throw malformedBefore('host.package-downgrade');
  return parsed.data;
}
