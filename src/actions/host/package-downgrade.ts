import * as z from 'zod';

import { schemaOf } from '../../lib/schema.ts';
import { defineAction } from '../define-action.ts';
import { byPlace, hostParam, notHere } from './remote/by-place.ts';
import { downgradeThere } from './remote/package-downgrade.ts';

const kind = 'host.package-downgrade';
const params = z.strictObject({
  /** One of the packages that the service lists. */
  package: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}$/, 'must be the name of a package'),
  /** The exact version, as the package manager writes it. */
  to: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+:~^_-]{0,127}$/, 'must be a version'),
  host: hostParam,
});

/** Puts one package of a host over SSH back to an exact version, when that changes nothing else. */
export const packageDowngrade = defineAction<z.infer<typeof params>>({
  kind,
  summary: 'Put one package of a host over SSH back to an exact version that is at hand, and change nothing else',
  // A repeat finds the version there, and does nothing.
  traits: { reversible: true, idempotent: true, destructive: false, scope: 'service' },
  params: schemaOf(params),
  needs: [
    'over SSH: a line of sudoers for the package manager with this one package (watchkeeper permissions ssh; sudo 1.9.10)',
    'the version in the cache or a repository of the host',
  ],
  ...byPlace<z.infer<typeof params>>(
    notHere(kind, 'Leave packages of the machine that watches to people.'),
    downgradeThere,
  ),
});
