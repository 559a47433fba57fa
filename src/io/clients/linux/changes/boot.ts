import type { Change } from '../../../../domain/change.ts';
import { digest } from '../../../../lib/canonical.ts';
import { parseStat } from '../metrics/parse.ts';
import { readText, readTextIfAny } from '../reading.ts';
import type { ReadContext } from '../reading.ts';
import type { ChangeWanted } from './releases.ts';

/** The machine's last start, when it lies within the look back. Its id is made of the kernel's boot id. */
export async function readBoot(wanted: ChangeWanted, context: ReadContext): Promise<readonly Change[]> {
  const bootId = (await readTextIfAny(context, '/proc/sys/kernel/random/boot_id'))?.trim() ?? '';
  const atMs = parseStat(await readText(context, '/proc/stat')).bootS * 1_000;
  if (bootId === '' || atMs < wanted.sinceMs) return [];
  const kernel = (await readTextIfAny(context, '/proc/sys/kernel/osrelease'))?.trim() ?? '';
  return [
    {
      id: digest(['boot', wanted.service, bootId]),
      kind: 'infrastructure',
      service: wanted.service,
      atMs: Math.min(atMs, wanted.nowMs),
      what: 'boot',
      to: kernel,
      source: wanted.source,
      attributes: { bootId },
    },
  ];
}
