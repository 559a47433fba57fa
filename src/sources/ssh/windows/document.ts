import * as z from 'zod';

import { WatchkeeperError } from '../../../lib/errors.ts';
import type { ErrorCode } from '../../../lib/errors.ts';
import { oneLine } from '../../../lib/text.ts';

// What PowerShell 5.1 writes as null where there is nothing is an empty list.
const many = <T extends z.ZodType>(one: T, most: number): z.ZodType<readonly z.output<T>[]> =>
  z.preprocess((given) => {
    const rows = given ?? [];
    return Array.isArray(rows) ? rows.slice(0, most) : rows;
  }, z.array(one));

const number = z.number();
const maybe = number.nullish();
const clock = { ticks: number, frequency: number.positive() };
const text = z.string().max(4_096);

/** What each section of the script prints (`script/`). Counters are raw: 100 ns, bytes, or ticks of the host's clock. */
export const sections = {
  system: z.object({
    caption: text,
    version: text,
    build: text,
    revision: maybe,
    bootId: maybe,
    bootedAtMs: number,
    memoryBytes: number.positive(),
    processors: number.positive(),
    name: text,
    domain: z.boolean(),
    osLanguage: number,
  }),
  cpu: z.object({
    processors: many(z.tuple([text, number]), 4_096),
    ...clock,
    queue: number,
    processes: number,
    threads: number,
  }),
  memory: z.object({
    available: number,
    committed: number,
    limit: number.positive(),
    pageFiles: many(z.object({ name: text, megabytes: number, used: number }), 50),
  }),
  disks: z.object({
    disks: many(
      z.object({
        name: text,
        read: number,
        written: number,
        idle: number,
        idleBase: number,
        busy: number,
        transfers: number,
        ...clock,
      }),
      200,
    ),
  }),
  network: z.object({
    interfaces: many(
      z.object({ name: text, received: number, sent: number, errors: number, drops: number, ...clock }),
      100,
    ),
  }),
  volumes: z.object({
    volumes: many(z.object({ path: text, capacity: maybe, free: maybe, fileSystem: text }), 256),
  }),
  services: z.object({
    services: many(
      z.object({
        name: text,
        display: text,
        state: text,
        start: text,
        // Nothing where this user may not ask the service itself.
        exit: maybe,
        specific: maybe,
        pid: number,
        delayed: z.boolean(),
        path: text,
        account: text,
        recovery: z.string().max(1_024).nullable(),
      }),
      2_000,
    ),
    processes: many(
      z.object({
        pid: number,
        name: text,
        startedAtMs: number.nullable(),
        kernel: number,
        user: number,
        memory: number,
        threads: number,
        handles: number,
      }),
      2_000,
    ),
    ...clock,
  }),
  events: z.object({
    channels: many(
      z.object({
        name: text,
        fault: text.optional(),
        message: text.optional(),
        newest: number.optional(),
        cleared: z.boolean().optional(),
        more: z.boolean().optional(),
        events: many(
          z.object({
            record: number,
            id: number,
            level: number,
            provider: text,
            atMs: number.nullable(),
            pid: maybe,
            message: text,
            values: many(text, 20),
          }),
          2_000,
        ).optional(),
      }),
      50,
    ),
  }),
  iis: z.object({
    pools: many(z.object({ name: text, state: number, autoStart: z.boolean(), workers: many(number, 1_000) }), 500),
    sites: many(
      z.object({
        name: text,
        id: number,
        state: number,
        autoStart: z.boolean(),
        pool: text,
        path: text,
        bindings: many(text, 20),
      }),
      500,
    ),
  }),
  tasks: z.object({
    tasks: many(
      z.object({
        path: text,
        state: number,
        enabled: z.boolean(),
        result: number,
        ranAtMs: number.nullable(),
        missed: number,
      }),
      500,
    ),
  }),
  certificates: z.object({
    certificates: many(
      z.object({
        store: text,
        thumbprint: text,
        subject: text,
        issuer: text,
        endsAtMs: number,
        startsAtMs: number,
      }),
      400,
    ),
  }),
  updates: z.object({
    hotfixes: many(z.object({ id: text, day: text, by: text, what: text }), 1_000),
    programs: many(z.object({ id: text, name: text, version: text, day: text, msi: z.boolean() }), 2_000),
  }),
  pending: z.object({ servicing: z.boolean(), update: z.boolean(), renames: number, renamed: z.boolean() }),
  time: z.object({
    state: text,
    start: text,
    code: number,
    leap: maybe,
    stratum: maybe,
    reference: text.nullish(),
  }),
} as const;

/** What can be asked of a Windows host. */
export type SectionName = keyof typeof sections;

/** What a section holds. */
export type Section<N extends SectionName> = z.output<(typeof sections)[N]>;

/** A host's answer: what was read, and per section whatever hid the rest. */
export interface WindowsDocument {
  /** The language Windows was installed in: `en-US`. */
  readonly language: string;
  /** The host's clock. */
  readonly nowMs: number;
  /** @throws WatchkeeperError with the fault that the host told of, or `malformed`. */
  section<N extends SectionName>(name: N): Section<N>;
}

const outer = z.object({
  format: z.literal(1),
  language: text,
  nowMs: number,
  zoneMinutes: number,
  sections: z.record(z.string().max(64), z.unknown()),
});

const fault = z.object({ fault: text, message: z.string().max(4_096).catch('') });

/** Reads a host's answer. @throws `malformed` for what is none. */
export function parseDocument(given: unknown): WindowsDocument {
  const parsed = outer.safeParse(given);
  if (!parsed.success) throw new WatchkeeperError('malformed', "the host's answer is not of the expected shape");
  const { language, nowMs, sections: found } = parsed.data;
  return {
    language: oneLine(language, 40),
    nowMs,
    section(name) {
      const raw = found[name];
      if (raw === undefined) throw new WatchkeeperError('not-found', `the host said nothing of ${name}`);
      const failed = fault.safeParse(raw);
      if (failed.success) throw faultOf(failed.data.fault, failed.data.message, name);
      const data = z.object({ data: z.unknown() }).safeParse(raw);
      const read = sections[name].safeParse(data.success ? data.data.data : undefined);
      if (!read.success) throw new WatchkeeperError('malformed', `${name}: ${whereOf(read.error)}`);
      return read.data as Section<typeof name>;
    },
  };
}

const codes: Readonly<Record<string, ErrorCode>> = {
  denied: 'forbidden',
  absent: 'unsupported',
  timeout: 'timeout',
};

const granted = '"watchkeeper permissions windows" prints the PowerShell that grants what is needed.';

const fixes: Readonly<Record<string, string>> = {
  iis: 'IIS tells its state to administrators only: see docs/windows.md.',
  events: 'Add the user to the group Event Log Readers (S-1-5-32-573) there.',
  cpu: `Add the user to the group Performance Monitor Users (S-1-5-32-558) there. ${granted}`,
  time: 'w32tm answers administrators only: see docs/windows.md.',
};

/** The error for a fault that the script told of: by its kind, with what Windows said, in the host's language. */
export function faultOf(kind: string, message: string, name: string): WatchkeeperError {
  const code = codes[kind] ?? 'malformed';
  const fix = fixes[name] ?? granted;
  return new WatchkeeperError(code, `${name}: ${oneLine(message, 200)}`, {
    ...(code === 'forbidden' ? { fix } : {}),
  });
}

function whereOf(error: z.ZodError): string {
  const issue = error.issues[0];
  return oneLine(`${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? ''}`, 200);
}
