import type { DetectorDefinition, Escalation } from '../domain/definitions.ts';
import type { Service } from '../domain/service.ts';
import { policySet, type PolicySet } from '../policy/index.ts';
import type { Runbook } from '../runbooks/index.ts';

/** Everything that people wrote, checked together and swapped in at once. */
export interface Resources {
  /** Digest of all files it was made from. */
  readonly digest: string;
  readonly loadedAtMs: number;
  /** Declared ones; discovered ones join in the catalog. */
  readonly services: readonly Service[];
  readonly detectors: readonly DetectorDefinition[];
  readonly runbooks: readonly Runbook[];
  readonly policies: PolicySet;
  readonly escalations: ReadonlyMap<string, Escalation>;
  /** Group → principals, from all Escalation documents and the API's tokens. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** Nothing at all: what holds before the first load. No policy means that everything is denied (I2). */
export const noResources: Resources = {
  digest: '',
  loadedAtMs: 0,
  services: [],
  detectors: [],
  runbooks: [],
  policies: policySet([]),
  escalations: new Map(),
  groups: {},
};

/** Joins who belongs to which group from several places. */
export function joinGroups(
  parts: readonly Readonly<Record<string, readonly string[]>>[],
): Readonly<Record<string, readonly string[]>> {
  const joined = new Map<string, Set<string>>();
  for (const part of parts) {
    for (const [group, members] of Object.entries(part)) {
      const known = joined.get(group) ?? new Set<string>();
      for (const member of members) known.add(member);
      joined.set(group, known);
    }
  }
  return Object.fromEntries([...joined].map(([group, members]) => [group, [...members].sort()]));
}
