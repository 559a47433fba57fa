import type { SourceKind } from '../../domain/ports/source.ts';
import { hostQuery } from '../../io/clients/linux/query.ts';
import { hostConfig } from './schema.ts';
import type { HostConfig } from './schema.ts';
import { createHostSource, hostTraits } from './source.ts';

/**
 * # This machine, read without root and without running anything
 *
 * Everything comes from files of the kernel (/proc, /sys), from log and journal files, and from one read-only
 * conversation with systemd over the system bus. Counters become rates here, and survive resets. Each reader has a
 * deadline of its own, so that one dead mount is one Gap and stalls nothing. `README.md` lists every signal with its
 * file, unit and limits.
 *
 * Deliberately absent: any write, any child process, any walk over all processes.
 */
export const hostSource: SourceKind<HostConfig> = {
  kind: 'host',
  summary: 'This Linux machine: CPU, memory, pressure, disks, network, units, processes, logs and changes.',
  traits: hostTraits,
  config: hostConfig,
  query: hostQuery,
  create: createHostSource,
};

export type { HostConfig } from './schema.ts';
