import * as z from 'zod';

import { endpoint, ok } from '../endpoint.ts';

const zStream = z.unknown().meta({
  type: 'string',
  description:
    'Server-sent events: "hello" first, then one for each new entry of the ledger, named as its type. "reset": look at everything anew.',
});

/** News as it happens. */
export const events = endpoint({
  method: 'get',
  path: '/api/v1/events',
  id: 'listenToEvents',
  tag: 'watch',
  summary: 'News as it happens: server-sent events, one for each new entry of the ledger.',
  description:
    'An id is the number of an entry; with Last-Event-ID what was missed comes first, after a restart too, and "reset" when that is too much. Ends when the credentials no longer hold.',
  needs: 'read',
  answers: { 200: { description: 'The stream.', schema: zStream, type: 'text/event-stream' } },
  handle: ({ feed, who, holds, header }) => ok(feed.listen({ who, holds, lastEventId: header('last-event-id') })),
});
