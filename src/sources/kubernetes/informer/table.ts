import type { ObjectRecord } from '../records/parts.ts';

/** What is known of one kind, found by name, by uid and by owner. Bounded: what does not fit is counted. */
export interface Table<R extends ObjectRecord> {
  readonly size: number;
  /** Objects that the limit kept out. */
  readonly refused: number;
  get(namespace: string, name: string): R | undefined;
  byUid(uid: string): R | undefined;
  /** Those that this uid controls. */
  ownedBy(uid: string): Iterable<R>;
  all(): Iterable<R>;
  put(record: R): void;
  remove(namespace: string, name: string): void;
  /** Puts the whole content of a namespace, or of the cluster, in place of what was known of it; or the one object of a name. */
  replace(records: readonly R[], within?: Within): void;
}

/** A part of the cluster: a namespace, or one object that is in none. */
export interface Within {
  readonly namespace?: string;
  readonly name?: string;
}

/** Told of every difference, in order. `after` is absent for what is gone, `before` for what is new. */
export type Listener<R> = (before: R | undefined, after: R | undefined) => void;

/** An empty table of at most `most` objects. */
export function createTable<R extends ObjectRecord>(most: number, listener: Listener<R>): Table<R> {
  const byName = new Map<string, R>();
  const byUid = new Map<string, R>();
  const owned = new Map<string, Set<R>>();
  const refused = new Set<string>();

  const drop = (record: R): void => {
    byUid.delete(record.uid);
    const uid = record.owner?.uid;
    const siblings = uid === undefined ? undefined : owned.get(uid);
    siblings?.delete(record);
    if (uid !== undefined && siblings?.size === 0) owned.delete(uid);
  };
  const put = (record: R): void => {
    const key = keyOf(record.namespace, record.name);
    const before = byName.get(key);
    if (before === undefined && byName.size >= most) {
      if (refused.size < most) refused.add(key);
      return;
    }
    refused.delete(key);
    if (before !== undefined) drop(before);
    byName.set(key, record);
    byUid.set(record.uid, record);
    const uid = record.owner?.uid;
    if (uid !== undefined) owned.set(uid, (owned.get(uid) ?? new Set<R>()).add(record));
    // An object of the same name and another uid is another one.
    if (before !== undefined && before.uid !== record.uid) {
      listener(before, undefined);
      listener(undefined, record);
    } else listener(before, record);
  };
  const remove = (namespace: string, name: string): void => {
    const key = keyOf(namespace, name);
    refused.delete(key);
    const before = byName.get(key);
    if (before === undefined) return;
    byName.delete(key);
    drop(before);
    listener(before, undefined);
  };

  return {
    get size() {
      return byName.size;
    },
    get refused() {
      return refused.size;
    },
    get: (namespace, name) => byName.get(keyOf(namespace, name)),
    byUid: (uid) => byUid.get(uid),
    ownedBy: (uid) => owned.get(uid) ?? [],
    all: () => byName.values(),
    put,
    remove,
    replace: (records, { namespace, name } = {}) => {
      const kept = new Set(records.map((record) => keyOf(record.namespace, record.name)));
      for (const [key, record] of byName)
        if (
          !kept.has(key) &&
          (namespace ?? record.namespace) === record.namespace &&
          (name ?? record.name) === record.name
        )
          remove(record.namespace, record.name);
      for (const key of refused) if (!kept.has(key)) refused.delete(key);
      for (const record of records) put(record);
    },
  };
}

/**
 * A table that keeps nothing and only hands on: for what is said once, such as events. Its listener must bear to hear the
 * same thing again, since a list anew says all of it once more.
 */
export function createStream<R extends ObjectRecord>(listener: Listener<R>): Table<R> {
  const put = (record: R): void => listener(undefined, record);
  return {
    size: 0,
    refused: 0,
    get: () => undefined,
    byUid: () => undefined,
    ownedBy: () => [],
    all: () => [],
    put,
    remove: () => undefined,
    replace: (records) => {
      for (const record of records) put(record);
    },
  };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
