import type { AzureOperators, AzureReader, AzureReaders } from '../../../domain/ports/azure.ts';
import type { OperatorParts } from './operators.ts';
import type { ReaderParts } from './reader.ts';
import type { ActingAzure } from './scopes.ts';

export type { ActingAzure, ActingIdentity } from './scopes.ts';

/** Readers of Azure. Nothing of them, and nothing of the SDK, is imported until one is asked. */
export function azureReaders(parts: ReaderParts): AzureReaders {
  return {
    reader: (connection) => {
      let reader: AzureReader | undefined;
      return {
        ask: async (call, signal) => {
          const { azureReader } = await import('./reader.ts');
          reader ??= azureReader(connection, parts);
          return reader.ask(call, signal);
        },
        use: () => reader?.use() ?? { calls: {}, dollars: 0 },
        close: () => reader?.close(),
      };
    },
  };
}

/** Hands over the configured connections, as late. */
export function azureOperators(connections: readonly ActingAzure[], parts: OperatorParts): AzureOperators {
  return {
    session: async (wish, signal) => {
      const { azureOperators: made } = await import('./operators.ts');
      return made(connections, parts).session(wish, signal);
    },
  };
}
