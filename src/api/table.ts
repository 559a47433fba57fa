import type { JsonObject } from '../lib/json.ts';
import type { Endpoint } from './endpoint.ts';
import { asking } from './endpoints/asking.ts';
import { documentEndpoint, logout, whoami } from './endpoints/document.ts';
import { events } from './endpoints/events.ts';
import { feeding } from './endpoints/feeding.ts';
import { ledger } from './endpoints/ledger.ts';
import { looking } from './endpoints/looking.ts';
import { policy } from './endpoints/policy.ts';
import { probes } from './endpoints/probes.ts';
import { steering } from './endpoints/steering.ts';
import { openApi } from './openapi.ts';

let document: JsonObject | undefined;

/** Every endpoint there is. A new one stands in a file of `endpoints/`, and its list here. */
export const table: readonly Endpoint[] = [
  ...probes,
  documentEndpoint(openApiDocument),
  whoami,
  logout,
  events,
  ...looking,
  ...policy,
  ...ledger,
  ...steering,
  ...asking,
  ...feeding,
];

/** The OpenAPI document of the table. */
export function openApiDocument(): JsonObject {
  document ??= openApi(table);
  return document;
}
