import type { DiskUsage, FileStat, ReadFiles } from '../../../domain/ports/io.ts';
import { parseMountinfo } from '../../../io/clients/linux/metrics/mounts.ts';
import { WatchkeeperError } from '../../../lib/errors.ts';
import type { Answer } from './answers.ts';
import { blockBytes } from './ask.ts';
import type { Question } from './ask.ts';
import type { RemoteMachine } from './machine.ts';

/** A host's files, as the shared readers of Linux machines want them, and what of them will be wanted next time. */
export interface RemoteFiles extends ReadFiles {
  /** Stretches that follow what was read: where logs go on. To be fetched at the beginning of the next look. */
  upcoming(): readonly Question[];
  /** Begins a look. */
  begin(): void;
}

/** How much of a growing file is fetched ahead: more than this in one interval costs a second trip. */
const aheadBlocks = 64;
const maxFollowed = 200;

/** Makes the files of a machine. */
export function remoteFiles(machine: RemoteMachine): RemoteFiles {
  const ends = new Map<string, number>();
  let ahead: readonly Question[] = [];
  const bytes = async (question: Question, path: string, signal: AbortSignal): Promise<Uint8Array> =>
    bytesOf(await machine.ask(question, signal), path);
  const text = async (question: Question, path: string, signal: AbortSignal): Promise<string> =>
    new TextDecoder().decode(await bytes(question, path, signal));

  return {
    async read(path, maxBytes, signal) {
      const read = await bytes({ is: 'file', path, bytes: maxBytes + 1 }, path, signal);
      if (read.length > maxBytes) throw new WatchkeeperError('too-large', `${path} is larger than ${maxBytes} bytes`);
      return read;
    },
    async readAt(path, offset, length, signal) {
      if (length <= 0) return new Uint8Array();
      const question = ahead.find((one) => covers(one, path, offset, length)) ?? stretch(path, offset, length);
      const read = await bytes(question, path, signal);
      const from = offset - (question.is === 'part' ? question.block * blockBytes : 0);
      ends.delete(path);
      ends.set(path, offset + length);
      for (const oldest of ends.keys()) if (ends.size > maxFollowed) ends.delete(oldest);
      return read.slice(from, from + length);
    },
    async list(path, max, signal) {
      const names = (await text({ is: 'list', path, max: max + 1 }, path, signal)).split('\n');
      return names
        .filter((name) => name !== '')
        .sort()
        .slice(0, max);
    },
    async stat(path, signal) {
      const answer = await machine.ask({ is: 'stat', path }, signal);
      return answer.is === 'absent' ? undefined : statOf(bytesOf(answer, path), path);
    },
    readlink: async (path, signal) => (await text({ is: 'link', path, whole: false }, path, signal)).replace(/\n$/, ''),
    realpath: async (path, signal) => (await text({ is: 'link', path, whole: true }, path, signal)).replace(/\n$/, ''),
    async diskUsage(path, signal) {
      await refuseNetwork(machine, path, signal);
      return usageOf(await text({ is: 'space', path }, path, signal), path);
    },
    upcoming: () =>
      [...ends].map(([path, end]) => stretch(path, Math.max(0, end - blockBytes), aheadBlocks * blockBytes)),
    begin() {
      ahead = this.upcoming();
    },
  };
}

function stretch(path: string, offset: number, length: number): Question {
  const block = Math.floor(offset / blockBytes);
  return { is: 'part', path, block, blocks: Math.ceil((offset + length) / blockBytes) - block };
}

function covers(question: Question, path: string, offset: number, length: number): boolean {
  if (question.is !== 'part' || question.path !== path) return false;
  const start = question.block * blockBytes;
  return offset >= start && offset + length <= start + question.blocks * blockBytes;
}

function bytesOf(answer: Answer, path: string): Uint8Array {
  switch (answer.is) {
    case 'bytes':
      return answer.bytes;
    case 'absent':
      throw new WatchkeeperError('not-found', `${path}: there is no such file`);
    case 'denied':
      throw new WatchkeeperError('forbidden', `${path} may not be read`, {
        fix: 'Let the user who logs in read it, by a group or an ACL.',
      });
    case 'folder':
    case 'other':
      throw new WatchkeeperError('unsupported', `${path} is not what it should be`);
  }
}

const kinds: Readonly<Record<number, FileStat['kind']>> = { 0x8000: 'file', 0x4000: 'folder', 0xa000: 'symlink' };

// `%f %s %Y %i %d %u` of stat(1). Nothing at all: it went between two looks at it.
function statOf(bytes: Uint8Array, path: string): FileStat | undefined {
  const text = new TextDecoder().decode(bytes).trim();
  if (text === '') return undefined;
  if (!/^[0-9a-f]+( \d+){5}$/.test(text)) throw new WatchkeeperError('malformed', `${path}: stat cannot be understood`);
  const [raw = '', ...rest] = text.split(' ');
  const [size = 0, seconds = 0, inode = 0, device = 0, uid = 0] = rest.map(Number);
  const mode = parseInt(raw, 16);
  const kind = kinds[mode & 0xf000] ?? 'other';
  return { kind, size, mtimeMs: seconds * 1_000, inode, device, uid, mode: mode & 0xfff };
}

// `%S %b %f %a %c %d` of stat -f.
function usageOf(text: string, path: string): DiskUsage {
  if (!/^\d+( \d+){5}$/.test(text.trim()))
    throw new WatchkeeperError('unsupported', `${path}: the host does not say how full it is`);
  const [block = 0, total = 0, free = 0, available = 0, totalInodes = 0, freeInodes = 0] = text
    .trim()
    .split(' ')
    .map(Number);
  return {
    totalBytes: total * block,
    freeBytes: free * block,
    availableBytes: available * block,
    totalInodes,
    freeInodes,
  };
}

// statfs on a dead server hangs for good, and all that waits behind it in the same trip.
async function refuseNetwork(machine: RemoteMachine, path: string, signal: AbortSignal): Promise<void> {
  const answer = await machine.ask({ is: 'file', path: '/proc/self/mountinfo', bytes: 1024 * 1024 + 1 }, signal);
  const mounts = parseMountinfo(new TextDecoder().decode(bytesOf(answer, '/proc/self/mountinfo')));
  if (mounts.some(({ mount, network }) => mount === path && network))
    throw new WatchkeeperError('unsupported', `${path} is a network mount, which is not asked over SSH: it could hang`);
}
