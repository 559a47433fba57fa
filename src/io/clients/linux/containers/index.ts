import * as z from 'zod';

import { WatchkeeperError } from '../../../../lib/errors.ts';
import type { ReadContext } from '../reading.ts';

/** A container that runs. */
export interface Container {
  readonly name: string;
  /** As it was asked for: `registry.example/shop:1.2`. */
  readonly image: string;
  /** The image itself: `sha256:…`, which differs when a tag was moved. */
  readonly imageId: string;
}

/** What runs in containers of a machine; nothing where there is no engine, or none that the user may ask. */
export type ContainerReader = (context: ReadContext) => Promise<readonly Container[]>;

/** Where engines listen that speak Docker's API: Docker itself, and Podman's service. */
const engines = ['/var/run/docker.sock', '/run/podman/podman.sock'];
const maxBytes = 4 * 1024 * 1024;
const maxContainers = 500;

// Docker Engine API, ContainerList. Names begin with a slash.
const listed = z.array(
  z.object({ Names: z.array(z.string()).min(1), Image: z.string(), ImageID: z.string() }).transform((one) => ({
    name: (one.Names[0] ?? '').replace(/^\//, ''),
    image: one.Image,
    imageId: one.ImageID,
  })),
);

/** Asks the engines of this machine, over their sockets. One that is not there, or does not let us, is no fault. */
export function localContainers(sockets: readonly string[] = engines): ContainerReader {
  return async (context) => {
    const found = await Promise.all(sockets.map((socket) => listOf(context, socket).catch(() => [])));
    return found.flat().slice(0, maxContainers);
  };
}

async function listOf(context: ReadContext, socket: string): Promise<readonly Container[]> {
  const path = context.at(socket);
  if ((await context.files.stat(path, context.signal)) === undefined) return [];
  const stream = await context.sockets.connectUnix(path, context.signal);
  try {
    // HTTP/1.0: the answer ends with the connection, and comes in one piece.
    await stream.write(new TextEncoder().encode('GET /containers/json HTTP/1.0\r\nHost: localhost\r\n\r\n'));
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let part = await stream.read(context.signal); part; part = await stream.read(context.signal)) {
      size += part.length;
      if (size > maxBytes)
        throw new WatchkeeperError('too-large', `${socket} answers with more than ${maxBytes} bytes`);
      parts.push(part);
    }
    const text = Buffer.concat(parts).toString('utf8');
    const [head = '', body = ''] = split(text, '\r\n\r\n');
    if (!/^HTTP\/1\.[01] 200 /.test(head)) throw new WatchkeeperError('unsupported', `${socket} is no Docker API`);
    return listed.parse(JSON.parse(body));
  } finally {
    stream.close();
  }
}

function split(text: string, by: string): readonly string[] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + by.length)];
}

/** Lines of `NAME IMAGE ID`, as the engines' own commands print them on another machine. */
export function parseContainers(text: string): readonly Container[] {
  const lines = text.matchAll(/^\/?([A-Za-z0-9][\w.-]{0,200}) (\S{1,400}) (\S{1,200})$/gm);
  return [...lines]
    .slice(0, maxContainers)
    .map(([, name = '', image = '', imageId = '']) => ({ name, image, imageId }));
}
