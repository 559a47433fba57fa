import * as z from 'zod';

import { durationMs, schemaOf } from '../../lib/schema.ts';
import type { Schema } from '../../domain/ports/schema.ts';
import { inventoryKeys, remotePath } from '../../io/clients/ssh/inventory/config.ts';
import type { InventoryConfig } from '../../io/clients/ssh/inventory/config.ts';

/** The `ssh` source's block in watchkeeper.yaml. */
export interface SshConfig extends InventoryConfig {
  readonly interval: number;
  /** For one reading of one host, connecting included. */
  readonly timeout: number;
  readonly excludeMounts: readonly string[];
  readonly watch: readonly string[];
  readonly certificates: readonly string[];
  /** Event logs of Windows hosts that are read whole. */
  readonly channels: readonly string[];
}

// A mount point of Linux, or a drive or folder of Windows.
const mount = z.union([
  remotePath,
  z
    .string()
    .max(4_096)
    .regex(/^[A-Za-z]:[^\p{Cc}"]*$/u),
]);
const channel = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _./()-]{0,254}$/, 'must be the name of an event log');

/** The source's block in watchkeeper.yaml. */
export const sshConfig: Schema<SshConfig> = schemaOf<SshConfig>(
  z
    .strictObject({
      interval: durationMs.refine((ms) => ms >= 5_000, 'must be at least 5s').prefault('30s'),
      timeout: durationMs.refine((ms) => ms >= 500 && ms <= 120_000, 'must be between 500ms and 2m').prefault('15s'),
      ...inventoryKeys,
      excludeMounts: z.array(mount).max(100).default([]),
      certificates: z.array(remotePath).max(100).default([]).describe('Certificate files (PEM) of each host.'),
      watch: z
        .array(remotePath)
        .max(100)
        .default([])
        .describe('Files or folders of each host whose edits are changes.'),
      channels: z
        .array(channel)
        .max(20)
        .default([])
        .describe('Event logs of Windows hosts that are read whole, beside System and Application.'),
    })
    .refine(
      ({ hosts, ansible, cloud }) => Object.keys(hosts).length + ansible.length + cloud.length > 0,
      'needs hosts, an Ansible inventory, or a cloud to ask',
    ),
);
