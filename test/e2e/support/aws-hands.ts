import type { ActionContext } from '../../../src/domain/ports/action.ts';
import type { OperatorIo } from '../../../src/domain/ports/io.ts';
import type { AwsResource } from '../../../src/domain/places.ts';
import { sdkServices } from '../../../src/io/clients/aws/modules.ts';
import { makeOperatorIo, systemClock, systemRandom } from '../../../src/io/index.ts';
import type { Json } from '../../../src/lib/json.ts';
import type { Stage } from '../../contract/action.ts';
import { serviceOn } from '../../support/aws-operator.ts';
import { recordingLog } from '../../support/quiet-log.ts';
import { startAwsHand, startMoto, type AwsHand } from '../peers/moto.ts';
import { accountId, startAwsFront, type AwsFront } from './aws-front.ts';

/** moto, somebody else's client of it, and our hands, whose session policies are judged. */
export interface AwsHands {
  readonly hand: AwsHand;
  readonly front: AwsFront;
  readonly io: OperatorIo;
  /** A stage on a resource. `world` is everything that a look could have changed. */
  stage(resource: AwsResource, params: Json, world: () => Promise<unknown>): Stage;
  close(): Promise<void>;
}

const writes = new Set(Object.values(sdkServices).flatMap(({ iam, writes: all }) => all.map((one) => `${iam}:${one}`)));

/** Starts all of it, with a role to act with in the one account. */
export async function startAwsHands(documents: readonly string[] = []): Promise<AwsHands> {
  process.env['AWS_ACCESS_KEY_ID'] = 'daemon';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'daemon';
  const moto = await startMoto();
  const hand = startAwsHand(moto.url);
  const judge = startAwsHand(moto.url);
  const front = await startAwsFront(moto.url, judge);
  const ambient = {
    ...{ clock: systemClock, random: systemRandom, log: recordingLog() },
    secrets: { resolve: () => Promise.reject(new Error('no secrets here')) },
  };
  const roleArn = `arn:aws:iam::${accountId}:role/operator`;
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
  };
  await hand.ask('iam', 'create_role', { RoleName: 'operator', AssumeRolePolicyDocument: JSON.stringify(trust) });
  const io = makeOperatorIo(ambient, '/usr/bin', {
    aws: [{ source: 'aws', endpoint: front.url, accounts: [{ name: 'default', roleArn }], documents }],
  });
  return {
    ...{ hand, front, io },
    stage: (resource, params, world) => {
      const before = front.called.length;
      return {
        ...{ params, world, restorable: world, remove: () => Promise.resolve() },
        context: (signal = new AbortController().signal, timeoutMs = 30_000): ActionContext => ({
          ...{ service: serviceOn(resource), io, signal, epoch: 1, timeoutMs },
        }),
        effects: () =>
          Promise.resolve(
            front.called.slice(before).filter(({ action, allowed }) => allowed && writes.has(action)).length,
          ),
      };
    },
    close: async () => {
      for (const one of [hand, judge]) one.close();
      await front.close();
      await moto.stop();
    },
  };
}
