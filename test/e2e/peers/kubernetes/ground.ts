import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { freePort } from '../peers.ts';
import { makeAuthority, type Authority, type Certificate } from './certificates.ts';

/** What a control plane stands on: a folder, ports, certificates and the files its programs read and write. */
export interface Ground {
  readonly folder: string;
  readonly url: string;
  readonly ports: Readonly<Record<'etcd' | 'etcdPeer' | 'api' | 'manager' | 'scheduler' | 'kubelet', number>>;
  readonly authority: Authority;
  /** Signs ServiceAccount tokens. */
  readonly tokens: Certificate;
  readonly auditLog: string;
  readonly containerLog: string;
  readonly previousContainerLog: string;
  /** Writes a file only its owner may read; answers where. */
  readonly write: (name: string, content: string) => string;
  /** Writes a kubeconfig for the API server; `user` is its `user` block. */
  readonly kubeconfig: (name: string, user: Readonly<Record<string, string>>) => string;
  /** A kubeconfig with a certificate for a user. */
  readonly user: (name: string, groups?: readonly string[]) => string;
}

/** Prepares it in an empty folder. */
export async function makeGround(folder: string): Promise<Ground> {
  const authority = makeAuthority(folder);
  const [etcd, etcdPeer, api, manager, scheduler, kubelet] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const url = `https://127.0.0.1:${api}`;
  const write: Ground['write'] = (name, content) => {
    const file = path.join(folder, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  };
  const kubeconfig: Ground['kubeconfig'] = (name, user) =>
    write(
      `${name.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}.kubeconfig`,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'e2e', cluster: { server: url, 'certificate-authority-data': base64(authority.cert) } }],
        users: [{ name, user }],
        contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: name } }],
        'current-context': 'e2e',
      }),
    );
  mkdirSync(path.join(folder, 'logs'));
  return {
    folder,
    url,
    ports: { etcd, etcdPeer, api, manager, scheduler, kubelet },
    authority,
    tokens: authority.issue('service-accounts'),
    auditLog: write('audit.log', ''),
    containerLog: write('logs/current.log', ''),
    previousContainerLog: write('logs/previous.log', ''),
    write,
    kubeconfig,
    user: (name, groups = []) => {
      const { cert, key } = authority.issue(name, groups);
      return kubeconfig(`user-${name}`, { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) });
    },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
