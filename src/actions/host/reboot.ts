import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, notHere } from './remote/by-place.ts';
import { rebootThere } from './remote/reboot.ts';

const kind = 'host.reboot';
const params = z.strictObject({ host: hostParam });

/** Reboots a host over SSH and waits until it is back. */
export const reboot = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Reboot a host over SSH, and wait until it is back',
  // A repeat finds another boot than the one that was to end, and does nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'host' },
  params: schemaOf(params),
  needs: ['over SSH: a line of sudoers for systemctl reboot (watchkeeper permissions ssh)'],
  ...byPlace(notHere(kind, 'The machine that watches cannot see itself come back: leave it to people.'), rebootThere),
});
