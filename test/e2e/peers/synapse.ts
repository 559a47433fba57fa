import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { startPeer, type Peer } from './peers.ts';

type Body = Record<string, unknown>;

/** A person at the homeserver, with a client of their own: plain requests, nothing of ours. */
export interface MatrixPerson {
  readonly id: string;
  readonly token: string;
  ask(method: string, path: string, body?: object): Promise<Body>;
  /** Everything in a room, oldest first. */
  read(room: string): Promise<readonly Body[]>;
  react(room: string, eventId: string, key: string): Promise<void>;
  say(room: string, text: string): Promise<void>;
}

/** A real Synapse on a loopback port with a database of its own, in which anybody may register. */
export async function startSynapse(): Promise<Peer & { register(name: string): Promise<MatrixPerson> }> {
  const root = execFileSync('bash', [path.join(import.meta.dirname, 'synapse.sh')], { encoding: 'utf8' }).trim();
  const command = [path.join(root, 'bin', 'python'), '-m', 'synapse.app.homeserver'];
  const peer = await startPeer(
    'synapse',
    '/health',
    (folder, port) => {
      const plenty = { per_second: 1_000, burst_count: 1_000 };
      const config = {
        server_name: 'watch.test',
        pid_file: path.join(folder, 'pid'),
        listeners: [{ port, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client'] }] }],
        database: { name: 'sqlite3', args: { database: path.join(folder, 'homeserver.db') } },
        log_config: path.join(folder, 'log.yaml'),
        media_store_path: path.join(folder, 'media'),
        signing_key_path: path.join(folder, 'signing.key'),
        registration_shared_secret: 'not-a-secret',
        macaroon_secret_key: 'not-a-secret-either',
        form_secret: 'nor-this',
        enable_registration: true,
        enable_registration_without_verification: true,
        report_stats: false,
        trusted_key_servers: [],
        rc_registration: plenty,
        rc_login: { address: plenty, account: plenty, failed_attempts: plenty },
        rc_joins: { local: plenty, remote: plenty },
      };
      // YAML is a superset of JSON.
      writeFileSync(path.join(folder, 'homeserver.yaml'), JSON.stringify(config));
      writeFileSync(path.join(folder, 'log.yaml'), JSON.stringify({ version: 1, root: { level: 'ERROR' } }));
      execFileSync(
        command[0] ?? '',
        [...command.slice(1), '-c', path.join(folder, 'homeserver.yaml'), '--generate-keys'],
        {
          cwd: folder,
        },
      );
      return ['-c', path.join(folder, 'homeserver.yaml')];
    },
    command,
    90_000,
  );
  return { ...peer, register: (name) => register(peer.url, name) };
}

async function register(url: string, name: string): Promise<MatrixPerson> {
  const auth = { type: 'm.login.dummy' };
  const made = await request(url, undefined, 'POST', '/_matrix/client/v3/register', {
    username: name,
    password: `${name}-password`,
    auth,
  });
  const token = String(made['access_token']);
  const ask = (method: string, place: string, body?: object): Promise<Body> => request(url, token, method, place, body);
  let sent = 0;
  const send = async (room: string, type: string, content: object): Promise<void> => {
    await ask('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/${type}/${name}-${sent++}`, content);
  };
  return {
    id: String(made['user_id']),
    token,
    ask,
    read: async (room) => {
      const { chunk } = await ask(
        'GET',
        `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=100`,
      );
      return (chunk as Body[]).reverse();
    },
    react: (room, eventId, key) =>
      send(room, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key } }),
    say: (room, text) => send(room, 'm.room.message', { msgtype: 'm.text', body: text }),
  };
}

async function request(
  url: string,
  token: string | undefined,
  method: string,
  place: string,
  body?: object,
): Promise<Body> {
  const response = await fetch(`${url}${place}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Body;
  if (!response.ok) throw new Error(`${method} ${place}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}
