import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, notHere } from './remote/by-place.ts';
import { resyncThere } from './remote/time-resync.ts';

const kind = 'host.time-resync';
const params = z.strictObject({ host: hostParam });

/** Starts what keeps a host's time anew, and waits until its clock is synchronised. */
export const timeResync = defineAction<z.infer<typeof params>>({
  kind,
  summary:
    'Start what keeps the time of a host over SSH anew (chrony, timesyncd), and wait until its clock is synchronised',
  // A clock that was put right is not put wrong again. A repeat finds another run, and does nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'host' },
  params: schemaOf(params),
  needs: ['over SSH: a line of sudoers for systemctl restart of what keeps the time (watchkeeper permissions ssh)'],
  ...byPlace(notHere(kind, 'Restart the time service of this machine as a service of its own.'), resyncThere),
});
