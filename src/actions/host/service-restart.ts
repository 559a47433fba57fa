import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { isHealthy, ownDeadlineMs, waitHealthy } from './health.ts';
import { hostPlace, starterName, starterOf, starterTarget } from './place.ts';
import { byPlace, hostParam, type LocalHand } from './remote/by-place.ts';
import { restartThere } from './remote/service-restart.ts';
import { look, lookUntilUp, malformedBefore, restart } from './running.ts';

const params = z.strictObject({
  /** A process that ignores SIGTERM is killed after half the step's time. Units are left to systemd's own rules. */
  force: z.boolean().default(false),
  host: hostParam,
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({ identity: z.string() });

/** Restarts a systemd unit, or a process that a supervisor starts again, and waits until it is well. */
export const serviceRestart = defineAction<Params>({
  kind: 'host.service-restart',
  summary: 'Restart a service on this host or one over SSH: its systemd unit, or (here) its supervised process',
  // A process that went cannot be brought back as it was. A repeat finds a successor and touches nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: [
    'systemd: org.freedesktop.systemd1.manage-units (restart) on the unit, or',
    'SIGTERM to the process (same user, or CAP_KILL); read /proc and the pid file',
    'over SSH: a line of sudoers for systemctl restart of the unit (watchkeeper permissions ssh)',
  ],
  ...byPlace<Params>(here(), restartThere),
});

function here(): LocalHand<Params> {
  return {
    target: (_params, service) => starterTarget(service),
    observe: async (_params, context) => {
      const starter = starterOf(context.service);
      const { health } = hostPlace(context.service);
      const running = await look(starter, context);
      const healthy = health === undefined ? running.up : running.up && (await isHealthy(health, context, 2_000));
      return {
        target: starterTarget(context.service),
        atMs: context.io.clock.nowMs(),
        facts: {
          by: starter.by,
          running: running.up,
          healthy,
          pid: running.pid,
          startedAtMs: Math.round(running.startedAtMs),
          identity: running.identity,
        },
        stateHash: digest([starter.by, starterName(starter), running.identity]),
        blast: {
          touched: 1,
          total: 1,
          healthyAfter: 0,
          targets: [`${starterName(starter)}${running.pid > 0 ? ` (pid ${running.pid})` : ''}`],
          dependents: [],
        },
        ...(running.busy === undefined ? {} : { busy: running.busy }),
      };
    },
    preview: (given, observed) => {
      const { facts } = observed;
      const by = facts['by'];
      if (by === 'process' && facts['running'] !== true)
        throw new WatchkeeperError(
          'conflict',
          `${observed.target.id} is not running, and only its supervisor can start it`,
        );
      const how = by === 'unit' ? 'restart the unit' : `send SIGTERM${given.force ? ', then SIGKILL' : ''}`;
      return {
        describe: `restart ${observed.target.service}: ${how} ${observed.target.id}, and wait until it is well`,
        diff: [`${observed.target.id}: running → restarted`],
      };
    },
    before: (_params, observed) => ({ identity: observed.facts['identity'] ?? '' }),
    run: async (given, before, _key, context) => {
      const { identity } = parseBefore(before);
      const { health } = hostPlace(context.service);
      const until = ownDeadlineMs(context);
      const result = await restart(starterOf(context.service), identity, given.force, context);
      if (result.is !== 'new') return result;
      const data = { pid: result.running.pid };
      if (health === undefined) return { is: 'done', message: `restarted (pid ${result.running.pid})`, data };
      if (await waitHealthy(health, context, until)) return { is: 'done', message: 'restarted, and it is well', data };
      return { is: 'failed', message: `restarted, but ${health} did not answer 2xx in time`, data };
    },
    probe: async (_params, before, context) => {
      const { identity } = parseBefore(before);
      const now = await lookUntilUp(starterOf(context.service), context);
      if (now.up && now.identity !== identity) return { is: 'done', because: `something newer runs (pid ${now.pid})` };
      if (now.up) return { is: 'not-done', because: `the same process runs (pid ${now.pid})` };
      return { is: 'unknown', because: 'nothing runs right now' };
    },
  };
}

function parseBefore(before: Json): z.infer<typeof beforeShape> {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success) throw malformedBefore('host.service-restart');
  return parsed.data;
}
