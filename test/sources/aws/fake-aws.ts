import type { AwsCall, AwsReader } from '../../../src/domain/ports/aws.ts';
import { createMeter } from '../../../src/io/clients/aws/cost.ts';
import type { JsonObject } from '../../../src/lib/json.ts';

/** An AWS that answers as a test says, and remembers what it was asked. */
export function fakeAws(answer: (call: AwsCall) => JsonObject | Error): AwsReader & { readonly asked: AwsCall[] } {
  const meter = createMeter();
  const asked: AwsCall[] = [];
  return {
    asked,
    ask: (call) => {
      asked.push(call);
      meter.count(call);
      const said = answer(call);
      return said instanceof Error ? Promise.reject(said) : Promise.resolve(said);
    },
    use: () => meter.use(),
    close: () => undefined,
  };
}
