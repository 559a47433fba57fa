import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Alert, Incident } from '../../src/domain/alert.ts';
import { incidentMuteReason, muteReason, stepIncidents } from '../../src/incidents/index.ts';
import type { Graph, IncidentEvent, IncidentStep, Silence } from '../../src/incidents/index.ts';
import { alert, graphOf, minute } from './worlds.ts';

const shop = graphOf({ web: ['cart', 'search'], cart: ['db'], search: ['db'], mail: [] });

/** Steps one minute at a time over lists of firing alerts; ids are i1, i2, ... */
const world = (graph: Graph = shop, more: Partial<IncidentStep> = {}) => {
  let incidents: readonly Incident[] = [];
  let named = 0;
  let asOfMs = 0;
  const events: IncidentEvent[] = [];
  return {
    step: (alerts: readonly Alert[], elapsedMs = minute): readonly Incident[] => {
      asOfMs += elapsedMs;
      const next = stepIncidents(incidents, {
        ...{ alerts, transitions: [], graph, changes: [], asOfMs, elapsedMs },
        newId: () => `i${++named}`,
        ...more,
      });
      incidents = next.incidents;
      events.push(...next.events);
      return incidents;
    },
    open: () => incidents.filter((incident) => incident.status !== 'resolved'),
    events,
  };
};

describe('resolved incidents', () => {
  test('are remembered up to a number, the newest, however many come and go', () => {
    const { step } = world(graphOf({}), { settings: { maxRemembered: 3, graceMs: 0 } });
    for (let n = 0; n < 8; n++) {
      step([alert({ service: `s${n}` })]);
      step([]);
      step([]);
    }
    expect(step([]).map(({ id, status }) => `${id} ${status}`)).toEqual(['i6 resolved', 'i7 resolved', 'i8 resolved']);
  });
});

describe('grouping', () => {
  test('puts alerts of one service into one incident', () => {
    const { step } = world();
    const incidents = step([alert({ service: 'mail' }), alert({ service: 'mail', labels: { instance: '2' } })]);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({ service: 'mail', services: ['mail'], status: 'open' });
    expect(incidents[0]?.alerts).toHaveLength(2);
  });

  test('a dependent joins the incident of what it depends on, which is the root', () => {
    const { step, events } = world();
    step([alert({ service: 'web', startsAtMs: 0 })]);
    const incidents = step([alert({ service: 'web', startsAtMs: 0 }), alert({ service: 'db', startsAtMs: minute })]);
    expect(incidents).toHaveLength(1);
    expect(incidents[0]).toMatchObject({ service: 'db', services: ['db', 'web'] });
    expect(incidents[0]?.title).toMatch(/^db \(and 1 more service\): errors/);
    expect(events.map((event) => event.kind)).toEqual(['opened', 'joined', 'moved']);
  });

  test('two services that share only a healthy dependency stay apart', () => {
    expect(world().step([alert({ service: 'cart' }), alert({ service: 'search' })])).toHaveLength(2);
  });

  test('open incidents found to be connected are merged into the oldest, and both say so', () => {
    const { step, open } = world();
    const cart = alert({ service: 'cart' });
    const search = alert({ service: 'search', startsAtMs: 1 });
    step([cart]);
    step([cart, search]);
    expect(open()).toHaveLength(2);
    const incidents = step([cart, search, alert({ service: 'db', startsAtMs: 2 * minute })]);
    expect(open()).toHaveLength(1);
    expect(open()[0]).toMatchObject({ id: 'i1', services: ['cart', 'db', 'search'], service: 'db' });
    expect(incidents.find((incident) => incident.id === 'i2')).toMatchObject({ status: 'resolved', mergedInto: 'i1' });
    expect(incidents.flatMap((incident) => incident.timeline).filter((line) => line.kind === 'merged')).toHaveLength(2);
  });

  test('shadow alerts make shadow incidents, apart from the active ones', () => {
    const incidents = world().step([
      alert({ service: 'mail' }),
      alert({ service: 'mail', fingerprint: 'x', mode: 'shadow' }),
    ]);
    expect(incidents.map((incident) => incident.mode).sort()).toEqual(['active', 'shadow']);
  });

  test('pending alerts open nothing', () => {
    expect(world().step([alert({ status: 'pending' })])).toEqual([]);
  });

  test('the severity is the gravest so far', () => {
    const { step } = world();
    step([alert({ service: 'db' })]);
    expect(step([alert({ service: 'db' }), alert({ service: 'cart', severity: 'critical' })])[0]?.severity).toBe(
      'critical',
    );
    expect(step([alert({ service: 'db' })])[0]?.severity).toBe('critical');
  });

  test('recent changes of its services stand on the timeline, text from outside flattened', () => {
    const change = {
      ...{
        id: 'c',
        kind: 'deploy' as const,
        service: 'mail',
        atMs: 0,
        what: 'current',
        from: 'v1',
        to: 'v2\n\u001b[31mALL CLEAR',
      },
      ...{ source: 'host', attributes: {} },
    };
    const lines = world(shop, { changes: [change] }).step([alert({ service: 'mail' })])[0]?.timeline ?? [];
    expect(lines[0]).toMatchObject({ kind: 'change', text: 'deploy of mail v1 -> v2 [31mALL CLEAR' });
  });
});

