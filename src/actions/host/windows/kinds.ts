import * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { There } from '../remote/there.ts';
import { beginsWithinMs, isInBetween, onHost, onlyAdministrators, windowsKind } from './kind.ts';
import type { WindowsFacts } from './trip.ts';

const none = z.strictObject(onHost);
type OnlyHost = z.infer<typeof none>;

const administrators =
  'membership of Administrators on the host: Windows asks it of this interface, and there is no lesser right for it';

/** The Windows service that a service is on its hosts. @throws `config-invalid` when it names none. */
function unitOn({ place, service }: There): string {
  if (place.unit !== undefined) return place.unit;
  throw new WatchkeeperError('config-invalid', `service ${service.name} names no Windows service`, {
    fix: 'Add ssh.unit to its runsOn: the name of the Windows service, not the one it shows.',
  });
}

// One that other services stand on would take them with it.
function checkAlone(_params: unknown, { dependents, shares, start, state }: WindowsFacts): void {
  if (start === 'Disabled')
    throw new WatchkeeperError('conflict', 'the service is disabled: somebody wants it not to run');
  if (dependents !== null && dependents !== undefined && dependents.length > 0)
    throw new WatchkeeperError('conflict', `services that need it are running: ${dependents.join(', ')}`);
  // It would come back in the process that is there already, and nobody could tell that it was ever gone.
  if (state === 'Running' && shares !== null && shares !== undefined && shares.length > 0)
    throw new WatchkeeperError('conflict', `it runs in one process with ${shares.join(', ')}`);
  if (isInBetween({ identity: '', up: false, ...(state === undefined ? {} : { state }) }))
    throw new WatchkeeperError('conflict', `the service is in between: ${String(state)}`);
}

/** Restarts a Windows service and waits until it runs. */
export const windowsServiceRestart = windowsKind<OnlyHost>({
  kind: 'windows.service-restart',
  summary: 'Restart a Windows service on a host over SSH',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: none,
  needs: [
    'over SSH to Windows: start, stop and query of the service for the user of the hands: sc.exe sdset NAME with (A;;CCLCSWRPWPLORC;;;SID) added to what sc.exe sdshow NAME prints (watchkeeper permissions windows)',
  ],
  rights: (_written, { unit }) => ({
    commands: [],
    windows: unit === undefined ? [] : [{ is: 'service', service: unit }],
  }),
  asked: (_params, there) => ({ verb: 'service', name: unitOn(there) }),
  target: (_params, there) => ({ kind: 'unit', id: unitOn(there) }),
  check: checkAlone,
  preview: (_params, facts, id) => ({
    describe: `restart the Windows service ${id}, and wait until it runs`,
    diff: [`${id}: ${word(facts['state'])} → restarted`],
  }),
  isDone: (now, identity) => now.up && now.identity !== identity,
  done: (_acted, now) => `restarted (pid ${now.pid ?? 0})`,
  settleMs: beginsWithinMs,
});

/** Ends the process of a Windows service, for one that does not stop when it is told to. */
export const windowsProcessStop = windowsKind<OnlyHost>({
  kind: 'windows.process-stop',
  summary: 'End the process of a Windows service on a host over SSH, by its number and start time',
  traits: { reversible: false, idempotent: true, destructive: true, scope: 'process' },
  params: none,
  needs: [`over SSH to Windows: ${administrators} (to end a process of another user)`],
  rights: (_written, { unit = 'a service' }) => onlyAdministrators(`end the process of ${unit}`),
  asked: (_params, there) => ({ verb: 'process', name: unitOn(there) }),
  target: (_params, there) => ({ kind: 'unit', id: unitOn(there) }),
  check: (_params, { identity, shares }) => {
    if (identity === '') throw new WatchkeeperError('conflict', 'the service has no process');
    if (shares !== null && shares !== undefined && shares.length > 0)
      throw new WatchkeeperError('conflict', `its process is that of ${shares.join(', ')} too`);
  },
  preview: (_params, facts, id) => ({
    describe: `end the process ${word(facts['pid'])} of the Windows service ${id}`,
    diff: [`${id}: process ${word(facts['pid'])} → ended`],
  }),
  isDone: (now, identity) => now.identity !== identity,
  done: () => 'the process was ended',
  settleMs: beginsWithinMs,
});

function poolOn({ place, service }: There): string {
  if (place.iis?.pool !== undefined) return place.iis.pool;
  throw new WatchkeeperError('config-invalid', `service ${service.name} names no application pool`, {
    fix: 'Add ssh.iis.pool to its runsOn.',
  });
}

/** Recycles an application pool of IIS, or starts one that is stopped. */
export const windowsPoolRecycle = windowsKind<OnlyHost>({
  kind: 'windows.iis-apppool-recycle',
  summary: 'Recycle an application pool of IIS on a host over SSH, or start it when it is stopped',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: none,
  needs: [`over SSH to Windows: ${administrators} (Microsoft.Web.Administration)`],
  rights: () => onlyAdministrators('recycle application pools of IIS'),
  asked: (_params, there) => ({ verb: 'pool', name: poolOn(there) }),
  target: (_params, there) => ({ kind: 'iis-app-pool', id: poolOn(there) }),
  check: (_params, { up, workers = 0 }) => {
    // A pool without a worker has nothing to recycle: the next request starts one.
    if (up && workers < 1) throw new WatchkeeperError('conflict', 'the pool is started and has no worker process');
  },
  preview: (_params, facts, id) => ({
    describe: `${facts['running'] === true ? 'recycle' : 'start'} the application pool ${id}`,
    diff: [`${id}: workers ${word(facts['identity'])} → new ones`],
  }),
  isDone: (now, identity) => now.up && (now.identity !== identity || identity === ''),
  done: (_acted, now) => `the pool is started, with ${now.workers ?? 0} workers`,
  settleMs: beginsWithinMs,
});

