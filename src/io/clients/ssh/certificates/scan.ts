import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

import { WatchkeeperError } from '../../../../lib/errors.ts';
import { oneLine } from '../../../../lib/text.ts';
import { certificateAlgorithms } from './certificate.ts';
import { fieldsOf, stringOf } from './fields.ts';

/**
 * Asks an SSH server for its host certificate, as `ssh-keyscan -c` does: the beginning of a key exchange (RFC 4253, 7 and 8; RFC
 * 8731), in which the server shows what it has, and which is then given up. What comes back proves nothing by itself, being
 * public: who signed it says whose key it is, and the connection proper has the server prove that it has the key.
 * Gives `undefined` when the server has none. The stream is at its end afterwards. @throws `unreachable`, `malformed`, `aborted`.
 */
export function scanCertificate(stream: Duplex, signal: AbortSignal): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const talk = createTalk((bytes) => stream.write(bytes));
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', stop);
      stream.removeListener('data', read);
      stream.removeListener('close', lost);
      stream.destroy();
      end();
    };
    const fail = (error: WatchkeeperError): void => settle(() => reject(error));
    const stop = (): void =>
      fail(new WatchkeeperError('aborted', 'stopped while a certificate was asked for', { cause: signal.reason }));
    const lost = (): void =>
      fail(new WatchkeeperError('unreachable', 'the connection was closed before a certificate was shown'));
    const read = (chunk: Buffer): void => {
      try {
        const said = talk.hear(chunk);
        if (said !== undefined) settle(() => resolve(said.certificate));
      } catch (thrown) {
        fail(WatchkeeperError.from(thrown, 'malformed'));
      }
    };
    stream.on('error', (thrown: Error) =>
      fail(new WatchkeeperError('unreachable', oneLine(thrown.message, 200), { cause: thrown })),
    );
    stream.on('data', read);
    stream.once('close', lost);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    else talk.begin();
  });
}

interface Talk {
  begin(): void;
  /** Takes what came. Gives the answer once it is there. @throws `malformed`. */
  hear(chunk: Uint8Array): { readonly certificate: Uint8Array | undefined } | undefined;
}

const messages = { disconnect: 1, keyInit: 20, exchangeInit: 30, exchangeReply: 31 };
const exchanges = ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256'];
const ciphers = [
  ...['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com'],
  ...['aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
];
const macs = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'];
// RFC 4253, 6.1, and a server may say a few lines before its name.
const maxPacketBytes = 35_000;
const maxGreetingBytes = 8_192;

function createTalk(send: (bytes: Uint8Array) => void): Talk {
  let heard: Buffer = Buffer.alloc(0);
  let greeted = false;
  let before = 0;
  const greeting = (): void => {
    while (!greeted) {
      const end = heard.indexOf('\n');
      if (before + (end < 0 ? heard.length : end) > maxGreetingBytes) throw malformed('it greets without end');
      if (end < 0) return;
      before += end + 1;
      const line = heard.subarray(0, end).toString('latin1');
      heard = heard.subarray(end + 1);
      greeted = line.startsWith('SSH-2.0-') || line.startsWith('SSH-1.99-');
      if (line.startsWith('SSH-') && !greeted) throw malformed('it speaks another version');
    }
  };
  const packet = (): Uint8Array | undefined => {
    if (!greeted || heard.length < 5) return undefined;
    const length = heard.readUInt32BE(0);
    if (length > maxPacketBytes || length < 5) throw malformed('a packet of an impossible length');
    if (heard.length < 4 + length) return undefined;
    const end = 4 + length - heard.readUInt8(4);
    if (end <= 5) throw malformed('a packet with nothing in it');
    const payload = heard.subarray(5, end);
    heard = heard.subarray(4 + length);
    return payload;
  };
  return {
    begin: () => send(Buffer.concat([Buffer.from('SSH-2.0-Watchkeeper\r\n'), packetOf(keyInit())])),
    hear(chunk) {
      heard = Buffer.concat([heard, chunk]);
      greeting();
      for (let one = packet(); one !== undefined; one = packet()) {
        const fields = fieldsOf(one, 1);
        if (one[0] === messages.disconnect) throw disconnected(fields.uint32(), fields.text());
        if (one[0] === messages.exchangeReply) return { certificate: fields.bytes() };
        if (one[0] === messages.keyInit) {
          const offer = offerOf(one);
          if (!offer.hasCertificate) return { certificate: undefined };
          send(packetOf(exchangeInit(offer.exchange)));
        }
      }
      return undefined;
    },
  };
}

function keyInit(): Buffer {
  const lists = [exchanges, certificateAlgorithms, ciphers, ciphers, macs, macs, ['none'], ['none'], [], []];
  const named = lists.map((names) => stringOf(names.join(',')));
  // Nothing is sent ahead of the answer, and a field for later versions.
  return Buffer.concat([Buffer.from([messages.keyInit]), randomBytes(16), ...named, Buffer.alloc(5)]);
}

function offerOf(payload: Uint8Array): { readonly exchange: string; readonly hasCertificate: boolean } {
  const fields = fieldsOf(payload, 1 + 16);
  const theirs = new Set(fields.text().split(','));
  const keys = new Set(fields.text().split(','));
  const exchange = exchanges.find((one) => theirs.has(one));
  if (exchange === undefined) throw malformed('it has no key exchange that we have');
  return { exchange, hasCertificate: certificateAlgorithms.some((one) => keys.has(one)) };
}

function exchangeInit(exchange: string): Buffer {
  return Buffer.concat([Buffer.from([messages.exchangeInit]), stringOf(publicPointOf(exchange))]);
}

function publicPointOf(exchange: string): Buffer {
  if (exchange === 'ecdh-sha2-nistp256') return createECDH('prime256v1').generateKeys();
  const { x } = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

// RFC 4253, 6: at least four bytes of padding, up to a multiple of eight.
function packetOf(payload: Uint8Array): Buffer {
  const short = 8 - ((5 + payload.length) % 8);
  const padding = short < 4 ? short + 8 : short;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length + padding);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

function malformed(what: string): WatchkeeperError {
  return new WatchkeeperError('malformed', `no certificate can be asked for: ${what}`);
}

function disconnected(reason: number, words: string): WatchkeeperError {
  return new WatchkeeperError('unreachable', `the server ends it (${reason}): ${oneLine(words, 200)}`);
}