describe('the end of an incident', () => {
  const mail = alert({ service: 'mail' });

  test('comes with the end of its alerts, after a grace', () => {
    const { step, events } = world();
    step([mail]);
    expect(step([{ ...mail, status: 'resolved' }])[0]?.status).toBe('open');
    expect(step([{ ...mail, status: 'resolved' }])[0]?.status).toBe('resolved');
    expect(events.map((event) => event.kind)).toEqual(['opened', 'quiet', 'resolved']);
  });

  test('does not come when an alert returns within the grace', () => {
    const { step, events } = world();
    step([mail]);
    step([{ ...mail, status: 'resolved' }]);
    expect(step([mail])[0]).toMatchObject({ status: 'open', quietForMs: 0 });
    expect(events.at(-1)?.kind).toBe('returned');
  });

  test('does not come while an alert is unknown', () => {
    const { step } = world();
    step([mail]);
    for (let at = 0; at < 100; at++) step([{ ...mail, unknownSinceMs: 0 }]);
    expect(step([{ ...mail, unknownSinceMs: 0 }])[0]?.status).toBe('open');
  });

  test('is final: what comes back is a new incident that names the old', () => {
    const { step, open } = world();
    step([mail]);
    step([]);
    step([]);
    step([mail]);
    expect(open()).toMatchObject([{ id: 'i2', recurrenceOf: 'i1' }]);
  });
});

describe('a storm', () => {
  const many = Array.from({ length: 20 }, (_, at) => `s${at}`);
  const graph = graphOf({}, many);

  test('of many services at once is one incident, until it is over', () => {
    const { step, open } = world(graph);
    step(many.slice(0, 3).map((service) => alert({ service })));
    expect(open()).toHaveLength(3);
    const incidents = step(many.slice(0, 8).map((service) => alert({ service })));
    expect(open()).toHaveLength(1);
    expect(open()[0]).toMatchObject({ storm: true, title: expect.stringContaining('8 of 20 services') });
    expect(incidents.filter((incident) => incident.mergedInto === open()[0]?.id)).toHaveLength(2);
    step(many.slice(0, 1).map((service) => alert({ service })));
    expect(open()).toHaveLength(1);
  });

  test('is not made of ills that began long apart', () => {
    const { step, open } = world(graph);
    step(many.slice(0, 8).map((service, at) => alert({ service, firingAtMs: -at * 60 * minute })));
    expect(open()).toHaveLength(8);
  });

  test('of ten thousand alerts stays one bounded incident', () => {
    const services = Array.from({ length: 2_000 }, (_, at) => `s${at}`);
    const alerts = Array.from({ length: 10_000 }, (_, at) =>
      alert({ service: `s${at % 2_000}`, fingerprint: `f${at}` }),
    );
    const { step, open } = world(graphOf({}, services));
    step(alerts);
    step(alerts);
    expect(open()).toHaveLength(1);
    expect(open()[0]?.timeline.length).toBeLessThanOrEqual(1_000);
    expect(open()[0]?.timeline.some((line) => line.kind === 'omitted')).toBe(true);
    expect(open()[0]?.alerts).toHaveLength(10_000);
  });
});

