import type { SourceTraits } from '../../domain/ports/source.ts';

/** What Azure can tell. */
export const azureTraits: SourceTraits = { metrics: true, logs: true, traces: true, changes: true, discovery: true };
