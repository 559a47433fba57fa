import type { SourceTraits } from '../../domain/ports/source.ts';

/** What a cluster can tell. */
export const kubernetesTraits: SourceTraits = {
  metrics: true,
  logs: true,
  traces: false,
  changes: true,
  discovery: true,
};
