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
}

/** The source's block in watchkeeper.yaml. */
export const sshConfig: Schema<SshConfig> = schemaOf<SshConfig>(
  z
    .strictObject({
      interval: durationMs.refine((ms) => ms >= 5_000, 'must be at least 5s').prefault('30s'),
      timeout: durationMs.refine((ms) => ms >= 500 && ms <= 120_000, 'must be between 500ms and 2m').prefault('15s'),
      ...inventoryKeys,
      excludeMounts: z.array(remotePath).max(100).default([]),
      certificates: z.array(remotePath).max(100).default([]).describe('Certificate files (PEM) of each host.'),
      watch: z
        .array(remotePath)
        .max(100)
        .default([])
        .describe('Files or folders of each host whose edits are changes.'),
    })
    .refine(
      ({ hosts, ansible }) => Object.keys(hosts).length + ansible.length > 0,
      'needs hosts, or an Ansible inventory',
    ),
);
