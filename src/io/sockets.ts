import { connect } from 'node:net';

import { WatchkeeperError } from '../lib/errors.ts';
import type { ByteStream, Sockets } from '../domain/ports/io.ts';

/** Byte streams over unix sockets. Reading applies back-pressure: nothing is buffered beyond what the caller asks for. */
export const nodeSockets: Sockets = {
  connectUnix: (path, signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ path, signal });
      socket.once('error', (thrown: NodeJS.ErrnoException) => {
        const code = thrown.code === 'ENOENT' ? 'not-found' : thrown.code === 'EACCES' ? 'forbidden' : 'unreachable';
        reject(WatchkeeperError.from(thrown, signal.aborted ? 'aborted' : code, path));
      });
      socket.once('connect', () => {
        const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
        socket.on('error', () => socket.destroy());
        const stream: ByteStream = {
          write: (data) =>
            new Promise((done, failed) => {
              socket.write(data, (thrown) =>
                thrown ? failed(WatchkeeperError.from(thrown, 'unreachable', path)) : done(),
              );
            }),
          read: async (readSignal) => {
            const stop = (): void => void socket.destroy();
            readSignal.addEventListener('abort', stop, { once: true });
            try {
              const next = await chunks.next();
              if (readSignal.aborted)
                throw new WatchkeeperError('timeout', `${path}: no answer in time`, { cause: readSignal.reason });
              return next.done === true ? undefined : new Uint8Array(next.value);
            } catch (thrown) {
              throw WatchkeeperError.from(thrown, 'unreachable', path);
            } finally {
              readSignal.removeEventListener('abort', stop);
            }
          },
          close: () => void socket.destroy(),
        };
        resolve(stream);
      });
    }),
};
