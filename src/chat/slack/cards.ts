import { WatchkeeperError } from '../../lib/errors.ts';
import type { JsonObject } from '../../lib/json.ts';
import { saidBySlack } from '../../io/clients/slack.ts';
import { body, type CardPicture, type SlackMessage } from './blocks.ts';

/** How a message looks, with or without its picture. */
export type Draw = (picture?: CardPicture) => SlackMessage;

/**
 * Live messages, each named `CHANNEL:TS`. Edits of one go out one after the other, and each shows what was asked for last:
 * neither a picture that comes late nor an edit that was waiting brings back buttons that are gone.
 */
export interface Cards {
  /** A message stands, and looks so. */
  posted(ref: string, draw: Draw): void;
  /** Lets a message look so from now on. A picture that it cannot have any more is left out, and the edit stands. */
  show(ref: string, draw: Draw, signal: AbortSignal): Promise<void>;
  /** Puts a picture on a message. @throws when Slack does not take it; the message is then as it was. */
  picture(ref: string, picture: CardPicture, signal: AbortSignal): Promise<void>;
}

interface Card {
  draw: Draw;
  picture: CardPicture | undefined;
  /** The edit that is on its way, and those behind it. */
  last: Promise<unknown>;
}

const mostCards = 1_000;

/** Whether Slack refused a message for what is in its blocks: so it says of a file that is not there, or not yet. */
export function isOfBlocks(thrown: unknown): boolean {
  return saidBySlack(thrown) === 'invalid_blocks';
}

/** @param send calls a method of Slack's Web API. */
export function createCards(
  send: (method: string, message: JsonObject, signal: AbortSignal) => Promise<JsonObject>,
): Cards {
  const cards = new Map<string, Card>();
  const keep = (ref: string, draw: Draw): Card => {
    const known = cards.get(ref);
    if (known !== undefined) {
      known.draw = draw;
      return known;
    }
    const card: Card = { draw, picture: undefined, last: Promise.resolve() };
    cards.set(ref, card);
    const [oldest] = cards.keys();
    if (cards.size > mostCards && oldest !== undefined) cards.delete(oldest);
    return card;
  };
  const inTurn = (card: Card, work: () => Promise<void>): Promise<void> => {
    const done = card.last.then(work);
    card.last = done.catch(() => undefined);
    return done;
  };
  const update = async (ref: string, message: SlackMessage, signal: AbortSignal): Promise<void> => {
    const [channel = '', ts = ''] = ref.split(':');
    await send('chat.update', { channel, ts, ...body(message) }, signal);
  };
  return {
    posted: (ref, draw) => void keep(ref, draw),
    show: (ref, draw, signal) => {
      const card = keep(ref, draw);
      return inTurn(card, async () => {
        try {
          await update(ref, card.draw(card.picture), signal);
        } catch (thrown) {
          if (card.picture === undefined || !isOfBlocks(thrown)) throw thrown;
          // Somebody removed the file in Slack: better a card without it than none.
          card.picture = undefined;
          await update(ref, card.draw(), signal);
        }
      });
    },
    picture: (ref, picture, signal) => {
      const card = cards.get(ref);
      if (card === undefined)
        throw new WatchkeeperError('not-found', 'the message of the picture is not known any more');
      return inTurn(card, async () => {
        await update(ref, card.draw(picture), signal);
        card.picture = picture;
      });
    },
  };
}
