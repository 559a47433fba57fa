import {
  createExecutor,
  planDigest,
  type ExecutionEvent,
  type Executor,
  type ExecutorDeps,
} from '../../src/agent/executor/index.ts';
import { standingTenure } from '../../src/agent/leadership/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import type { Decision } from '../../src/domain/authority.ts';
import type { ActionKind, ActionResult, Probe } from '../../src/domain/ports/action.ts';
import type { Tenure } from '../../src/domain/ports/leadership.ts';
import type { Ledger } from '../../src/domain/ports/ledger.ts';
import type { ActionTraits, Execution, Plan, PlannedStep, Verification } from '../../src/domain/remediation.ts';
import type { Service } from '../../src/domain/service.ts';
import { memoryFiles } from './memory-files.ts';
import { diskLedger, diskStore, emptyDisk, type Disk } from './memory-store.ts';
import { noFleet } from './no-hosts.ts';
import { recordingLog } from './quiet-log.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock, type VirtualClock } from './virtual-clock.ts';
import { noAws } from './no-aws.ts';
import { noAzure } from './no-azure.ts';
import { noGcp } from './no-gcp.ts';

/** The service every test step acts on. */
export const shop: Service = {
  name: 'shop',
  labels: {},
  owner: { team: 'shop', escalate: 'shop-oncall' },
  dependsOn: [],
  runsOn: [],
  telemetry: {},
  slos: [],
  origin: 'declared',
};

/** The world outside: switches that steps turn on, and every time one was really turned. Survives crashes. */
export interface Outside {
  readonly on: Set<string>;
  /** In order: `on NAME KEY` and `off NAME KEY`. */
  readonly effects: string[];
  /** Bumped by `elsewhere()`: somebody else changed the switch. */
  readonly revision: Map<string, number>;
  /** How often `run` still answers a certain failure before it works. */
  failures: number;
  /** What `probe` answers instead of the truth. */
  blind: boolean;
}

/** How the test bends one process. Every member has an honest default. */
export interface Bend {
  readonly traits?: Partial<ActionTraits>;
  readonly decide?: (stepIndex: number, plan: Plan) => Partial<Decision>;
  readonly conditions?: ExecutorDeps['conditions'];
  readonly verify?: (execution: Execution, asOfMs: number) => Verification['status'] | Verification;
  readonly between?: (execution: Execution, stepIndex: number, asOfMs: number) => Verification['status'];
  readonly ledger?: (real: Ledger) => Ledger;
  /** Called before and after each look or act; may throw, as a process that dies there. */
  readonly around?: (what: string, moment: 'before' | 'after') => void;
  readonly run?: (honest: () => ActionResult, signal: AbortSignal, clock: VirtualClock) => Promise<ActionResult>;
  readonly probe?: () => Probe | Promise<Probe>;
  /** A target whose state does not show what was done to it, as behind an HTTP API. */
  readonly opaque?: boolean;
  readonly busy?: () => string | undefined;
  readonly onEvent?: (event: ExecutionEvent) => void;
  readonly epoch?: () => number;
  readonly tenure?: Tenure;
}

/** One process standing on a Disk and an Outside that outlive it. */
export interface Process {
  readonly executor: Executor;
  readonly events: ExecutionEvent[];
  readonly deps: ExecutorDeps;
}

export interface World {
  readonly disk: Disk;
  readonly outside: Outside;
  readonly clock: VirtualClock;
  /** Starts a process under a new epoch, as a restart does. */
  boot(bend?: Bend): Process;
  /** Advances the clock until the promise is settled. */
  drive<T>(work: Promise<T>): Promise<T>;
}

export function makeWorld(): World {
  const disk = emptyDisk();
  const outside: Outside = { on: new Set(), effects: [], revision: new Map(), failures: 0, blind: false };
  const clock = virtualClock();
  return {
    disk,
    outside,
    clock,
    boot: (bend = {}) => boot(disk, outside, clock, bend),
    drive: async (work) => {
      const state = { over: false };
      const watched = work.finally(() => (state.over = true));
      watched.catch(() => undefined);
      for (let turn = 0; turn < 5_000; turn += 1) {
        await clock.advance(0);
        if (state.over) return watched;
        await clock.advance(500);
      }
      throw new Error('the work never ended');
    },
  };
}

