import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Systemd, UnitState } from '../../../io/clients/linux/services/systemd.ts';
import type { Answer } from './answers.ts';
import type { RemoteMachine } from './machine.ts';

/** systemd as `systemctl show` and `list-units` tell of it. */
export function remoteSystemd(machine: RemoteMachine): Systemd {
  return {
    async unit(name, context) {
      const facts = factsOf(textOf(await machine.ask({ is: 'unit', name }, context.signal)));
      const load = facts.get('LoadState') ?? '';
      if (load === 'not-found') throw new WatchkeeperError('not-found', `systemd knows no unit ${name}`);
      const active = facts.get('ActiveState');
      if (active === undefined) throw new WatchkeeperError('unreachable', `systemd does not answer about ${name}`);
      const unit = facts.get('Id') ?? name;
      const state: UnitState = { unit, load, active, sub: facts.get('SubState') ?? '' };
      return unit.endsWith('.service') ? { ...state, ...serviceFacts(facts) } : state;
    },
    async failed(context) {
      const lines = textOf(await machine.ask({ is: 'failed' }, context.signal)).split('\n');
      return lines.flatMap((line) => /^[\s●*]*([A-Za-z0-9:_.@\\-]+\.[a-z]+)\s/.exec(line)?.[1] ?? []);
    },
    close: () => undefined,
  };
}

function textOf(answer: Answer): string {
  if (answer.is !== 'bytes') throw new WatchkeeperError('unsupported', 'no systemd at hand: the host has none');
  return new TextDecoder().decode(answer.bytes);
}

function factsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value.trim()]));
}

function serviceFacts(facts: ReadonlyMap<string, string>): Partial<UnitState> {
  const number = (name: string): number | undefined => {
    const value = facts.get(name);
    return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  };
  const result = facts.get('Result');
  const controlGroup = facts.get('ControlGroup');
  const restarts = number('NRestarts');
  const mainPid = number('MainPID');
  return {
    ...(result === undefined || result === '' ? {} : { result }),
    ...(restarts === undefined ? {} : { restarts }),
    ...(mainPid === undefined ? {} : { mainPid }),
    ...(controlGroup === undefined || controlGroup === '' ? {} : { controlGroup }),
  };
}
