import { WatchkeeperError } from '../../lib/errors.ts';
import { limits } from '../../lib/limits.ts';
import type { ReaderIo } from '../../domain/ports/io.ts';
import type { SlackApi } from '../../io/clients/slack.ts';

/**
 * Puts a picture into the thread of a message: asked for an address, sent there, and shared, as Slack's Web API has it since
 * 2025. Failing is logged and is nobody's concern: the message stands without it.
 */
export async function attachPicture(
  api: SlackApi,
  io: Pick<ReaderIo, 'http' | 'log'>,
  ref: string,
  png: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const [channel = '', ts = ''] = ref.split(':');
  try {
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
    const files = [{ id, title: 'The course of the signal' }];
    await api.call('files.completeUploadExternal', { files, channel_id: channel, thread_ts: ts }, signal);
  } catch (thrown) {
    io.log.warn('a chart could not be put into Slack', { error: WatchkeeperError.from(thrown) });
  }
}
