import { actedAtMs, type ExecutionEvent, type ExecutionRecord } from '../../src/agent/executor/index.ts';
import { WatchkeeperError } from '../../src/lib/errors.ts';
import type { Ledger } from '../../src/domain/ports/ledger.ts';
import type { Plan } from '../../src/domain/remediation.ts';
import { allow, makeWorld, type Bend, type Process, type World } from './executor-world.ts';

/** Counts every record and every look or act of a process, and kills it at one of them, before or after its effect. */
export interface Tripwire {
  readonly around: (what: string, moment: 'before' | 'after') => void;
  readonly ledger: (real: Ledger) => Ledger;
  /** How many points were passed. */
  readonly passed: () => number;
  readonly dead: () => boolean;
}

/** Dies at the `at`-th point; never, when it is larger than there are points. */
export function tripwire(at: number): Tripwire {
  let passed = 0;
  let dead = false;
  const around = (): void => {
    if (!dead) passed += 1;
    if (passed === at) dead = true;
    if (dead) throw new WatchkeeperError('store-failed', 'the process is dead');
  };
  return {
    around,
    passed: () => passed,
    dead: () => dead,
    ledger: (real) => ({
      ...real,
      record: async (batch) => {
        around();
        const entries = await real.record(batch);
        around();
        return entries;
      },
    }),
  };
}

export interface Shape {
  readonly name: string;
  readonly plan: Plan;
  readonly bend?: Bend;
  readonly helps: 'passed' | 'failed' | 'inconclusive';
  readonly failures?: number;
  readonly blind?: boolean;
}

/** What is left when everything has settled. */
export interface Aftermath {
  readonly world: World;
  readonly record: ExecutionRecord | undefined;
  readonly events: readonly ExecutionEvent[];
  /** Why the last process, which nobody killed, stopped acting, if it did. */
  readonly halted: string | undefined;
  /** Points the first process passed before it died. */
  readonly passed: number;
}

/** Runs a shape, killing the process at each of the given points in turn (counted from each boot); then in peace. */
export async function runWithCrashes(shape: Shape, points: readonly number[], mutate: Bend = {}): Promise<Aftermath> {
  const world = makeWorld();
  world.outside.failures = shape.failures ?? 0;
  const events: ExecutionEvent[] = [];
  let first = 0;
  let halted: string | undefined;
  for (const [turn, point] of [...points, Number.POSITIVE_INFINITY].entries()) {
    const wire = tripwire(point);
    const bend: Bend = {
      ...shape.bend,
      around: wire.around,
      verify: (execution, asOfMs) => (asOfMs >= (actedAtMs(execution) ?? asOfMs) + 1_000 ? shape.helps : 'pending'),
      ...mutate,
      ledger: (real) => wire.ledger(mutate.ledger?.(real) ?? real),
    };
    const process = world.boot(bend);
    if (turn > 0) world.outside.blind = shape.blind ?? false;
    await world.drive(live(process, shape.plan, turn === 0, world)).catch(() => undefined);
    if (turn === 0) first = wire.passed();
    events.push(...process.events);
    halted = process.executor.halted();
  }
  const row = [...world.disk.rows.values()].find((each) => each.space === 'execution');
  return { world, record: row?.value as ExecutionRecord | undefined, events, halted, passed: first };
}

/** One process, from its start until its verifications are over. */
export async function live(process: Process, plan: Plan, first: boolean, world: World): Promise<void> {
  await process.executor.resume(new AbortController().signal);
  if (first) await process.executor.start(plan, allow(plan), []);
  for (let turn = 0; turn < 8; turn += 1) {
    await process.executor.tick();
    await world.clock.sleep(1_000, new AbortController().signal);
  }
}

/** Everything that must hold after any crash, as sentences about what does not. Empty is good. */
export function violations(shape: Shape, aftermath: Aftermath): readonly string[] {
  const { world, record, events } = aftermath;
  const { outside, disk } = world;
  const wrong: string[] = outside.effects.filter((line) => line.includes('WITHOUT'));
  if (aftermath.halted !== undefined) wrong.push(`halted in peace: ${aftermath.halted}`);
  const names = shape.plan.steps.map((step) => step.target.id);
  for (const name of names) {
    const times = (way: string): number => outside.effects.filter((line) => line.startsWith(`${way} ${name} `)).length;
    if (times('on') > 1) wrong.push(`${name} was turned on ${times('on')} times`);
    if (times('off') > 1) wrong.push(`${name} was turned off ${times('off')} times`);
  }
  if (record === undefined) {
    if (outside.effects.length > 0) wrong.push('there are effects and no execution');
    return wrong;
  }
  if (record.endedAtMs === undefined) wrong.push(`it never ended: ${record.status}`);
  if (record.status === 'succeeded' && !names.every((name) => outside.on.has(name))) wrong.push('a step was forgotten');
  // What was looked at by itself and is well stays as it is.
  const stays = new Set(
    shape.plan.steps.flatMap(({ each, target }, index) =>
      each !== undefined && record.steps[index]?.between?.status === 'passed' ? [target.id] : [],
    ),
  );
  const left = names.some((name) => outside.on.has(name) && !stays.has(name));
  if (record.status === 'undone' && left) wrong.push('an undo was forgotten');
  if (record.status === 'failed' && left) wrong.push('failed, and left on');
  if ([...stays].some((name) => !outside.on.has(name))) wrong.push('what is well was taken back');
  for (const [index, step] of record.steps.entries()) {
    const isOn = outside.effects.some((line) => line.startsWith(`on ${names[index] ?? ''} `));
    const told = disk.entries.filter((entry) => entry.subject.step === step.stepId);
    const outcome = told.findLast((entry) => entry.type === 'step-outcome')?.body['status'] as string | undefined;
    if (isOn && outcome !== 'succeeded' && outcome !== 'unknown')
      wrong.push(`${step.stepId}: done, yet ${outcome ?? 'without an outcome'}`);
    if (!isOn && outcome === 'succeeded') wrong.push(`${step.stepId}: not done, yet succeeded`);
  }
  const ended = events.filter((event) => event.kind === 'ended');
  if (ended.length === 0) wrong.push('nobody was told how it ended');
  if (record.status !== 'succeeded' && !ended.some((event) => event.escalate)) wrong.push('nobody was called');
  return wrong;
}
