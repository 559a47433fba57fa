import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, notHere } from './remote/by-place.ts';
import { renewThere } from './remote/certificate-renew.ts';

const kind = 'host.certificate-renew';
const params = z.strictObject({ host: hostParam });

/** Renews the certificate of a service on a host over SSH, by the way that the service names. */
export const certificateRenew = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Renew a certificate on a host over SSH by the unit or the certbot name that the service gives',
  // The old certificate stays valid until it ends. A repeat finds the new one, and does nothing.
  traits: { reversible: false, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: [
    'over SSH: a line of sudoers for the unit or certbot, and one to read the certificate where its folder is closed',
  ],
  ...byPlace(notHere(kind, 'Let a timer of this machine renew it.'), renewThere),
});
