import type { GcpCall, GcpReader } from '../../../src/domain/ports/gcp.ts';
import { createTally } from '../../../src/io/clients/cloud/tally.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { wrongIn } from '../../support/gcp/definitions.ts';

/** A Google Cloud that answers as a test says, in words that are published, and remembers what it was asked. */
export function fakeGcp(
  answer: (call: GcpCall, times: number) => JsonObject | Error,
): GcpReader & { readonly asked: GcpCall[] } {
  const tally = createTally();
  const asked: GcpCall[] = [];
  return {
    asked,
    ask: async (call) => {
      asked.push(call);
      tally.count(`${call.service}:${call.method}`, 0);
      const said = answer(call, asked.length);
      if (said instanceof Error) throw said;
      const wrong = wrongIn(`${call.service} ${call.method}`, said);
      if (wrong.length > 0) throw new Error(wrong.join('; '));
      return Promise.resolve(said);
    },
    use: () => tally.use(),
    close: () => undefined,
  };
}
