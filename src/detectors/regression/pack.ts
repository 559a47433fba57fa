import type { Json } from '../../lib/json.ts';
import { emptyEnvelope, phases, sumsOf } from './envelope.ts';
import { emptyNormal } from './normal.ts';
import { emptyState, halfHours, type State, type Watch } from './state.ts';

type Numbers = Float32Array | Uint16Array;

/** A state as it is saved: its typed arrays as the bytes they are, so that it goes on exactly as it was. */
export function pack(state: State): Json {
  const { normal, envelope, rises, watch, ...rest } = state;
  const { ys, stray, known, ...level } = normal;
  const { courses, n, next } = envelope;
  const saved = {
    ...rest,
    level,
    learned: { n, next },
    watch: watch === null ? null : scalarsOf(watch),
    arrays: toText([
      ys,
      stray,
      known,
      courses.subarray(0, n * phases),
      rises,
      ...(watch === null ? [] : arraysOf(watch)),
    ]),
  };
  return JSON.parse(JSON.stringify(saved)) as Json;
}

/**
 * The state that was packed. The shape is trusted, as only the same definition's digest gets it back, but for what a version
 * with courses of another grain left: that series starts anew.
 */
export function unpack(saved: Json): State {
  const { level, learned, watch, arrays, ...rest } = saved as unknown as Saved;
  const normal = { ...emptyNormal(), ...level };
  const envelope = { ...emptyEnvelope(), ...learned };
  const rises = new Float32Array(halfHours);
  const into: Numbers[] = [
    normal.ys,
    normal.stray,
    normal.known,
    envelope.courses.subarray(0, learned.n * phases),
    rises,
  ];
  const restored =
    watch === null ? null : { ...watch, course: emptyParts(), expected: emptyExpected(), sums: new Float64Array() };
  // Of a version that knew changes by another name.
  if (!Array.isArray(rest.taken)) return emptyState();
  if (!fromText(arrays, restored === null ? into : [...into, ...arraysOf(restored)])) return emptyState();
  const whole = restored === null ? null : { ...restored, sums: sumsOf(envelope) };
  return { ...rest, normal, envelope, rises, watch: whole };
}

type Saved = Omit<State, 'normal' | 'envelope' | 'rises' | 'watch'> & {
  readonly level: { n: number; clean: number; slow: number; seen: number };
  readonly learned: { n: number; next: number };
  readonly watch: Omit<Watch, 'course' | 'expected' | 'sums'> | null;
  readonly arrays: string;
};

function scalarsOf({ course: _course, expected: _expected, sums: _sums, ...rest }: Watch): Saved['watch'] {
  return rest;
}

function emptyParts(): Watch['course'] {
  return { sum: new Float32Array(phases), count: new Uint16Array(phases) };
}

function emptyExpected(): Watch['expected'] {
  const array = (): Float32Array => new Float32Array(phases);
  return { middle: array(), room: array(), ignorance: array() };
}

function arraysOf({ course, expected }: Pick<Watch, 'course' | 'expected'>): readonly Numbers[] {
  return [course.sum, course.count, expected.middle, expected.room, expected.ignorance];
}

function toText(arrays: readonly Numbers[]): string {
  let text = '';
  for (const array of arrays)
    text += String.fromCharCode(...new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return btoa(text);
}

function fromText(text: string, arrays: readonly Numbers[]): boolean {
  const binary = atob(text);
  if (binary.length !== arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)) return false;
  let at = 0;
  for (const array of arrays) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(at++);
  }
  return true;
}