const dayMs = 24 * 3_600_000;
const reclaim = z.strictObject({
  folder: z
    .string()
    .max(240)
    .regex(/^[A-Za-z]:\\[^\p{Cc}<>:"/|?*]+$/u, 'must be a folder of a drive, such as D:\\shop\\logs')
    .refine((path) => !path.split('\\').some((part) => /^\.+$/.test(part)), 'must not climb')
    .refine(
      (path) => !/^[a-z]:\\(windows|program files( \(x86\))?|programdata|users)\\?$/i.test(path),
      'must be a folder below one of Windows, not one of them',
    )
    .refine(
      (path) =>
        !/^[a-z]:\\windows\\/i.test(path) ||
        /^[a-z]:\\windows\\(temp|logs|minidump|livekernelreports|system32\\logfiles)(\\|$)/i.test(path),
      'must not be of Windows itself, but for its logs, dumps and temporary files',
    ),
  olderThanDays: z.int().min(1).max(3_650).default(14),
  /** Other files are never touched, however old. */
  endings: z
    .array(z.string().regex(/^[A-Za-z0-9]{1,10}$/, 'must be an ending without its dot, such as log'))
    .min(1)
    .max(20)
    .default(['log', 'etl', 'dmp', 'mdmp', 'tmp']),
  maxFiles: z.int().min(1).max(10_000).default(2_000),
  ...onHost,
});
type Reclaim = z.infer<typeof reclaim>;

/** Deletes files below one folder that were not written for so many days, the oldest first. */
export const windowsDiskReclaim = windowsKind<Reclaim>({
  kind: 'windows.disk-reclaim',
  summary:
    'Delete old logs, dumps and temporary files below one folder of a Windows host over SSH; links are not followed',
  traits: { reversible: false, idempotent: true, destructive: true, scope: 'host' },
  params: reclaim,
  needs: [
    'over SSH to Windows: list and delete in the folder: icacls FOLDER /grant USER:(OI)(CI)(RX,D,DC) (watchkeeper permissions windows)',
  ],
  rights: ({ folder }) =>
    typeof folder === 'string' && !folder.includes('{{')
      ? { commands: [], windows: [{ is: 'folder', path: folder }] }
      : { commands: [], windows: [], unknown: ['to delete in a folder that a runbook names only when it is followed'] },
  asked: ({ folder, olderThanDays, endings, maxFiles }) => ({
    verb: 'disk',
    folder,
    olderMs: olderThanDays * dayMs,
    endings,
    most: maxFiles,
  }),
  target: ({ folder }) => ({ kind: 'folder', id: folder }),
  check: (_params, { files }) => {
    if (files === 0) throw new WatchkeeperError('conflict', 'there is no such file as old as that');
  },
  preview: ({ olderThanDays, endings }, facts, id) => ({
    describe: `delete ${word(facts['files'])} files (${word(facts['bytes'])} bytes) below ${id} that end in ${endings.join(', ')} and are older than ${olderThanDays} days`,
    diff: [`${id}: ${word(facts['bytes'])} bytes → deleted`],
  }),
  isDone: (now) => now.files === 0,
  done: ({ freed }) =>
    `${freed?.files ?? 0} files deleted, ${freed?.bytes ?? 0} bytes${(freed?.kept ?? 0) > 0 ? `; ${freed?.kept ?? 0} could not be` : ''}`,
  settleMs: beginsWithinMs,
});

/** Makes the clock ask its source anew. */
export const windowsTimeResync = windowsKind<OnlyHost>({
  kind: 'windows.time-resync',
  summary:
    'Make the clock of a Windows host over SSH find its time source anew, and start the service when it is stopped',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'host' },
  params: none,
  needs: [`over SSH to Windows: ${administrators} (w32tm /resync)`],
  rights: () => onlyAdministrators('put the clock right (w32tm /resync)'),
  asked: () => ({ verb: 'time' }),
  target: () => ({ kind: 'clock', id: 'clock' }),
  preview: (_params, facts, id) => ({
    describe: `make ${id} ask its time source anew`,
    diff: [`${id}: stratum ${word(facts['stratum'])}, leap indicator ${word(facts['leap'])} → synchronised`],
  }),
  isDone: (now) => now.up,
  done: (_acted, now) => `the clock follows its source (stratum ${now.stratum ?? 0})`,
  settleMs: beginsWithinMs,
});

/** Starts the machine again and waits until it is back. */
export const windowsReboot = windowsKind<OnlyHost>({
  kind: 'windows.host-reboot',
  summary: 'Start a Windows host over SSH again, and wait until it is back',
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'host' },
  params: none,
  needs: [
    'over SSH to Windows: the user rights SeShutdownPrivilege and SeRemoteShutdownPrivilege (a login by key is a network logon) for the user of the hands (watchkeeper permissions windows)',
  ],
  rights: () => ({ commands: [], windows: [{ is: 'shutdown' }] }),
  asked: () => ({ verb: 'reboot' }),
  target: () => ({ kind: 'host', id: '' }),
  preview: (_params, facts, id) => ({
    describe: `start ${id} again, and wait until it is back`,
    diff: [`${id}: ${word(facts['identity'])} → the next`],
  }),
  isDone: (now, identity) => now.up && now.identity !== identity,
  done: (_acted, now) => `it is back (${now.identity})`,
  // It is begun ten seconds after it was asked for.
  settleMs: 20_000,
});

function word(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '?';
}
