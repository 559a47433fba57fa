import * as z from 'zod';

import type { Schema } from '../../domain/ports/schema.ts';
import { parseDuration } from '../../lib/duration.ts';
import { schemaOf } from '../../lib/schema.ts';

/** The `host` source's block in watchkeeper.yaml. Everything has a default: no block at all watches this machine. */
export interface HostConfig {
  /** Where the machine's file tree is mounted: `/` outside a container, say `/host` inside one. */
  readonly root: string;
  readonly intervalMs: number;
  /** Mount points (with all below them) that are not watched. */
  readonly excludeMounts: readonly string[];
  /** Folders of journal files; each holds one folder a machine id. */
  readonly journal: readonly string[];
  /** The system message bus, for the state of systemd units. */
  readonly systemBus: string;
  /** Config files or folders of the machine itself whose edits are changes. */
  readonly watch: readonly string[];
  /** Certificate files (PEM) whose ends are watched. */
  readonly certificates: readonly string[];
  /** The name of the discovered service; default `host-` and the machine's name. */
  readonly name?: string;
}

const absolute = z.string().regex(/^\//, 'must be an absolute path').max(4_096);
const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) >= 1_000, 'must be a duration of at least 1s, such as 5s or 1m');

const config = z
  .strictObject({
    root: absolute.default('/'),
    interval: duration.default('5s'),
    excludeMounts: z.array(absolute).max(100).default([]),
    journal: z.array(absolute).max(10).default(['/var/log/journal', '/run/log/journal']),
    systemBus: absolute.default('/run/dbus/system_bus_socket'),
    watch: z.array(absolute).max(100).default([]),
    certificates: z.array(absolute).max(100).default([]),
    name: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and dashes')
      .exactOptional(),
  })
  .transform(({ interval, ...rest }): HostConfig => ({ ...rest, intervalMs: parseDuration(interval) ?? 5_000 }));

/** The source's block in watchkeeper.yaml. */
export const hostConfig: Schema<HostConfig> = schemaOf(config);
