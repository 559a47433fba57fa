import type { AwsReaders } from '../../../domain/ports/aws.ts';
import { awsReader, type ReaderParts } from './reader.ts';

export { written as operatorStatement } from './operators.ts';
export { awsOperators, type ActingAccount, type ActingConnection } from './operators.ts';
export { sdkServices } from './modules.ts';

/** Readers of AWS. Nothing of the SDK is imported until one is asked. */
export function awsReaders(parts: ReaderParts): AwsReaders {
  return { reader: (connection) => awsReader(connection, parts) };
}
