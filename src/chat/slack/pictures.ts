import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { Notice } from '../../domain/ports/channel.ts';
import type { Clock, ReaderIo } from '../../domain/ports/io.ts';
import type { SlackApi } from '../../io/clients/slack.ts';
import { chartInWords } from '../chart.ts';
import { drawn } from '../picture.ts';
import { isOfBlocks, type Cards } from './cards.ts';
import { createLane, type Lane } from './lane.ts';

/** Puts charts onto the cards that stand already. */
export interface Pictures {
  /** The chart of this notice belongs on this message. Nothing waits for it, and nothing fails by it. */
  add(ref: string, notice: Notice, lane: Lane): void;
}

// Slack takes a file in on its own time and says nothing when it has: until then a message that shows it is refused.
const patience = [1_000, 2_000, 4_000, 8_000, 16_000] as const;
// Two calls a picture, of which Slack takes a hundred a minute.
const everyMs = 1_500;
const mostWaiting = 200;

/**
 * A picture is drawn here, uploaded without being shared anywhere (so only who sees the card sees it), and put on the card by an
 * edit in the conversation's own lane, when nothing else waits there. Of a message only the newest chart is drawn.
 *
 * @param closing when it fires nothing more is sent.
 */
export function createPictures(
  api: SlackApi,
  io: Pick<ReaderIo, 'clock' | 'log' | 'http'>,
  cards: Cards,
  closing: AbortSignal,
): Pictures {
  const uploads = createLane(io.clock, everyMs, closing);
  const newest = new Map<string, Notice>();
  const attempt = async (ref: string, lane: Lane): Promise<void> => {
    const notice = newest.get(ref);
    newest.delete(ref);
    if (notice?.chart === undefined) return;
    const png = await drawn(notice, io.log, closing);
    if (png === undefined) return;
    const picture = { id: await upload(api, io, png, closing), alt: chartInWords(notice.chart) };
    // Not awaited: the next picture need not wait until Slack has taken this one in.
    place(io.clock, lane, () => cards.picture(ref, picture, closing), closing).catch(failed);
  };
  const failed = (thrown: unknown): void => {
    if (!closing.aborted)
      io.log.warn('a chart could not be put onto its card', { error: WatchkeeperError.from(thrown) });
  };
  return {
    add: (ref, notice, lane) => {
      if (notice.chart === undefined) return;
      const due = newest.has(ref);
      if (!due && newest.size >= mostWaiting) return;
      newest.set(ref, notice);
      if (!due) uploads.add({ when: 'usual', run: () => attempt(ref, lane).catch(failed) });
    },
  };
}

async function place(clock: Clock, lane: Lane, put: () => Promise<void>, signal: AbortSignal): Promise<void> {
  let refused: unknown;
  for (const waitMs of patience) {
    await clock.sleep(waitMs, signal);
    try {
      await new Promise<void>((resolve, reject) => {
        lane.add({ when: 'later', run: () => put().then(resolve, reject) });
      });
      return;
    } catch (thrown) {
      if (!isOfBlocks(thrown) && WatchkeeperError.from(thrown).code !== 'rate-limited') throw thrown;
      refused = thrown;
    }
  }
  throw refused;
}

// As Slack's Web API has it since 2025: asked for an address, sent there, and completed; not shared with a conversation.
async function upload(
  api: SlackApi,
  io: Pick<ReaderIo, 'http'>,
  png: Uint8Array,
  signal: AbortSignal,
): Promise<string> {
  const place = await api.call('files.getUploadURLExternal', { filename: 'chart.png', length: png.length }, signal);
  const { upload_url: url, file_id: id } = place;
  if (typeof url !== 'string' || typeof id !== 'string' || !/^https?:$/.test(new URL(url).protocol))
    throw new WatchkeeperError('malformed', 'files.getUploadURLExternal: Slack did not say where to send it');
  const sent = await io.http.request({
    method: 'POST',
    url,
    headers: { 'content-type': 'image/png' },
    body: png,
    timeoutMs: limits.chatTimeoutMs,
    maxBytes: 64 * 1024,
    signal,
  });
  if (sent.status !== 200) throw new WatchkeeperError('malformed', `the upload was answered ${sent.status}`);
  await api.call('files.completeUploadExternal', { files: [{ id, title: 'The course of the signal' }] }, signal);
  return id;
}
