import type { SourceTraits } from '../../domain/ports/source.ts';

/** What Google Cloud can tell. */
export const gcpTraits: SourceTraits = { metrics: true, logs: true, traces: true, changes: true, discovery: true };
