/** Who of several replicas leads, and what keeps the others, and those deposed, from acting. See ADR 18. */
export { createElector } from './elector.ts';
export { guardedChannel, guardedIo, guardedLedger } from './guarded.ts';
export { kubernetesLease } from './kubernetes-lease.ts';
export { standingTenure } from './standing.ts';
export type { ElectorOptions, LeaseTiming } from './types.ts';
