import { afterEach, describe, expect, it } from 'vitest';

import { actionKinds } from '../../src/actions/index.ts';
import type { ActionKind } from '../../src/domain/ports/action.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { windowsHands } from '../support/windows-hands.ts';
import type { WindowsHands } from '../support/windows-hands.ts';
import { actionsOf, plays, recordedActions } from '../support/windows-recorded.ts';
import type { Played, RecordedActions } from '../support/windows-recorded.ts';

// Every kind, by the verb of its scripts, with what it says when it was done.
const kinds: readonly (readonly [name: string, verb: string, given: JsonObject, said: RegExp])[] = [
  ['windows.service-restart', 'service', {}, /restarted \(pid 5204\)/],
  ['windows.process-stop', 'process', {}, /ended/],
  ['windows.iis-apppool-recycle', 'pool', {}, /started, with 1 workers/],
  ['windows.iis-site-rollback', 'site', {}, /served from D:\\sites\\shop\\releases\\4\.9\.0/],
  ['windows.disk-reclaim', 'disk', { folder: 'D:\\shop\\logs' }, /12 files deleted, 734003200 bytes/],
  ['windows.time-resync', 'time', {}, /stratum [234]/],
  ['windows.host-reboot', 'reboot', {}, /it is back/],
];

describe.each(recordedActions)('a Windows host that answers as in %s', (name) => {
  const open: WindowsHands[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.remove();
  });
  const recorded: RecordedActions = actionsOf(name);

  const ready = async (kindName: string, given: JsonObject) => {
    const hands = await windowsHands();
    open.push(hands);
    const played: Played = plays(recorded);
    hands.server.behave(played.behave);
    const kind = actionKinds[kindName] as ActionKind;
    const parsed = kind.params.parse(given);
    if (!parsed.ok) throw new Error(parsed.issues[0]?.message);
    const observed = await kind.observe(parsed.value, hands.context());
    expect(kind.preview(parsed.value, observed).describe).not.toContain('?');
    return { kind, params: parsed.value, before: kind.before(parsed.value, observed), context: hands.context, played };
  };

  it.each(kinds)('%s is done, known to be done, and sent once', async (kindName, verb, given, said) => {
    const { kind, params, before, context, played } = await ready(kindName, given);
    expect(await kind.run(params, before, 'k', context())).toEqual(
      expect.objectContaining({ is: 'done', message: expect.stringMatching(said) as string }),
    );
    expect(await kind.probe(params, before, context(), 'k')).toMatchObject({ is: 'done' });
    // Sent again for the same plan it finds another than was looked at, or nothing left to do.
    expect((await kind.run(params, before, 'k', context())).is).toBe('done');
    expect(played.ran.filter((one) => one === `act ${verb}`)).toHaveLength(2);
  });

  it('windows.iis-site-rollback is undone, and is known to be', async () => {
    const { kind, params, before, context } = await ready('windows.iis-site-rollback', {});
    await kind.run(params, before, 'k', context());
    expect(await kind.undo(params, before, 'k-undo', context())).toEqual({
      is: 'done',
      message: 'the site is served from D:\\sites\\shop\\releases\\4.10.0',
    });
    expect(await kind.probe(params, before, context(), 'k')).toMatchObject({ is: 'not-done' });
  });

  it('refuses in its own words, whole, and what was refused did not happen', async () => {
    const { kind, params, before, context, played } = await ready('windows.service-restart', {});
    played.how = 'denied';
    const result = await kind.run(params, before, 'k', context());
    expect(result.is).toBe('failed');
    expect(result.message).toContain(`win-1 does not allow it: ${recorded.denied}`);
  });

  it('refuses the second half of a restart: nobody can tell what is left, and it is not called refused', async () => {
    const { kind, params, before, context, played } = await ready('windows.service-restart', {});
    played.how = 'denied-half-way';
    expect(await kind.run(params, before, 'k', context())).toMatchObject({ is: 'unknown' });
  });

  it.each(kinds)('%s whose answer is cut off is unknown, whatever stood on the error stream', async (...row) => {
    const [kindName, verb, given] = row;
    const { kind, params, before, context, played } = await ready(kindName, given);
    played.how = 'garbled';
    expect(await kind.run(params, before, 'k', context())).toMatchObject({ is: 'unknown' });
    played.how = 'well';
    // It did happen: a look finds that out, and it is not sent again for it.
    expect(await kind.probe(params, before, context(), 'k')).toMatchObject({ is: 'done' });
    expect(played.ran.filter((one) => one === `act ${verb}`)).toHaveLength(1);
  });
});
