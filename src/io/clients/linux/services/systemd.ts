import type { DbusValue } from '../../dbus-wire.ts';
import { connectDbus } from '../../dbus.ts';
import type { Dbus } from '../../dbus.ts';
import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { ReadContext } from '../reading.ts';

/** What systemd says of one unit. */
export interface UnitState {
  readonly unit: string;
  /** `loaded`, `not-found`, `masked` ... */
  readonly load: string;
  /** `active`, `inactive`, `failed`, `activating` ... */
  readonly active: string;
  /** `running`, `dead`, `auto-restart` ... */
  readonly sub: string;
  /** Of a service: why it last stopped, its automatic restarts, its main process and control group. */
  readonly result?: string;
  readonly restarts?: number;
  readonly mainPid?: number;
  readonly controlGroup?: string;
}

/** systemd's manager, asked over the system bus. Nothing is started and nothing is subscribed to. */
export interface Systemd {
  unit(name: string, context: ReadContext): Promise<UnitState>;
  /** Names of failed units. */
  failed(context: ReadContext): Promise<readonly string[]>;
  close(): void;
}

const manager = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
} as const;

/** The connection is made at the first question, kept, and made again after a fault. */
export function createSystemd(socketPath: string): Systemd {
  let bus: Dbus | undefined;
  let connecting: Promise<Dbus> | undefined;
  const connected = async (context: ReadContext): Promise<Dbus> => {
    if (bus !== undefined && !bus.closed) return bus;
    connecting ??= connect(socketPath, context).finally(() => {
      connecting = undefined;
    });
    bus = await connecting;
    return bus;
  };
  return {
    async unit(name, context) {
      const manage = await connected(context);
      const [listed] = await manage.call(
        { ...manager, member: 'ListUnitsByNames', signature: 'as', body: [[name]] },
        context.signal,
      );
      const [row] = rows(listed);
      const [unit = name, , load = '', active = '', sub = '', , path = ''] = (row ?? []).map(text);
      if (row === undefined || load === 'not-found')
        throw new WatchkeeperError('not-found', `systemd knows no unit ${name}`);
      const state = { unit, load, active, sub };
      if (!unit.endsWith('.service')) return state;
      const [properties] = await manage.call(
        {
          destination: manager.destination,
          path,
          interface: 'org.freedesktop.DBus.Properties',
          member: 'GetAll',
          signature: 's',
          body: ['org.freedesktop.systemd1.Service'],
        },
        context.signal,
      );
      return { ...state, ...serviceFacts(properties) };
    },
    async failed(context) {
      const manage = await connected(context);
      const [listed] = await manage.call(
        { ...manager, member: 'ListUnitsFiltered', signature: 'as', body: [['failed']] },
        context.signal,
      );
      return rows(listed).map(([name]) => text(name));
    },
    close: () => bus?.close(),
  };
}

// No socket, or nobody behind it, is a machine without systemd: that is not the same as all being well.
async function connect(socketPath: string, context: ReadContext): Promise<Dbus> {
  try {
    return await connectDbus(context.sockets, context.at(socketPath), context.signal);
  } catch (thrown) {
    const error = WatchkeeperError.from(thrown);
    if (error.code !== 'not-found') throw error;
    throw new WatchkeeperError('unsupported', `no systemd at hand: there is no system bus at ${socketPath}`, {
      cause: thrown,
    });
  }
}

function serviceFacts(properties: DbusValue | undefined): Partial<UnitState> {
  const facts = new Map<string, DbusValue>();
  for (const [name, value] of rows(properties)) if (value !== undefined) facts.set(text(name), value);
  const result = facts.get('Result');
  const restarts = facts.get('NRestarts');
  const mainPid = facts.get('MainPID');
  const controlGroup = facts.get('ControlGroup');
  return {
    ...(typeof result === 'string' ? { result } : {}),
    ...(typeof restarts === 'number' ? { restarts } : {}),
    ...(typeof mainPid === 'number' ? { mainPid } : {}),
    ...(typeof controlGroup === 'string' ? { controlGroup } : {}),
  };
}

function rows(value: DbusValue | undefined): readonly (readonly DbusValue[])[] {
  return isList(value) ? value.filter(isList) : [];
}

function isList(value: DbusValue | undefined): value is readonly DbusValue[] {
  return Array.isArray(value);
}

function text(value: DbusValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
