import type { Question } from './ask.ts';

const textBytes = 1024 * 1024 + 1;
const read = (path: string): Question => ({ is: 'file', path, bytes: textBytes });
const stat = (path: string): Question => ({ is: 'stat', path });

/**
 * What every first look at a machine asks sooner or later. Fetched at once it saves a dozen round trips; a look that does
 * not need one of them does not ask for it again.
 */
export const usualQuestions: readonly Question[] = [
  ...['stat', 'meminfo', 'self/mountinfo', 'loadavg', 'diskstats', 'net/dev', 'vmstat', 'sys/fs/file-nr'].map((name) =>
    read(`/proc/${name}`),
  ),
  ...['cpu', 'memory', 'io'].map((name) => read(`/proc/pressure/${name}`)),
  read('/proc/sys/kernel/random/boot_id'),
  read('/proc/sys/kernel/osrelease'),
  ...['dpkg.log', 'dpkg.log.1', 'dnf.rpm.log', 'pacman.log', 'zypp/history'].map((name) => stat(`/var/log/${name}`)),
  ...['timesync', 'timesync/synchronized', 'system'].map((name) => stat(`/run/systemd/${name}`)),
  stat('/sys/fs/cgroup/cgroup.controllers'),
  stat('/lib/apk/db/installed'),
  { is: 'failed' },
  { is: 'listening' },
  { is: 'containers' },
  { is: 'space', path: '/' },
];
