import { timingSafeEqual } from 'node:crypto';

import { sha256Hex } from '../../lib/canonical.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { oneLine } from '../../lib/text.ts';
import type { Principal } from '../../domain/authority.ts';
import type { Channel, Ear, InboundReply, InboundRequest } from '../../domain/ports/channel.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import { pressOf, type Press } from './buttons.ts';
import type { MattermostConfig } from './config.ts';

const operatorGroup = 'chat:operators';

/** Takes presses of buttons and slash commands. What carries neither our signature nor the command's token is refused. */
export function receiving(id: string, config: MattermostConfig, io: ReaderIo): NonNullable<Channel['receive']> {
  const whoIs = (userId: Json | undefined): Principal | undefined =>
    typeof userId === 'string' && /^[a-z0-9]{26}$/.test(userId)
      ? { id: `${id}:${userId}`, groups: config.operators.includes(userId) ? [operatorGroup] : [] }
      : undefined;
  return async (request, ear, signal) => {
    const refuse = async (because: string): Promise<InboundReply> => {
      await ear.refused('unknown', 'request', because);
      return reply(401, { ephemeral_text: 'That was not accepted.' });
    };
    const read = readRequest(request);
    if (read === undefined) return reply(400, {});
    if (read.is === 'command') {
      const token = config.commandToken === undefined ? '' : await io.secrets.resolve(config.commandToken, signal);
      const who = whoIs(read.form['user_id']);
      if (!same(read.form['token'] ?? '', token)) return refuse('the token of the command is wrong');
      if (who === undefined) return refuse('it names nobody');
      const text = await ear.command(read.form['text'] ?? '', who);
      return reply(200, { response_type: 'ephemeral', text: block(text) });
    }
    const secret = config.secret === undefined ? '' : await io.secrets.resolve(config.secret, signal);
    const press = pressOf(objectAt(read.body['context']), secret);
    const who = whoIs(read.body['user_id']);
    if (press === undefined) return refuse('the button was not signed by us');
    if (who === undefined) return refuse('it names nobody');
    if (press.conversation !== read.body['channel_id']) {
      await ear.refused(who.id, press.what, 'it was pressed in another conversation than it was shown in');
      return reply(200, { ephemeral_text: 'That button belongs to another conversation.' });
    }
    return pressed(press, who, ear, io.clock.nowMs());
  };
}

async function pressed(press: Press, who: Principal, ear: Ear, nowMs: number): Promise<InboundReply> {
  const { what, subject, incident } = press;
  switch (what) {
    case 'approve':
    case 'deny': {
      const answer = await ear.answer({ who, about: subject, verdict: what, shownOn: incident });
      if (answer.is === 'refused' || !answer.settled) return reply(200, { ephemeral_text: plain(answer.message) });
      const at = new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ');
      const outcome = `${what === 'approve' ? 'Approved' : 'Denied'} by ${who.id} at ${at} UTC. ${answer.message}`;
      // The buttons give way to what was decided.
      return reply(200, { update: { message: block(oneLine(outcome, 500)), props: { attachments: [] } } });
    }
    case 'snooze':
      return reply(200, { ephemeral_text: block(await ear.command(`snooze ${incident} 1h from Mattermost`, who)) });
    case 'hand-over':
    case 'explain':
      return reply(200, { ephemeral_text: block(await ear.command(`${what} ${incident}`, who)) });
    case 'pause':
      return reply(200, {
        ephemeral_text: block(await ear.command(`pause asked for in Mattermost on incident ${incident}`, who)),
      });
  }
}

type Read =
  | { readonly is: 'press'; readonly body: JsonObject }
  | { readonly is: 'command'; readonly form: Readonly<Record<string, string>> };

function readRequest({ headers, body }: InboundRequest): Read | undefined {
  const text = new TextDecoder().decode(body);
  if (/^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? ''))
    return { is: 'command', form: Object.fromEntries(new URLSearchParams(text)) };
  try {
    return { is: 'press', body: objectAt(JSON.parse(text) as Json) };
  } catch {
    return undefined;
  }
}

// Digests of the same length are compared, so that neither time nor length tells anything. An empty token never counts.
function same(given: string, wanted: string): boolean {
  if (wanted === '') return false;
  return timingSafeEqual(Buffer.from(sha256Hex(given)), Buffer.from(sha256Hex(wanted)));
}

function block(text: string): string {
  return `\`\`\`\n${plain(text).slice(0, 8_000)}\n\`\`\``;
}

function plain(text: string): string {
  return text.replace(/`/g, "'");
}

function reply(status: number, body: JsonObject): InboundReply {
  return { status, type: 'application/json', body: JSON.stringify(body) };
}

function objectAt(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
