import type { SourceTraits } from '../../domain/ports/source.ts';

/** What AWS can tell. */
export const awsTraits: SourceTraits = { metrics: true, logs: true, traces: true, changes: true, discovery: true };
