import { windowsAct, windowsLook } from '../../../src/actions/host/windows/scripts.ts';
import type { SshCommand, SshOperators, SshOutcome } from '../../../src/domain/ports/ssh.ts';
import { framed } from '../powershell.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { actOn, factsOf, windowsWorld } from '../windows-world.ts';
import type { WindowsAsk, WindowsWorld } from '../windows-world.ts';
import type { Effect } from './host.ts';

/** The simulated Windows host `win-1` of the inventory `fleet`: a service, a pool and a site of IIS, and hands that log in. */
export interface SimWindows {
  readonly ssh: SshOperators;
  readonly state: WindowsWorld;
  /** The name of the release that the site is served from. */
  release(): string;
  /** How its signals are told: `undefined` for those that are not of the host. */
  tuneOf(signal: string): string | undefined;
}

/** What the host tells the world about. */
export interface WindowsNews {
  /** Called before anything changes: telemetry up to now is of the old state. */
  readonly onChange: () => void;
  readonly onEffect: (effect: Effect) => void;
}

/** What the inventory of the simulated daemon says of it, as a block of watchkeeper.yaml. */
export const fleetOfWindows = {
  id: 'fleet',
  kind: 'ssh',
  login: { user: 'watch', keyFile: '/k' },
  hosts: { 'win-1': { address: '10.0.0.1', os: 'windows' } },
};

const takesMs = 2_000;

/** Makes the host, with a service that runs. */
export function simWindows(service: string, clock: VirtualClock, news: WindowsNews): SimWindows {
  const state = windowsWorld();
  const answer = (document: unknown): SshOutcome => ({
    is: 'ended',
    code: 0,
    signalName: null,
    stdout: new TextEncoder().encode(framed(document)),
    stderr: '',
  });
  const run = async ({ script, args, signal }: SshCommand): Promise<SshOutcome> => {
    await clock.sleep(takesMs, signal);
    const asked = JSON.parse(args[0] ?? '') as WindowsAsk;
    if (script === windowsLook) return answer({ facts: factsOf(state, asked.verb) });
    if (script !== windowsAct) throw new Error('a script that is none of ours');
    news.onChange();
    const before = state.effects;
    const said = actOn(state, asked);
    if (state.effects > before) {
      const detail = asked.verb === 'site' ? `site to ${state.site.path}` : `${asked.verb} ${asked.name ?? ''}`;
      const what = asked.verb === 'site' ? 'wrote' : 'restarted';
      news.onEffect({ atMs: clock.nowMs(), what, detail, service });
    }
    if (state.cutAfterAct !== true) return answer(said);
    state.cutAfterAct = false;
    return { is: 'unknown', reason: 'unreachable', message: 'the connection was cut' };
  };
  const look = (_host: string, command: SshCommand): Promise<SshOutcome> => run(command);
  return {
    state,
    ssh: {
      operator: () => ({
        user: 'watch-op',
        hosts: () => Promise.resolve([{ name: 'win-1', groups: [], os: 'windows' }]),
        look,
        act: look,
      }),
      close: () => undefined,
    },
    release: () => state.site.path.slice(state.site.path.lastIndexOf('\\') + 1),
    tuneOf: (signal) => {
      if (signal === 'unit_up') return state.service.state === 'Running' ? '1' : '0';
      if (signal === 'app_pool_up') return state.pool.state === 1 ? '1' : '0';
      return undefined;
    },
  };
}
