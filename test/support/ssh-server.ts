import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';

import ssh2 from 'ssh2';
import type { AuthContext, Connection, ServerChannel } from 'ssh2';

import type { SshTarget } from '../../src/domain/ports/ssh.ts';

/** What a server of a test does with a command: run it, or misbehave. `input` is what it was sent on stdin, whole. */
export type Behaviour = (channel: ServerChannel, line: string, input: string, connection: Connection) => void;

/** A real SSH server in this process, on a loopback port of its own. */
export interface TestSshServer {
  readonly port: number;
  /** Its host key's line for known_hosts, without a name. */
  readonly hostKey: string;
  /** The private key that `user` may log in with. */
  readonly clientKey: string;
  /** Every command line it was asked to run. */
  readonly asked: string[];
  /** How many connections were made to it. */
  connections(): number;
  behave(behaviour: Behaviour): void;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** Runs the line as sshd does, by a shell, with the input. */
export const runsIt: Behaviour = (channel, line, input) => {
  const child = spawn('sh', ['-c', line], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  child.on('close', (code) => {
    channel.exit(code ?? 1);
    channel.end();
  });
};

/** Answers every command with this text. */
export function answers(text: string | Uint8Array, code = 0): Behaviour {
  return (channel) => {
    channel.write(text, () => {
      channel.exit(code);
      channel.end();
    });
  };
}

/** Starts a server. With `forwards` it is a jump host too. */
export async function sshServer(
  options: { readonly hostKey?: string; readonly forwards?: boolean } = {},
): Promise<TestSshServer> {
  const host = options.hostKey ?? newKey();
  const clientKey = newKey();
  const allowed = publicOf(clientKey);
  const asked: string[] = [];
  const open = new Set<Connection>();
  let made = 0;
  let behaviour = runsIt;
  const server = new ssh2.Server({ hostKeys: [host] }, (connection) => {
    made++;
    open.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => open.delete(connection));
    connection.on('authentication', (context) => judge(context, allowed));
    connection.on('session', (accept) => {
      const session = accept();
      session.on('exec', (acceptExec, _reject, { command }) => {
        asked.push(command);
        const channel = acceptExec();
        channel.on('error', () => undefined);
        const behave = behaviour;
        let input = '';
        channel.on('data', (chunk: Buffer) => (input += chunk.toString()));
        channel.on('end', () => behave(channel, command, input, connection));
      });
    });
    if (options.forwards === true)
      connection.on('tcpip', (accept, reject, { destIP, destPort }) => forward(accept, reject, destIP, destPort));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: lineOf(publicOf(host)),
    clientKey,
    asked,
    connections: () => made,
    behave: (next) => (behaviour = next),
    cut: () => open.forEach((connection) => cut(connection)),
    close: () =>
      new Promise((resolve) => {
        open.forEach((connection) => cut(connection));
        server.close(() => resolve());
      }),
  };
}

/** Cuts a connection as a pulled cable does, without a word of goodbye. */
export function cut(connection: Connection): void {
  (connection as unknown as { _sock: { destroy(): void } })._sock.destroy();
}

function forward(accept: () => ServerChannel, reject: () => void, host: string, port: number): void {
  const socket = connect(port, host);
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.removeListener('error', reject);
    const channel = accept();
    socket.on('error', () => channel.destroy());
    channel.on('error', () => socket.destroy());
    socket.pipe(channel).pipe(socket);
  });
}

/** A new Ed25519 private key, as OpenSSH writes it. */
export function newKey(passphrase?: string): string {
  for (;;) {
    const locked = passphrase !== undefined && { passphrase, cipher: 'aes256-ctr', rounds: 4 };
    const made = (
      locked ? ssh2.utils.generateKeyPairSync('ed25519', locked) : ssh2.utils.generateKeyPairSync('ed25519')
    ).private;
    // Some of the keys ssh2 makes it cannot read itself.
    if (!(ssh2.utils.parseKey(made, passphrase) instanceof Error)) return made;
  }
}

function publicOf(key: string): Buffer {
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
}

function lineOf(key: Buffer): string {
  return `ssh-ed25519 ${key.toString('base64')}`;
}

function judge(context: AuthContext, allowed: Buffer): void {
  if (context.method !== 'publickey' || !context.key.data.equals(allowed)) {
    context.reject(['publickey']);
    return;
  }
  context.accept();
}

/** The target of a test: `watch` on loopback, with the key and known hosts in these files. */
export function targetAt(port: number, keyFile: string, knownHosts: string, more: Partial<SshTarget> = {}): SshTarget {
  return {
    host: '127.0.0.1',
    port,
    login: { user: 'watch', keyFile },
    trust: { knownHosts: [knownHosts] },
    via: [],
    ...more,
  };
}
