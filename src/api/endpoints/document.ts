import type { JsonObject } from '../../lib/json.ts';
import { endpoint, ok, type Endpoint } from '../endpoint.ts';
import { zJsonObject } from '../schemas/common.ts';

/** The endpoint that gives the OpenAPI document of the table it stands in. */
export function documentEndpoint(document: () => JsonObject): Endpoint {
  return endpoint({
    method: 'get',
    path: '/api/v1/openapi.json',
    id: 'getOpenApi',
    tag: 'about',
    summary: 'This document.',
    needs: 'read',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: zJsonObject } },
    handle: () => ok(document()),
  });
}