describe('any history', () => {
  const names = ['web', 'cart', 'search', 'db', 'mail'];
  const history = fc.array(fc.uniqueArray(fc.nat(9), { maxLength: 10 }), { maxLength: 12 });
  const alertOf = (at: number): Alert =>
    alert({ service: names[at % 5]!, fingerprint: `f${at}`, mode: at >= 8 ? 'shadow' : 'active', startsAtMs: at });

  test('loses no firing alert, holds each in exactly one open incident, and replays the same in any order', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const one = world();
        const two = world();
        for (const firing of steps) {
          const alerts = firing.map(alertOf);
          one.step(alerts);
          two.step([...alerts].reverse());
          expect(two.open()).toEqual(one.open());
          for (const { fingerprint } of alerts)
            expect(one.open().filter((incident) => incident.alerts.includes(fingerprint))).toHaveLength(1);
          const held = one.open().flatMap((incident) => incident.alerts);
          expect(new Set(held).size).toBe(held.length);
        }
        expect(two.events).toEqual(one.events);
      }),
    );
  });
});

describe('muting', () => {
  const silence: Silence = { id: 's', selector: { service: 'mail' }, untilMs: 10, by: 'ana', reason: 'planned work' };
  const context = { alerts: [], silences: [], graph: shop, asOfMs: 0 };

  test('an alert pages unless something says otherwise', () => {
    expect(muteReason(alert({}), context)).toBeUndefined();
  });

  test('a silence ends by itself, and says who and why', () => {
    const muted = { ...context, silences: [silence] };
    expect(muteReason(alert({ service: 'mail' }), muted)?.text).toContain('by ana');
    expect(muteReason(alert({ service: 'mail' }), { ...muted, asOfMs: 10 })).toBeUndefined();
    expect(muteReason(alert({ service: 'cart' }), muted)).toBeUndefined();
  });

  test('a dependent is inhibited by what it hangs on, while that is known to be alight and as grave', () => {
    const db = alert({ service: 'db' });
    const reason = (cause: Alert) => muteReason(alert({ service: 'cart' }), { ...context, alerts: [cause] })?.kind;
    expect(reason(db)).toBe('inhibited');
    expect(reason({ ...db, severity: 'info' })).toBeUndefined();
    expect(reason({ ...db, status: 'resolved' })).toBeUndefined();
    expect(reason({ ...db, unknownSinceMs: 0 })).toBeUndefined();
    expect(reason({ ...db, mode: 'shadow' })).toBeUndefined();
  });

  test('an incident is muted only when each of its firing alerts is', () => {
    const { step, open } = world();
    const mail = alert({ service: 'mail' });
    const other = alert({ service: 'mail', fingerprint: 'x', severity: 'critical' });
    step([mail, other]);
    const silences = [{ ...silence, selector: { severity: 'warning' } }];
    expect(incidentMuteReason(open()[0]!, { ...context, silences, alerts: [mail, other] })).toBeUndefined();
    expect(incidentMuteReason(open()[0]!, { ...context, silences, alerts: [mail] })?.kind).toBe('silence');
  });

  test('a shadow incident never pages', () => {
    const { step, open } = world();
    step([alert({ service: 'mail', mode: 'shadow' })]);
    expect(incidentMuteReason(open()[0]!, context)?.kind).toBe('shadow');
  });
});
