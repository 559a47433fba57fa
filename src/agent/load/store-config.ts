import { resolve } from 'node:path';

import type { Issue } from '../../lib/issues.ts';
import type { WrittenConfig } from './config-schema.ts';

/** What store and leadership demand of one another, and of the ledger. */
export function replicaIssues({ store, leadership, ledger }: WrittenConfig): readonly Issue[] {
  if (store.kind === 'sqlite')
    return leadership.kubernetes === undefined
      ? []
      : [
          {
            path: ['leadership', 'kubernetes'],
            message: 'a store in dataDir has one daemon; replicas share store.kind: postgres',
          },
        ];
  const issues: Issue[] = [];
  // Whoever takes over signs the same log: with a key or a name of its own it could not.
  if (ledger.origin === undefined)
    issues.push({ path: ['store'], message: 'a shared store needs ledger.origin, the same in every replica' });
  if (ledger.keyFile === undefined)
    issues.push({
      path: ['store'],
      message: 'a shared store needs ledger.keyFile, with the same key in every replica',
    });
  const { lease, renew, retry } = leadership;
  if (lease < renew * 1.2)
    issues.push({ path: ['leadership', 'renew'], message: 'the lease must be at least 1.2 times as long as renew' });
  if (renew < retry * 2) issues.push({ path: ['leadership', 'retry'], message: 'renew must be at least twice retry' });
  return issues;
}

/** The store with its files' paths absolute. */
export function placeStore(store: WrittenConfig['store'], base: string): WrittenConfig['store'] {
  if (store.kind === 'sqlite') return store;
  const { tls, password } = store;
  return {
    ...store,
    ...(password !== undefined && 'file' in password && { password: { file: resolve(base, password.file) } }),
    ...(tls !== undefined &&
      tls !== 'off' && {
        tls: {
          ...tls,
          ...(tls.ca !== undefined && { ca: resolve(base, tls.ca) }),
          ...(tls.cert !== undefined && { cert: resolve(base, tls.cert) }),
          ...(tls.key !== undefined && { key: resolve(base, tls.key) }),
        },
      }),
  };
}

/** Leadership with its files' paths absolute. */
export function placeLeadership(written: WrittenConfig['leadership'], base: string): WrittenConfig['leadership'] {
  const { kubernetes } = written;
  if (kubernetes?.kubeconfig === undefined) return written;
  return { ...written, kubernetes: { ...kubernetes, kubeconfig: resolve(base, kubernetes.kubeconfig) } };
}
