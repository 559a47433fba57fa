import type { GcpReaders } from '../../../domain/ports/gcp.ts';
import { gcpReader, type ReaderParts } from './reader.ts';

export { gcpOperators, type ActingProject, type ActingProjects } from './operators.ts';
export { impersonationFix } from './credentials.ts';
export { gcpApis } from './methods.ts';
export { seriesPrice } from './reader.ts';

/** Readers of Google Cloud. Nothing of its libraries is imported until one is asked. */
export function gcpReaders(parts: ReaderParts): GcpReaders {
  return { reader: (connection) => gcpReader(connection, parts) };
}
