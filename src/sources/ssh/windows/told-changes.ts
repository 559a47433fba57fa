import type { Change } from '../../../domain/change.ts';
import { digest } from '../../../lib/canonical.ts';
import { oneLine } from '../../../lib/text.ts';
import type { WindowsDocument } from './document.ts';
import { eventsIn } from './events.ts';
import type { WindowsEvent } from './events.ts';

/** For whom changes are told, and how far back. */
export interface ChangeScope {
  readonly host: string;
  readonly source: string;
  readonly nowMs: number;
  readonly sinceMs: number;
}

/** The machine's last start, when it lies within the look back, with who asked for it and why where Windows says (event 1074). */
export function bootOf(document: WindowsDocument, scope: ChangeScope): readonly Change[] {
  const { bootedAtMs, bootId, build, revision } = document.section('system');
  if (bootedAtMs < scope.sinceMs) return [];
  // The number of the boot, or its time to the minute: the time moves a little when the clock is set.
  const identity = typeof bootId === 'number' ? `boot ${bootId}` : `at ${Math.round(bootedAtMs / 60_000)}`;
  const system = eventsIn(document, 'System');
  const before = system.filter(
    ({ atMs }) => atMs !== null && atMs <= bootedAtMs + 300_000 && atMs > bootedAtMs - 3_600_000,
  );
  const asked = before.findLast(({ id, provider }) => id === 1_074 && provider === 'User32');
  const unexpected = before.some(({ id, provider }) => id === 6_008 && provider === 'EventLog');
  const who = asked?.values[6];
  return [
    {
      id: digest(['boot', scope.host, identity]),
      kind: 'infrastructure',
      service: scope.host,
      atMs: Math.min(bootedAtMs, scope.nowMs),
      what: 'boot',
      to: `${oneLine(build, 20)}${typeof revision === 'number' ? `.${revision}` : ''}`,
      source: scope.source,
      ...(who === undefined || who === '' ? {} : { actor: oneLine(who, 100) }),
      attributes: {
        bootId: identity,
        ...(asked === undefined ? {} : { reason: oneLine(asked.values.slice(2, 6).join('; '), 200) }),
        ...(unexpected ? { unexpected: 'true' } : {}),
      },
    },
  ];
}

/**
 * Changes that event logs tell of, by provider and number (their values are the same in every language): programs installed
 * and removed (MsiInstaller 1033, 1034), services installed and their start type (Service Control Manager 7045, 7040),
 * updates (WindowsUpdateClient 19).
 */
export function fromEvents(
  system: readonly WindowsEvent[],
  application: readonly WindowsEvent[],
  scope: ChangeScope,
): readonly Change[] {
  return [...system, ...application].flatMap((event) => {
    const teller = tellers[`${event.provider} ${event.id}`];
    const told = teller?.(event.values.map((value) => oneLine(value, 200)));
    const atMs = event.atMs ?? scope.nowMs;
    if (told === undefined || atMs < scope.sinceMs) return [];
    const { attributes, ...rest } = told;
    return [
      {
        ...rest,
        id: digest(['event', scope.host, event.provider, event.record]),
        service: scope.host,
        atMs: Math.min(atMs, scope.nowMs),
        source: scope.source,
        attributes: { event: `${event.provider} ${event.id}`, ...attributes },
      },
    ];
  });
}

type Told = Pick<Change, 'kind' | 'what' | 'from' | 'to' | 'attributes'>;
type Teller = (values: readonly string[]) => Told | undefined;

const tellers: Readonly<Record<string, Teller>> = {
  // Name, version, language, status (0 is well), maker.
  'MsiInstaller 1033': ([name = '', version = '', , status]) =>
    status === '0'
      ? { kind: 'package', what: `package:${name}`, to: version, attributes: { manager: 'msi' } }
      : undefined,
  'MsiInstaller 1034': ([name = '', version = '', , status]) =>
    status === '0'
      ? { kind: 'package', what: `package:${name}`, from: version, attributes: { manager: 'msi' } }
      : undefined,
  // Shown name, path, kind, start type, account.
  'Service Control Manager 7045': ([name = '', path = '']) => ({
    kind: 'config',
    what: `service:${name}`,
    to: 'installed',
    attributes: { path },
  }),
  // Shown name, start type before, after (in the host's language), the service's own name.
  'Service Control Manager 7040': ([shown = '', from = '', to = '', name = shown]) => ({
    kind: 'config',
    what: `start-type:${name}`,
    from,
    to,
    attributes: {},
  }),
  // The update's title, which names its KB.
  'Microsoft-Windows-WindowsUpdateClient 19': ([title = '']) => ({
    kind: 'package',
    what: `package:${/KB\d{6,8}/.exec(title)?.[0] ?? title}`,
    to: 'installed',
    attributes: { manager: 'windows-update', title },
  }),
};

/**
 * Midnight (UTC) of the day a hotfix was installed on. Windows writes `11/2/2026` (month first, in every language), `20261102`,
 * or the time as a FILETIME in 16 hexadecimal digits.
 */
export function hotfixDayMs(day: string): number | undefined {
  const [, month, date, year] = /^(\d{1,2})\/(\d{1,2})\/(\d{4})/.exec(day) ?? [];
  if (year !== undefined) return checked(Number(year), Number(month), Number(date));
  const [, y, m, d] = /^(\d{4})(\d{2})(\d{2})$/.exec(day) ?? [];
  if (y !== undefined) return checked(Number(y), Number(m), Number(d));
  // 100 ns since 1601.
  if (/^[0-9a-fA-F]{16}$/.test(day)) return Number(BigInt(`0x${day}`) / 10_000n) - 11_644_473_600_000;
  return undefined;
}

function checked(year: number, month: number, day: number): number | undefined {
  const at = Date.UTC(year, month - 1, day);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 ? at : undefined;
}
