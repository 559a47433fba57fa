/** One event of a stream (HTML, "Server-sent events"). */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  readonly id?: string;
}

/** What has come so far, and not yet ended. */
export interface SseState {
  readonly rest: string;
  readonly lastId?: string;
}

/** Nothing has come yet. */
export const sseStart: SseState = { rest: '' };

const maxRest = 1024 * 1024;

/**
 * Takes a piece of a stream; gives the events that it completed. EventSource cannot send an Authorization header, so the
 * stream is read with fetch and taken apart here.
 *
 * @throws Error when a single event grows beyond a megabyte.
 */
export function sseTake(state: SseState, piece: string): { readonly state: SseState; readonly events: StreamEvent[] } {
  const text = state.rest + piece;
  // A lone CR at the end may be the first half of a CRLF that is still to come.
  const held = text.endsWith('\r') ? '\r' : '';
  const blocks = (held ? text.slice(0, -1) : text).replace(/\r\n?/g, '\n').split('\n\n');
  const rest = (blocks.pop() ?? '') + held;
  if (rest.length > maxRest) throw new Error('an event of the stream is too large');
  const events: StreamEvent[] = [];
  let { lastId } = state;
  for (const block of blocks) {
    const fields = block.split('\n').map(fieldOf);
    lastId = fields.findLast(([name]) => name === 'id')?.[1] ?? lastId;
    const data = fields.filter(([name]) => name === 'data').map(([, value]) => value);
    if (data.length === 0) continue;
    const type = fields.findLast(([name]) => name === 'event')?.[1] ?? 'message';
    events.push({ type, data: data.join('\n'), ...(lastId === undefined ? {} : { id: lastId }) });
  }
  return { state: { rest, ...(lastId === undefined ? {} : { lastId }) }, events };
}

function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value];
}
