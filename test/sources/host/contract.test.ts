import { WatchkeeperError } from '../../../src/lib/errors.ts';
import { sourceContract } from '../../contract/source.ts';
import { startMachine } from './machine.ts';

const forever = new Promise<never>(() => undefined);

sourceContract('host', {
  healthy: () => startMachine(),
  ill: {
    unauthorized: { cannotHappen: 'a file system knows no credentials; see forbidden' },
    forbidden: () =>
      startMachine({ set: (files) => files.fail('/proc/stat', new WatchkeeperError('forbidden', 'EACCES')) }),
    unreachable: () =>
      startMachine({ set: (files) => files.fail('/proc/meminfo', new WatchkeeperError('unreachable', 'EIO')) }),
    malformed: () =>
      startMachine({ set: (files) => files.set('/proc/stat', '\u0000\u0001garbage'), frozen: ['/proc/stat'] }),
    hanging: () =>
      startMachine({
        wrap: (files) => ({
          ...files,
          diskUsage: (path, signal) => (path === '/srv/small' ? forever : files.diskUsage(path, signal)),
        }),
      }),
  },
  partial: () => startMachine({ set: (files) => files.fail('/proc/net', new WatchkeeperError('forbidden', 'EACCES')) }),
  flood: () =>
    startMachine({
      set: (files) =>
        files.set(
          '/proc/self/mountinfo',
          Array.from({ length: 1_000 }, (_, n) => `${n} 1 0:${n} / /mnt/${n} rw - tmpfs tmpfs rw`).join('\n'),
        ),
    }),
});
