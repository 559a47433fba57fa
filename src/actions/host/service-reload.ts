import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, notHere } from './remote/by-place.ts';
import { reloadThere } from './remote/service-reload.ts';

const kind = 'host.service-reload';
const params = z.strictObject({ host: hostParam });

/** Lets a unit on a host over SSH read its configuration anew. */
export const serviceReload = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Let a systemd unit on a host over SSH read its configuration anew',
  // What was read is not forgotten again. A repeat finds that the unit's state changed since, and does nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: ['over SSH: a line of sudoers for systemctl reload of the unit (watchkeeper permissions ssh)'],
  ...byPlace(notHere(kind, 'Use host.process-signal with SIGHUP, or host.service-restart.'), reloadThere),
});
