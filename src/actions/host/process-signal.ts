import * as z from 'zod';

import { digest } from '../../lib/canonical.ts';
import { WatchkeeperError } from '../../lib/errors.ts';
import type { Json } from '../../lib/json.ts';
import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { createOnce } from '../once.ts';
import { starterName, starterOf, starterTarget } from './place.ts';
import { identityText, readProcess } from './process.ts';
import { byPlace, hostParam, type LocalHand } from './remote/by-place.ts';
import { signalThere } from './remote/process-signal.ts';
import { look, malformedBefore } from './running.ts';

const params = z.strictObject({
  /** SIGKILL and SIGSTOP are deliberately absent: they leave a service in a state nobody planned. */
  signal: z.enum(['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGINT', 'SIGCONT']),
  host: hostParam,
});
type Params = z.infer<typeof params>;

const beforeShape = z.strictObject({ pid: z.int().min(2), identity: z.string().min(1) });
const once = createOnce();

/** Sends one signal to the service's main process, and only to the very process that was looked at. */
export const processSignal = defineAction<Params>({
  kind: 'host.process-signal',
  summary: 'Send a signal to a service’s main process (reload, rotate, dump, end)',
  // A second SIGHUP is a second reload, and most signals leave nothing to look for afterwards.
  traits: { reversible: false, idempotent: false, destructive: false, scope: 'process' },
  params: schemaOf(params),
  needs: [
    'signal the process (same user, or CAP_KILL); read /proc and the pid file or systemctl show',
    'over SSH: a line of sudoers for systemctl kill of the unit’s main process (watchkeeper permissions ssh)',
  ],
  ...byPlace<Params>(here(), signalThere),
});

function here(): LocalHand<Params> {
  return {
    target: (_given, service) => starterTarget(service),
    observe: async (_given, context) => {
      const starter = starterOf(context.service);
      const running = await look(starter, context);
      const process = running.pid > 1 ? await readProcess(context.io.files, running.pid, context.signal) : undefined;
      const identity = process === undefined ? '' : identityText(process);
      return {
        target: starterTarget(context.service),
        atMs: context.io.clock.nowMs(),
        facts: { by: starter.by, running: process !== undefined, pid: running.pid, identity },
        stateHash: digest([starterName(starter), identity]),
        blast: { touched: 1, total: 1, healthyAfter: 0, targets: [`pid ${running.pid}`], dependents: [] },
        ...(running.busy === undefined ? {} : { busy: running.busy }),
      };
    },
    preview: (given, { target, facts }) => {
      if (facts['running'] !== true) throw new WatchkeeperError('conflict', `${target.id} is not running`);
      const pid = typeof facts['pid'] === 'number' ? facts['pid'] : 0;
      return {
        describe: `send ${given.signal} to ${target.service} (pid ${pid})`,
        diff: [`pid ${pid}: ${given.signal}`],
      };
    },
    before: (_given, { facts }): Json => ({ pid: facts['pid'] ?? 0, identity: facts['identity'] ?? '' }),
    run: (given, before, key, context) =>
      once(key, async () => {
        const was = parseBefore(before);
        const now = await readProcess(context.io.files, was.pid, context.signal);
        if (now === undefined || identityText(now) !== was.identity)
          return { is: 'failed', message: `pid ${was.pid} is not the process that was looked at any more` };
        context.io.processes.kill(was.pid, given.signal);
        return { is: 'done', message: `${given.signal} was sent to pid ${was.pid}` };
      }),
    probe: async (given, before, context) => {
      const was = parseBefore(before);
      const now = await readProcess(context.io.files, was.pid, context.signal);
      const gone = now === undefined || identityText(now) !== was.identity;
      if (gone && (given.signal === 'SIGTERM' || given.signal === 'SIGINT'))
        return { is: 'done', because: `the process that was pid ${was.pid} has ended` };
      return { is: 'unknown', because: `a ${given.signal} leaves nothing to look for` };
    },
  };
}

function parseBefore(before: Json): z.infer<typeof beforeShape> {
  const parsed = beforeShape.safeParse(before);
  if (!parsed.success) throw malformedBefore('host.process-signal');
  return parsed.data;
}
