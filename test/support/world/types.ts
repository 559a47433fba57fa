import type { LedgerDraft } from '../../../src/domain/ledger.ts';
import type { Notice } from '../../../src/domain/ports/channel.ts';
import type { Scrubber } from '../../../src/io/index.ts';
import type { PolicySet } from '../../../src/policy/index.ts';
import type { MemoryFiles } from '../memory-files.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import type { SimDaemon } from './daemon.ts';
import type { SimCluster } from './cluster.ts';
import type { SimFleet } from './fleet.ts';
import type { SimHost } from './host.ts';
import type { RamDisk } from './ram-store.ts';
import type { SimWindows } from './windows.ts';
import type { Story } from './story.ts';
import type { ScriptedSource } from './telemetry.ts';
import type { WorldFile } from './world-file.ts';

/** A notice as it reached (or failed to reach) somebody. */
export interface Heard {
  readonly atMs: number;
  readonly address: string;
  readonly notice: Notice;
  readonly text: string;
}

/** The simulated world while a scenario runs, and what is left of it afterwards. */
export interface World {
  readonly file: WorldFile;
  readonly clock: VirtualClock;
  readonly host: SimHost;
  readonly cluster: SimCluster;
  readonly fleet: SimFleet;
  readonly windows: SimWindows;
  readonly source: ScriptedSource;
  readonly files: MemoryFiles;
  readonly story: Story;
  readonly disk: RamDisk;
  readonly scrubber: Scrubber;
  readonly startMs: number;
  readonly unreachable: Set<string>;
  readonly heard: Heard[];
  readonly logLines: string[];
  /** Everything recorded, in order, with when it was durable. */
  readonly recorded: { readonly draft: LedgerDraft; readonly atMs: number }[];
  /** Every set of policies that was ever in force, by digest. */
  readonly policies: Map<string, PolicySet>;
  readonly asked: string[];
  daemon: SimDaemon | undefined;
  boot(): Promise<void>;
}

/** Documents in scenarios leave `apiVersion` out: it is the same everywhere. */
export function withVersion(text: string): string {
  return text
    .split(/^---$/m)
    .filter((part) => part.trim() !== '')
    .map((part) => (part.includes('apiVersion:') ? part : `apiVersion: watchkeeper.dev/v1alpha1\n${part.trim()}\n`))
    .join('---\n');
}
