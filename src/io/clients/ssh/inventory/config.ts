import * as z from 'zod';

import { schemaOf } from '../../../../lib/schema.ts';
import { zSecretRef } from '../../../../lib/zod-parts.ts';
import type { SecretRef } from '../../../../domain/ports/secrets.ts';
import type { Schema } from '../../../../domain/ports/schema.ts';

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
  readonly os?: 'linux' | 'windows';
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The part of an `ssh` source's block that says which hosts there are and how they are reached. */
export interface InventoryConfig {
  readonly login: LoginConfig;
  readonly knownHosts: readonly string[];
  /** Fingerprints of authorities whose host certificates are believed. */
  readonly authorities?: readonly string[];
  readonly jump: readonly JumpConfig[];
  readonly hosts: Readonly<Record<string, HostConfig>>;
  /** Ansible inventory files. */
  readonly ansible: readonly string[];
  readonly cloud: readonly CloudInventoryConfig[];
}

/** Machines of a cloud whose source is configured, chosen by their tags. */
export interface CloudInventoryConfig {
  /** The id of the cloud's source. */
  readonly source: string;
  /** A host bears all of them; `*` is any value. */
  readonly tags: Readonly<Record<string, string>>;
  readonly address: 'private' | 'public';
  /** Tags whose value is a group that the host is in. */
  readonly groups: readonly string[];
  /** Tags that become labels. */
  readonly labels: readonly string[];
}

/** An absolute path on a host, in letters that every shell hands over as they are. */
export const remotePath = z
  .string()
  .max(4_096)
  .regex(/^\/[^\p{Cc}\\!]*$/u, 'must be an absolute path without control characters, \\ or !');
const hostName = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/, 'must be a name of a host');
const address = z.string().regex(/^[A-Za-z0-9:][A-Za-z0-9_.:%-]{0,252}$/, 'must be a host name or an IP address');
const tag = z.string().regex(/^[^\p{Cc}]{1,128}$/u, 'must be the name of a tag');
const user = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?$/, 'must be a user name');
const port = z.int().min(1).max(65_535);
const fingerprints = z
  .array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint as ssh-keygen -l prints it: SHA256:…'))
  .min(1)
  .max(10);
const reach = {
  port: port.exactOptional(),
  user: user.exactOptional(),
  keyFile: remotePath.exactOptional(),
  fingerprints: fingerprints.exactOptional(),
};

const host = z.strictObject({
  address: address.exactOptional(),
  ...reach,
  os: z.enum(['linux', 'windows']).exactOptional().describe('What runs there: Linux when absent.'),
  groups: z.array(hostName).max(100).default([]),
  labels: z.record(z.string().max(63), z.string().max(253)).default({}),
});

/** Whether a text that somebody else wrote may name a host. */
export const isHostName = (text: string): boolean => hostName.safeParse(text).success;
/** Whether it may be a host's address. */
export const isAddress = (text: string): boolean => address.safeParse(text).success;
/** Whether it may name a group. */
export const isGroup = isHostName;

/** A login as it is written: a reader's in a source, a hand's under operators. */
export const loginConfig = z
  .strictObject({
    user,
    keyFile: remotePath.exactOptional(),
    passphrase: zSecretRef.exactOptional(),
    agent: remotePath.exactOptional().describe('The socket of an ssh-agent.'),
  })
  .refine(({ keyFile, agent }) => keyFile !== undefined || agent !== undefined, 'needs keyFile or agent');

/** The keys of an inventory, for the schema of a source that has one. */
export const inventoryKeys = {
  login: loginConfig,
  knownHosts: z.array(remotePath).max(10).default([]),
  authorities: fingerprints
    .exactOptional()
    .describe('Authorities whose host certificates are believed, as ssh-keygen -l prints their keys.'),
  jump: z
    .array(z.strictObject({ address, ...reach, port: port.default(22) }))
    .max(4)
    .default([])
    .describe('Hosts to go through, the nearest first.'),
  hosts: z.record(hostName, host).default({}),
  cloud: z
    .array(
      z.strictObject({
        source: z.string().min(1).max(63).describe("The id of the cloud's source."),
        tags: z
          .record(tag, z.string().max(256))
          .refine((tags) => Object.keys(tags).length > 0 && Object.keys(tags).length <= 20, 'needs 1 to 20 tags')
          .describe('A host bears all of these tags; "*" is any value.'),
        address: z.enum(['private', 'public']).default('private'),
        groups: z.array(tag).max(20).default([]).describe('Tags whose value is a group that the host is in.'),
        labels: z.array(tag).max(20).default([]).describe('Tags that become labels.'),
      }),
    )
    .max(20)
    .default([])
    .describe('Machines of clouds whose sources are configured.'),
  ansible: z.array(remotePath).max(20).default([]).describe('Ansible inventory files, INI or YAML.'),
};

/** The inventory out of a source's whole block, whose other keys are its own. */
export const inventoryConfig: Schema<InventoryConfig> = schemaOf<InventoryConfig>(z.object(inventoryKeys));
