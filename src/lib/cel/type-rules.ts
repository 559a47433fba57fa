import type { CelType } from './types.ts';

/** CEL `bool`. */
export const BOOL: CelType = { is: 'bool' };
/** CEL `int`: 64 bits, signed. */
export const INT: CelType = { is: 'int' };
/** CEL `double`. */
export const DOUBLE: CelType = { is: 'double' };
/** CEL `string`. */
export const STRING: CelType = { is: 'string' };
/** CEL `google.protobuf.Duration`. */
export const DURATION: CelType = { is: 'duration' };
/** CEL `google.protobuf.Timestamp`. */
export const TIMESTAMP: CelType = { is: 'timestamp' };
/** CEL `null_type`. */
export const NULL: CelType = { is: 'null' };
/** CEL `dyn`: known only when evaluated. */
export const DYN: CelType = { is: 'dyn' };

/** The element type of `[]` and `{}`: dyn, known by identity so that joining it with a type gives that type. */
export const NOTHING: CelType = { is: 'dyn' };

/** A type as a person reads it in an error: `list of string`. */
export function typeName(type: CelType): string {
  switch (type.is) {
    case 'list':
      return `list of ${typeName(type.of)}`;
    case 'map':
      return `map of ${typeName(type.of)}`;
    case 'record':
      return type.name;
    default:
      return type.is;
  }
}

/** Whether values of this type can be ordered and reckoned with. */
export function isNumeric(type: CelType): boolean {
  return type.is === 'int' || type.is === 'double';
}

/** Whether a value of type `from` may stand where `to` is wanted: same type, int for double, anything for or from dyn. */
export function assignable(from: CelType, to: CelType): boolean {
  if (to.is === 'dyn') return true;
  if (from.is === 'dyn') return to.is !== 'duration' && to.is !== 'timestamp';
  if (to.is === 'double') return isNumeric(from);
  if (from.is === 'list' && to.is === 'list') return assignable(from.of, to.of);
  if (from.is === 'map' && to.is === 'map') return assignable(from.of, to.of);
  if (from.is === 'record' && to.is === 'record') return from.name === to.name;
  return from.is === to.is;
}

/** Whether `==` between the two can ever be meant. Milliseconds never meet dyn: a bare number says no unit. */
export function comparable(a: CelType, b: CelType): boolean {
  if (a.is === 'null' || b.is === 'null') return true;
  if (a.is === 'dyn') return b.is !== 'duration' && b.is !== 'timestamp';
  if (b.is === 'dyn') return comparable(b, a);
  return assignable(a, b) || assignable(b, a);
}

/** The type both fit in, for list elements and the branches of a ternary. */
export function join(a: CelType, b: CelType): CelType {
  if (a === NOTHING) return b;
  if (b === NOTHING) return a;
  if (a.is === 'list' && b.is === 'list') return { is: 'list', of: join(a.of, b.of) };
  if (a.is === 'map' && b.is === 'map') return { is: 'map', of: join(a.of, b.of) };
  if (a.is === 'dyn' || b.is === 'dyn') return DYN;
  if (assignable(a, b)) return b;
  return assignable(b, a) ? a : DYN;
}
