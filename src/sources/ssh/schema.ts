import * as z from 'zod';

import { durationMs, schemaOf } from '../../lib/schema.ts';
import { zSecretRef } from '../../lib/zod-parts.ts';
import type { SecretRef } from '../../domain/ports/secrets.ts';
import type { Schema } from '../../domain/ports/schema.ts';

/** How to log in, where a host does not say otherwise. */
export interface LoginConfig {
  readonly user: string;
  readonly keyFile?: string;
  readonly passphrase?: SecretRef;
  readonly agent?: string;
}

/** A host to go through. */
export interface JumpConfig {
  readonly address: string;
  readonly port: number;
  readonly user?: string;
  readonly keyFile?: string;
  readonly fingerprints?: readonly string[];
}

/** One host written into watchkeeper.yaml. */
export interface HostConfig {
  readonly address?: string;
  readonly port?: number;
  readonly user?: string;
  readonly keyFile?: string;
  readonly fingerprints?: readonly string[];
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The `ssh` source's block in watchkeeper.yaml. */
export interface SshConfig {
  readonly interval: number;
  /** For one reading of one host, connecting included. */
  readonly timeout: number;
  readonly login: LoginConfig;
  readonly knownHosts: readonly string[];
  readonly jump: readonly JumpConfig[];
  readonly hosts: Readonly<Record<string, HostConfig>>;
  /** Ansible inventory files. */
  readonly ansible: readonly string[];
  readonly excludeMounts: readonly string[];
  readonly watch: readonly string[];
  readonly certificates: readonly string[];
}

const absolute = z
  .string()
  .max(4_096)
  .regex(/^\/[^\p{Cc}\\!]*$/u, 'must be an absolute path without control characters, \\ or !');
const hostName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/, 'must be a name of a host');
const address = z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9_.:%-]{0,252}$/, 'must be a host name or an IP address');
const user = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?$/, 'must be a user name');
const port = z.int().min(1).max(65_535);
const fingerprints = z
  .array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint as ssh-keygen -l prints it: SHA256:…'))
  .min(1)
  .max(10);
const reach = {
  port: port.exactOptional(),
  user: user.exactOptional(),
  keyFile: absolute.exactOptional(),
  fingerprints: fingerprints.exactOptional(),
};

const host = z.strictObject({
  address: address.exactOptional(),
  ...reach,
  groups: z.array(hostName).max(100).default([]),
  labels: z.record(z.string().max(63), z.string().max(253)).default({}),
});

/** The source's block in watchkeeper.yaml. */
export const sshConfig: Schema<SshConfig> = schemaOf<SshConfig>(
  z
    .strictObject({
      interval: durationMs.refine((ms) => ms >= 5_000, 'must be at least 5s').prefault('30s'),
      timeout: durationMs.refine((ms) => ms >= 500 && ms <= 120_000, 'must be between 500ms and 2m').prefault('15s'),
      login: z
        .strictObject({
          user,
          keyFile: absolute.exactOptional(),
          passphrase: zSecretRef.exactOptional(),
          agent: absolute.exactOptional().describe('The socket of an ssh-agent.'),
        })
        .refine(({ keyFile, agent }) => keyFile !== undefined || agent !== undefined, 'needs keyFile or agent'),
      knownHosts: z.array(absolute).max(10).default([]),
      jump: z
        .array(z.strictObject({ address, ...reach, port: port.default(22) }))
        .max(4)
        .default([])
        .describe('Hosts to go through, the nearest first.'),
      hosts: z.record(hostName, host).default({}),
      ansible: z.array(absolute).max(20).default([]).describe('Ansible inventory files, INI or YAML.'),
      excludeMounts: z.array(absolute).max(100).default([]),
      certificates: z.array(absolute).max(100).default([]).describe('Certificate files (PEM) of each host.'),
      watch: z.array(absolute).max(100).default([]).describe('Files or folders of each host whose edits are changes.'),
    })
    .refine(
      ({ hosts, ansible }) => Object.keys(hosts).length + ansible.length > 0,
      'needs hosts, or an Ansible inventory',
    ),
);
