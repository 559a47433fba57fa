import type { Clock, WriteFiles } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { parseTreeHead } from './checkpoint.ts';
import { parseNote } from './note.ts';

/** Keeps the newest published checkpoint, away from the store: what the store must never be behind. */
export interface CheckpointMirror {
  read(): Promise<string | undefined>;
  /** Replaces it, durably. Never goes back to a smaller tree. */
  write(note: string): Promise<void>;
}

const maxBytes = 64 * 1024;
const publishEveryMs = 1_000;

/**
 * A mirror in a small file of its own (`checkpoint.witness`). Restoring an older database beside it is then noticed.
 * The file only ever moves forward, like the lock store of Sunlight.
 */
export function fileMirror(files: WriteFiles, path: string): CheckpointMirror {
  const signal = new AbortController().signal;
  const read = async (): Promise<string | undefined> => {
    if ((await files.stat(path, signal)) === undefined) return undefined;
    return Buffer.from(await files.read(path, maxBytes, signal)).toString('utf8');
  };
  return {
    read,
    async write(note) {
      const stored = await read();
      if (stored !== undefined && sizeOf(stored) > sizeOf(note))
        throw new WatchkeeperError('ledger-invalid', `${path} already holds a checkpoint of ${sizeOf(stored)} entries`);
      await files.writeAtomic(path, note, 0o600, signal);
    },
  };
}

function sizeOf(note: string): number {
  return parseTreeHead(parseNote(note).text).size;
}

/** Publishes checkpoints to a mirror, at once and then at most one a second, always ending with the newest. */
export class Publisher {
  readonly #mirror: CheckpointMirror;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #waiting: string | undefined;
  #running: Promise<void> | undefined;
  #lastMs: number | undefined;
  #failure: WatchkeeperError | undefined;

  constructor(mirror: CheckpointMirror, clock: Clock) {
    this.#mirror = mirror;
    this.#clock = clock;
  }

  /** Why the newest checkpoint is not in the mirror, when writing it failed. */
  get failure(): WatchkeeperError | undefined {
    return this.#failure;
  }

  offer(note: string): void {
    this.#waiting = note;
    this.#running ??= this.#run();
  }

  /** Publishes what is waiting without further delay and ends. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#publish();
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting !== undefined && !this.#stop.signal.aborted) {
      await this.#pause();
      await this.#publish();
    }
    // In the same turn as the look above: what is offered one turn later must start another run.
    this.#running = undefined;
  }

  async #pause(): Promise<void> {
    const waitMs = this.#lastMs === undefined ? 0 : this.#lastMs + publishEveryMs - this.#clock.monotonicMs();
    if (waitMs <= 0) return;
    // Aborted means closing: then there is nothing to wait for any more.
    await this.#clock.sleep(waitMs, this.#stop.signal).catch(() => undefined);
  }

  async #publish(): Promise<void> {
    const note = this.#waiting;
    if (note === undefined) return;
    this.#waiting = undefined;
    this.#lastMs = this.#clock.monotonicMs();
    try {
      await this.#mirror.write(note);
      this.#failure = undefined;
    } catch (thrown) {
      this.#failure = WatchkeeperError.from(thrown, 'store-failed', 'publishing the checkpoint');
    }
  }
}