function boot(disk: Disk, outside: Outside, clock: VirtualClock, bend: Bend): Process {
  disk.epoch += 1;
  const { epoch } = disk;
  const events: ExecutionEvent[] = [];
  const real = diskLedger(disk, epoch);
  const kind = switchAction(disk, outside, clock, bend);
  const log = recordingLog();
  const nowhere = (): never => {
    throw new WatchkeeperError('unsupported', 'not in this world');
  };
  const deps: ExecutorDeps = {
    ledger: bend.ledger?.(real) ?? real,
    store: diskStore(disk),
    actions: (name) => (name === kind.kind ? kind : undefined),
    tenure: bend.tenure ?? standingTenure(),
    operatorIo: {
      clock,
      random: seededRandom(1),
      http: { request: nowhere },
      files: memoryFiles(),
      exec: { run: nowhere },
      processes: { kill: nowhere },
      sockets: { connectUnix: nowhere },
      aws: noAws,
      azure: noAzure,
      gcp: noGcp,
      kubernetes: { operator: nowhere },
      git: { repository: nowhere },
      ssh: noFleet,
      secrets: { resolve: nowhere },
      log,
    },
    clock,
    epoch: bend.epoch ?? (() => epoch),
    services: (name) => (name === 'shop' ? shop : undefined),
    decideLive: (plan, stepIndex) =>
      Promise.resolve({ ...allow(plan), stepId: plan.steps[stepIndex]!.id, ...bend.decide?.(stepIndex, plan) }),
    fresh: () => Promise.resolve(true),
    conditions: bend.conditions ?? (() => ({ ok: true, because: 'nothing was asked' })),
    verify: (execution, asOfMs) => {
      const said = bend.verify?.(execution, asOfMs) ?? 'passed';
      return typeof said === 'string' ? verdict(execution.plan, said, asOfMs) : said;
    },
    between: (execution, stepIndex, asOfMs) => {
      const status = bend.between?.(execution, stepIndex, asOfMs) ?? 'passed';
      const rules = execution.plan.steps[stepIndex]?.between ?? [];
      return {
        ...{ status, dueAtMs: asOfMs },
        rules: rules.map((rule) => ({ expect: rule.expect, status, because: `is ${status}` })),
      };
    },
    baseline: () => ({ errors: 0.01 }),
    onEvent: (event) => {
      bend.onEvent?.(event);
      events.push(event);
    },
  };
  return { executor: createExecutor(deps), events, deps };
}

export function verdict(plan: Plan, status: Verification['status'], dueAtMs: number): Verification {
  return {
    status,
    dueAtMs,
    rules: plan.verify.map((rule) => ({ expect: rule.expect, status, because: `is ${status}` })),
  };
}

export function allow(plan: Plan): Decision {
  return {
    id: 'd1',
    planId: plan.id,
    outcome: 'allow',
    decidedBy: 'policy/test allow[0]',
    reasons: ['allowed'],
    considered: [],
    autonomy: 'act',
    policyDigest: 'policy-1',
    inputDigest: 'input-1',
    atMs: 0,
  };
}

const traits: ActionTraits = { reversible: true, idempotent: true, destructive: false, scope: 'process' };

