import * as z from 'zod';

import { WatchkeeperError } from '../../lib/errors.ts';
import { schemaOf } from '../../lib/schema.ts';
import { editAction } from './edit.ts';
import { ownerOf, recentWriter } from './owners.ts';
import { operatorAt, placeOf, workloadParam, workloadTarget } from './place.ts';
import { at, records, text } from './read.ts';
import { collections } from './resources.ts';

const params = z.strictObject(workloadParam);

/** Keeps a CronJob from starting Jobs. Those that run go on. Undo lets it start them again. */
export const cronJobSuspend = editAction<z.infer<typeof params>>({
  kind: 'kubernetes.cronjob-suspend',
  summary: 'Keep a CronJob from starting Jobs; undo lets it start them again',
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  access: [{ in: 'namespace', group: 'batch', resources: ['cronjobs'], verbs: ['get', 'patch'] }],
  target: ({ workload }, service) => workloadTarget(placeOf(service, ['CronJob'], workload), service),
  look: async ({ workload }, context) => {
    const place = placeOf(context.service, ['CronJob'], workload);
    const cluster = operatorAt(place, context);
    const { name } = place.workload;
    const object = await cluster.get(collections.cronjobs, { namespace: place.namespace, name }, context.signal);
    if (object === undefined) throw new WatchkeeperError('not-found', `there is no CronJob ${place.namespace}/${name}`);
    const suspended = at(object, 'spec', 'suspend') === true;
    return {
      cluster,
      facts: {
        cluster: place.cluster,
        namespace: place.namespace,
        workload: name,
        suspended,
        schedule: text(at(object, 'spec', 'schedule')),
        active: records(at(object, 'status', 'active')).length,
        owner: ownerOf(object) ?? '',
      },
      blast: {
        touched: 1,
        total: 1,
        healthyAfter: 0,
        healthyNow: 0,
        targets: [`CronJob ${place.namespace}/${name}`],
        dependents: [],
      },
      busy: recentWriter(object, ['f:spec'], context.io.clock.nowMs()),
      wish: suspended
        ? { refused: `CronJob ${name} is suspended already` }
        : { collection: 'cronjobs', object, will: { is: 'fields', fields: { spec: { suspend: true } } } },
    };
  },
  describe: (_params, { target, facts }) => `keep CronJob ${target.id} (${text(facts['schedule'])}) from starting Jobs`,
});
