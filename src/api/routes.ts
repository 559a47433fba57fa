import type { Context, Hono } from 'hono';

import type { Accepted, Agent } from '../agent/index.ts';
import { WatchkeeperError } from '../lib/errors.ts';
import { answerBody, exportBody, parseBody, planBody, reasonBody } from './bodies.ts';
import { bodyOf, countIn, type Env } from './request.ts';
import { needs } from './roles.ts';

/** Everything that can be looked at. */
export function reading(app: Hono<Env>, agent: Agent): void {
  app.get('/api/v1/status', needs('read'), (c) => c.json(agent.status()));
  app.get('/api/v1/services', needs('read'), (c) => c.json({ services: agent.services() }));
  app.get('/api/v1/alerts', needs('read'), (c) => c.json({ alerts: agent.alerts() }));
  app.get('/api/v1/approvals', needs('read'), (c) => c.json({ approvals: agent.approvals() }));
  app.get('/api/v1/policy/matrix', needs('read'), (c) => c.json({ rows: agent.matrix() }));
  app.get('/api/v1/incidents', needs('read'), async (c) =>
    c.json({ incidents: await agent.incidents({ limit: countIn(c, 'limit', 50), all: c.req.query('all') === '1' }) }),
  );
  app.get('/api/v1/incidents/:id', needs('read'), async (c) => {
    const found = await agent.incident(c.req.param('id'));
    if (found) return c.json(found);
    throw new WatchkeeperError('not-found', `no incident ${c.req.param('id')}`, {
      fix: 'List them with "watchkeeper incidents --all"; of one that is no longer kept, "watchkeeper ledger show --incident ID" has the entries.',
    });
  });
  app.get('/api/v1/ledger', needs('read'), async (c) => c.json(await agent.ledger()));
  app.get('/api/v1/ledger/entries', needs('read'), async (c) =>
    c.json({
      entries: await agent.ledgerEntries(countIn(c, 'from', 0, Number.MAX_SAFE_INTEGER), countIn(c, 'limit', 100)),
    }),
  );
  app.get('/api/v1/ledger/proof/:seq', needs('read'), async (c) => {
    const seq = Number(c.req.param('seq'));
    if (!Number.isSafeInteger(seq) || seq < 0)
      throw new WatchkeeperError('malformed', 'an entry is named by its sequence number');
    return c.text(await agent.ledgerProof(seq));
  });
}

/** Everything by which somebody steers the watch. Each is recorded under the caller's name (I15). */
export function acting(app: Hono<Env>, agent: Agent): void {
  app.post('/api/v1/approvals/:id', needs('answer'), async (c) => {
    const body = parseBody(answerBody, await bodyOf(c));
    const result = await agent.answer(c.req.param('id'), c.get('who'), body.verdict, 'api', body.comment);
    return c.json(result, result.is === 'recorded' ? 200 : 409);
  });
  app.post('/api/v1/pause', needs('pause'), async (c) => {
    await agent.pause(c.get('who'), parseBody(reasonBody, await bodyOf(c)).reason);
    return c.json({ paused: true });
  });
  app.post('/api/v1/resume', needs('resume'), async (c) => {
    await agent.resume(c.get('who'), parseBody(reasonBody, await bodyOf(c)).reason);
    return c.json({ paused: false });
  });
  app.post('/api/v1/plan', needs('plan'), async (c) => {
    const body = parseBody(planBody, await bodyOf(c));
    return c.json(await agent.plan(body.runbook, body.service, body.params));
  });
  app.post('/api/v1/reload', needs('reload'), async (c) => c.json(await agent.reload()));
  app.post('/api/v1/ledger/export', needs('export'), async (c) =>
    c.json(await agent.ledgerExport(parseBody(exportBody, await bodyOf(c)).folder)),
  );
}

/** Where others tell us things. */
export function feeding(app: Hono<Env>, agent: Agent): void {
  app.post('/api/v1/changes', needs('feed'), async (c) =>
    accepted(c, await agent.announce(await bodyOf(c), c.get('who'))),
  );
  app.post('/api/v1/webhooks/alertmanager', needs('feed'), async (c) =>
    accepted(c, await agent.alertmanager(await bodyOf(c))),
  );
}

function accepted(c: Context<Env>, result: Accepted): Response {
  return c.json(result, result.accepted === 0 && result.problems.length > 0 ? 400 : 202);
}
