import type { Draw } from './draw.ts';
import type { Course } from './transients.ts';

/** What is put on top of a service's signals, minute by minute: errors as a share, the others as a share of themselves. */
export interface Lift {
  readonly errors?: Course;
  readonly latency?: Course;
  readonly traffic?: Course;
  readonly cpu?: Course;
  readonly memory?: Course;
}

/** What a fault may know of the service it befalls. */
export interface Victim {
  /** How high this service's healthy transients are. */
  readonly heights: { readonly errors: number; readonly latency: number };
}

/** A genuine fault. Without `byDeploy` it comes on its own. */
export interface Fault {
  readonly byDeploy: boolean;
  /** Minutes from the deploy to the first harm, which is when the clock of detection starts. */
  readonly onset: (draw: Draw) => number;
  readonly lift: (draw: Draw, victim: Victim) => Lift;
  /** Leaks take their time and are left out of the delays. */
  readonly leak?: boolean;
}

const always: Course = () => 1;
const times =
  (course: Course, height: number): Course =>
  (k) =>
    height * course(k);
const level = (height: number): Course => times(always, height);
const ramp =
  (minutes: number, height: number): Course =>
  (k) =>
    height * Math.min(1, (k + 1) / minutes);
const atOnce = (): number => 0;
const late = (draw: Draw): number => Math.round(draw.logBetween(10, 240));

/** Minutes in which a share of requests is slow: a percentile sees it in some of them only. */
function tail(draw: Draw): Course {
  const share = draw.between(0.4, 0.8);
  const height = draw.between(0.8, 2.5);
  const seed = Array.from({ length: 400 }, () => (draw.chance(share) ? height * draw.between(0.6, 1.4) : 0.05));
  return (k) => seed[k % seed.length] ?? 0;
}

/** A new version that reaches a tenth, a third, and all of a fleet, one stage after the other. */
function stages(draw: Draw): Course {
  const every = draw.between(6, 18);
  return (k) => [0.1, 0.33][Math.floor(k / every)] ?? 1;
}

/** Harm that comes and goes: so long there, so long away. */
function bursts(draw: Draw): Course {
  const there = draw.whole(3, 7);
  const away = draw.whole(3, 7);
  return (k) => (k % (there + away) < there ? 1 : 0);
}

const byDeploy = (lift: Fault['lift'], onset: Fault['onset'] = atOnce): Fault => ({ byDeploy: true, onset, lift });
const onItsOwn = (lift: Fault['lift']): Fault => ({ byDeploy: false, onset: atOnce, lift });

/** Genuine faults by name. */
export const faults: Readonly<Record<string, Fault>> = {
  'error step': byDeploy((draw) => ({ errors: level(draw.between(0.02, 0.08)) })),
  'small error step': byDeploy((draw) => ({ errors: level(draw.between(0.008, 0.015)) })),
  // A part of the instances runs the new version, and a part of its requests fails.
  'partial fleet': byDeploy((draw) => ({ errors: level(draw.between(0.1, 0.35) * draw.between(0.08, 0.3)) })),
  'latency step': byDeploy((draw) => ({ latency: level(draw.between(0.6, 2)) })),
  'small latency step': byDeploy((draw) => ({ latency: level(draw.between(0.35, 0.5)) })),
  'tail mixture': byDeploy((draw) => ({ latency: tail(draw) })),
  'behind the transient': byDeploy((draw, { heights }) => ({
    errors: level(Math.max(0.012, heights.errors * draw.between(0.3, 0.7))),
    latency: level(Math.max(0.35, heights.latency * draw.between(0.3, 0.7))),
  })),
  'late errors': byDeploy((draw) => ({ errors: level(draw.between(0.02, 0.06)) }), late),
  'late latency': byDeploy((draw) => ({ latency: level(draw.between(0.5, 1.5)) }), late),
  'latency ramp': byDeploy((draw) => ({ latency: ramp(draw.between(15, 50), draw.between(0.8, 2)) })),
  'error ramp': byDeploy((draw) => ({ errors: ramp(draw.between(15, 50), draw.between(0.03, 0.08)) })),
  'staged errors': byDeploy((draw) => ({ errors: times(stages(draw), draw.between(0.04, 0.12)) })),
  'error bursts': byDeploy((draw) => ({ errors: times(bursts(draw), draw.between(0.02, 0.08)) })),
  // A version that asks more of itself, and is slow for it; nothing fails yet.
  'load surge': byDeploy((draw) => ({
    traffic: level(draw.between(0.5, 1.5)),
    cpu: level(draw.between(0.8, 2)),
    latency: level(draw.between(0.5, 1.2)),
  })),
  'retry surge': byDeploy((draw) => ({
    traffic: level(draw.between(0.6, 1.5)),
    cpu: level(draw.between(0.6, 1.5)),
    errors: level(draw.between(0.02, 0.06)),
    latency: level(draw.between(0.3, 1)),
  })),
  leak: { ...byDeploy((draw) => ({ memory: times((k) => k, draw.between(0.004, 0.012)) })), leak: true },
  outage: onItsOwn((draw) => ({ errors: level(draw.between(0.15, 0.6)), latency: level(draw.between(0.5, 2)) })),
  overload: onItsOwn((draw) => {
    const rise = draw.between(3, 10);
    return {
      traffic: ramp(rise, draw.between(0.8, 2)),
      cpu: ramp(rise, draw.between(0.8, 2)),
      errors: ramp(rise, draw.between(0.06, 0.2)),
      latency: ramp(rise, draw.between(1.2, 3)),
    };
  }),
};
