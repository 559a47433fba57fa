import type { ReadFiles } from '../domain/ports/io.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { indexPath } from './tiles.ts';
import { fullTiles, partialWidth, tileWidth } from './tree.ts';

/** What a file of an exported ledger is. */
export interface TilePlace {
  readonly level: number | 'entries' | 'payloads';
  readonly index: number;
  /** 256 for a full one. */
  readonly width: number;
}

const maxNamesPerFolder = 4_096;

/** Every file below an exported ledger's folder, by path relative to it. */
export async function walkFiles(
  files: ReadFiles,
  folder: string,
  signal: AbortSignal,
  prefix = '',
): Promise<readonly string[]> {
  const found: string[] = [];
  const names = await listFolder(files, `${folder}/${prefix}`, signal);
  // Named like a folder, but a file: a stranger.
  if (names === undefined) return [prefix.slice(0, -1)];
  for (const name of names) {
    const path = `${prefix}${name}`;
    if (isFolderName(path)) found.push(...(await walkFiles(files, folder, signal, `${path}/`)));
    else found.push(path);
  }
  return found;
}

/** Reads the path of a tile, bundle or payload file; `undefined` for any other. */
export function placeOf(path: string): TilePlace | undefined {
  const tile = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  const payloads = /^payloads\/((?:x\d{3}\/)*\d{3})\.jsonl$/.exec(path);
  const groups = tile?.[2] ?? payloads?.[1];
  if (groups === undefined) return undefined;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const level = payloads ? 'payloads' : tile?.[1] === 'entries' ? 'entries' : Number(tile?.[1]);
  // One index has one path.
  return indexPath(index) === groups ? { level, index, width: Number(tile?.[3] ?? tileWidth) } : undefined;
}

/** Whether a ledger of this size has such a file. */
export function isPlaceOf(place: TilePlace, size: number): boolean {
  if (place.level === 'payloads') return place.index * tileWidth < size;
  const level = place.level === 'entries' ? 0 : place.level;
  if (place.width === tileWidth) return place.index < fullTiles(size, level);
  return place.index === fullTiles(size, level) && place.width === partialWidth(size, level);
}

// The layout alone says what is a folder, which saves a look at each of many thousand files.
function isFolderName(path: string): boolean {
  return /^(tile|payloads|tile\/(entries|\d{1,2})|(tile\/(entries|\d{1,2})|payloads)(\/x\d{3})+|tile\/.*\.p)$/.test(
    path,
  );
}

async function listFolder(files: ReadFiles, path: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
  try {
    return await files.list(path, maxNamesPerFolder, signal);
  } catch (thrown) {
    const fault = WatchkeeperError.from(thrown);
    if (fault.code === 'not-found') return undefined;
    throw fault;
  }
}
