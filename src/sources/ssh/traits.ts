import type { SourceTraits } from '../../domain/ports/source.ts';

/** What hosts over SSH can tell. */
export const sshTraits: SourceTraits = { metrics: true, logs: true, traces: false, changes: true, discovery: true };