/** Turns a named switch on. Honest in everything: key deduplication is its caller's problem, so that a double act shows. */
function switchAction(disk: Disk, outside: Outside, clock: VirtualClock, bend: Bend): ActionKind {
  const around = bend.around ?? ((): void => undefined);
  const name = (params: JsonObject): string => JSON.stringify(params['switch']).slice(1, -1);
  const at = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
    around(what, 'before');
    const result = await work();
    around(what, 'after');
    return result;
  };
  const intended = (key: string, way: 'run' | 'undo'): void => {
    const found = disk.entries.some((entry) => entry.type === 'step-intent' && entry.body['key'] === key);
    if (!found) outside.effects.push(`${way} WITHOUT DURABLE INTENT ${key}`);
  };
  return {
    kind: 'test.switch',
    summary: 'Turns a switch on',
    traits: { ...traits, ...bend.traits },
    params: { parse: (input) => ({ ok: true, value: input as JsonObject }), jsonSchema: () => ({}) },
    needs: [],
    target: (params) => targetOf(name(params)),
    observe: (params) =>
      at('observe', () => {
        const busy = bend.busy?.();
        return {
          target: targetOf(name(params)),
          atMs: clock.nowMs(),
          facts: { on: outside.on.has(name(params)) },
          stateHash: bend.opaque === true ? 'off@0' : stateHash(outside, name(params)),
          blast: { touched: 1, total: 1, healthyAfter: 0, targets: [name(params)], dependents: [] },
          ...(busy === undefined ? {} : { busy }),
        };
      }),
    preview: (params) => ({ describe: `turn ${name(params)} on`, diff: [] }),
    before: (params): Json => ({ was: outside.on.has(name(params)) }),
    run: (params, _before, key, context) =>
      at('run', () => {
        const honest = (): ActionResult => {
          intended(key, 'run');
          if (outside.failures > 0) {
            outside.failures -= 1;
            return { is: 'failed', message: 'it would not turn' };
          }
          outside.on.add(name(params));
          outside.effects.push(`on ${name(params)} ${key}`);
          return { is: 'done', message: 'turned on' };
        };
        return bend.run?.(honest, context.signal, clock) ?? honest();
      }),
    probe: (params) =>
      at('probe', (): Probe | Promise<Probe> => {
        if (bend.probe !== undefined) return bend.probe();
        if (outside.blind) return { is: 'unknown', because: 'it is dark' };
        return outside.on.has(name(params))
          ? { is: 'done', because: 'it is on' }
          : { is: 'not-done', because: 'it is off' };
      }),
    undo: (params, _before, key) =>
      at('undo', () => {
        intended(key, 'undo');
        outside.on.delete(name(params));
        outside.effects.push(`off ${name(params)} ${key}`);
        return { is: 'done' as const, message: 'turned off' };
      }),
  };
}

function targetOf(name: string): PlannedStep['target'] {
  return { kind: 'switch', id: name, service: 'shop', labels: {} };
}

function stateHash(outside: Outside, name: string): string {
  return `${outside.on.has(name) ? 'on' : 'off'}@${outside.revision.get(name) ?? 0}`;
}

/** One step planned for each switch, with a look between them. */
export function groupPlan(switches: readonly string[], change: Partial<Plan> = {}, looks = true): Plan {
  const plan = switchPlan(switches, change);
  const steps = plan.steps.map((step, index) => ({
    ...step,
    id: `turn[${switches[index] ?? ''}]`,
    each: { step: 'turn', item: switches[index] ?? '' },
    ...(looks ? { between: [{ expect: 'lit', withinMs: 120_000 }] } : {}),
  }));
  const made = { ...plan, steps };
  return { ...made, id: planDigest(made) };
}

/** A plan that turns switches on, one step each. */
export function switchPlan(
  switches: readonly string[],
  change: Partial<Plan> = {},
  step: Partial<PlannedStep> = {},
): Plan {
  const plan: Plan = {
    id: '',
    incidentId: 'i1',
    service: 'shop',
    runbook: { name: 'turn-on', digest: 'r1', summary: 'Turn switches on' },
    diagnosisId: 'd1',
    params: {},
    steps: switches.map((name) => ({
      id: `turn-${name}`,
      action: 'test.switch',
      params: { switch: name },
      target: targetOf(name),
      traits,
      timeoutMs: 60_000,
      retries: 0,
      require: [],
      abortIf: [],
      describe: `turn ${name} on`,
      diff: [],
      blast: { touched: 1, total: 1, healthyAfter: 0, targets: [name], dependents: [] },
      stateHash: 'off@0',
      ...step,
    })),
    verify: [{ expect: 'lit', withinMs: 600_000 }],
    onFail: ['undo', 'escalate'],
    attempts: { per: 'target', max: 2, inMs: 6 * 3_600_000 },
    because: 'it is dark',
    proposedBy: 'watchkeeper',
    createdAtMs: 1_767_225_600_000,
    expiresAtMs: 1_767_225_600_000 + 900_000,
    ...change,
  };
  return { ...plan, id: planDigest(plan) };
}
