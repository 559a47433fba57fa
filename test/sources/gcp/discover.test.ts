import { describe, expect, it } from 'vitest';

import type { GcpCall } from '../../../src/domain/ports/gcp.ts';
import { WatchkeeperError } from '../../../src/lib/errors.ts';
import type { JsonObject } from '../../../src/lib/json.ts';
import { createDiscovery, type Discovery } from '../../../src/sources/gcp/discover.ts';
import { gcpConfig } from '../../../src/sources/gcp/schema.ts';
import { fakeGcp } from './fake-gcp.ts';

const never = new AbortController().signal;

function discoveryOf(answer: (call: GcpCall) => JsonObject | Error): Discovery {
  const parsed = gcpConfig.parse({ projects: [{ id: 'shop-prod' }, { id: 'mail-prod' }], locations: ['europe-west1'] });
  if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
  return createDiscovery('gcp', parsed.value, fakeGcp(answer));
}

/** A service of Cloud Run that is called as its project. */
function listed(call: GcpCall): JsonObject {
  if (call.service !== 'run') return {};
  const name = `projects/${call.project ?? ''}/locations/europe-west1/services/web`;
  return { services: [{ name, labels: { 'watchkeeper-service': call.project ?? '' } }] };
}

const named = async (discovery: Discovery): Promise<readonly string[]> =>
  (await discovery.find(never)).map(({ name }) => name).sort();

describe('discovery in Google Cloud', () => {
  it('takes an API that is not enabled for nothing of it, whichever it is', async () => {
    for (const off of ['run', 'compute', 'sql']) {
      const reason = { response: { status: 403, data: { error: { details: [{ reason: 'SERVICE_DISABLED' }] } } } };
      const cause = Object.assign(new Error('disabled'), reason);
      const refused = new WatchkeeperError('forbidden', 'the API is not enabled', { cause });
      const discovery = discoveryOf((call) =>
        call.service === off && call.project === 'shop-prod' ? refused : listed(call),
      );
      expect(await named(discovery)).toEqual(off === 'run' ? ['mail-prod'] : ['mail-prod', 'shop-prod']);
      expect(discovery.gaps(0)).toEqual([]);
    }
  });

  it('keeps what a project had while it does not answer, finds the others, and tells which one it was', async () => {
    let isAway = true;
    const away = new WatchkeeperError('unreachable', 'no route');
    const discovery = discoveryOf((call) => (isAway && call.project === 'shop-prod' ? away : listed(call)));
    expect(await named(discovery)).toEqual(['mail-prod']);
    expect(discovery.gaps(7)).toEqual([
      {
        ...{ source: 'gcp', signal: 'services', reason: 'unreachable', fromMs: 7, untilMs: 7 },
        message: 'the services of shop-prod are those that were last known: no route',
      },
    ]);
    isAway = false;
    expect(await named(discovery)).toEqual(['mail-prod', 'shop-prod']);
    expect(discovery.gaps(7)).toEqual([]);
    isAway = true;
    expect(await named(discovery)).toEqual(['mail-prod', 'shop-prod']);
  });

  it('says that it cannot tell where no project answers', async () => {
    await expect(discoveryOf(() => new WatchkeeperError('forbidden', 'no')).find(never)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('does not take the pages that are read of a list for the whole of it', async () => {
    const discovery = discoveryOf((call) => ({
      ...listed(call),
      ...(call.service === 'run' && call.project === 'shop-prod' ? { nextPageToken: 'more' } : {}),
    }));
    expect(await named(discovery)).toEqual(['mail-prod']);
    expect(discovery.gaps(0)).toMatchObject([{ reason: 'too-large' }]);
  });
});
