import type { Channel } from '../domain/ports/channel.ts';
import type { Scrubber } from '../io/index.ts';
import type { Agent } from './facade.ts';

/**
 * The agent behind the scrubber (I13): what its windows (API, CLI) show holds text from outside, out of working state that
 * is not scrubbed itself. Parameters go in as they are; every answer that shows something comes out clean.
 */
export function scrubbedAgent(agent: Agent, scrubber: Scrubber): Agent {
  const clean = <T>(value: T): T => scrubber.value(value) as T;
  return {
    ...agent,
    status: () => clean(agent.status()),
    services: () => clean(agent.services()),
    service: (name) => clean(agent.service(name)),
    overview: () => clean(agent.overview()),
    runbooks: () => clean(agent.runbooks()),
    incidents: async (query) => clean(await agent.incidents(query)),
    charts: async (id) => clean(await agent.charts(id)),
    approval: async (...args) => clean(await agent.approval(...args)),
    incident: async (id) => clean(await agent.incident(id)),
    alerts: () => clean(agent.alerts()),
    approvals: () => clean(agent.approvals()),
    answer: async (...args) => clean(await agent.answer(...args)),
    request: async (...args) => clean(await agent.request(...args)),
    plan: async (...args) => clean(await agent.plan(...args)),
    announce: async (...args) => clean(await agent.announce(...args)),
    alertmanager: async (body) => clean(await agent.alertmanager(body)),
    metrics: async () => scrubber.text(await agent.metrics()),
    reload: async () => clean(await agent.reload()),
  };
}

/** A channel behind the scrubber: a notice quotes logs, changes and alerts. */
export function scrubbedChannel(channel: Channel, scrubber: Scrubber): Channel {
  return {
    id: channel.id,
    kind: channel.kind,
    traits: channel.traits,
    post: (notice, address, signal, thread) =>
      channel.post(scrubber.value(notice) as typeof notice, address, signal, thread),
    ...(channel.settled === undefined ? {} : { settled: channel.settled.bind(channel) }),
    ...(channel.listen === undefined ? {} : { listen: channel.listen.bind(channel) }),
    ...(channel.receive === undefined ? {} : { receive: channel.receive.bind(channel) }),
    check: (signal) => channel.check(signal),
    close: () => channel.close(),
  };
}
