type Body = Record<string, unknown>;

/** A file as Slack has it. It can be shown in a message once it is `ready`. */
export interface SlackFile {
  readonly id: string;
  readonly length: number;
  bytes?: Buffer;
  /** Where it was shared, if it was. */
  channel?: string;
  completed: boolean;
  ready: boolean;
}

/**
 * What Slack says of a message that breaks one of its published rules; `undefined` of one that keeps them. Block Kit: at most 50
 * blocks, their ids at most 255 characters and each once; a header 1–150, a section's text 1–3,000, a context at most 10 elements,
 * actions at most 25; a button's text 75, its value 2,000; a menu at most 100 options of 75 and 150; an image with an alt text of
 * 1–2,000 and either an address or a Slack file, that by either its id or its address, and a PNG, JPEG or GIF that is there.
 */
export function limitsBroken(body: Body, files: readonly SlackFile[]): string | undefined {
  const blocks = (body['blocks'] ?? []) as Body[];
  if (!isText(body['text'], 1, 40_000)) return 'no_text';
  if (JSON.stringify(blocks).length > 13_200) return 'msg_blocks_too_long';
  const ids = blocks.flatMap(({ block_id: id }) => (id === undefined ? [] : [id]));
  const wrong =
    blocks.length > 50 ||
    new Set(ids).size !== ids.length ||
    !ids.every((id) => isText(id, 1, 255)) ||
    !blocks.every((block) => isBlock(block, files));
  return wrong ? 'invalid_blocks' : undefined;
}

function isBlock(block: Body, files: readonly SlackFile[]): boolean {
  const elements = (block['elements'] ?? []) as Body[];
  switch (block['type']) {
    case 'header':
      return isTextObject(block['text'], 150, ['plain_text']);
    case 'section':
      return isTextObject(block['text'], 3_000);
    case 'context':
      return elements.length >= 1 && elements.length <= 10 && elements.every((one) => isTextObject(one, 2_000));
    case 'actions':
      return elements.length >= 1 && elements.length <= 25 && elements.every(isElement);
    case 'image':
      return isImage(block, files);
    default:
      return false;
  }
}

function isElement(element: Body): boolean {
  if (!isText(element['action_id'], 1, 255)) return false;
  if (element['type'] === 'button')
    return (
      isTextObject(element['text'], 75, ['plain_text']) &&
      (element['value'] === undefined || isText(element['value'], 0, 2_000))
    );
  const options = (element['options'] ?? []) as Body[];
  return (
    element['type'] === 'static_select' &&
    options.length >= 1 &&
    options.length <= 100 &&
    options.every((one) => isTextObject(one['text'], 75, ['plain_text']) && isText(one['value'], 1, 150))
  );
}

const known: ReadonlySet<string> = new Set(['type', 'block_id', 'alt_text', 'title', 'image_url', 'slack_file']);

function isImage(block: Body, files: readonly SlackFile[]): boolean {
  if (!isText(block['alt_text'], 1, 2_000) || !Object.keys(block).every((key) => known.has(key))) return false;
  const { image_url: address, slack_file: file } = block as { image_url?: unknown; slack_file?: Body };
  if ((address === undefined) === (file === undefined)) return false;
  if (file === undefined) return isText(address, 1, 3_000);
  if (file['url'] !== undefined || !/^F[A-Z0-9]{8,}$/.test(String(file['id']))) return false;
  const found = files.find(({ id }) => id === file['id']);
  return found?.ready === true && isPicture(found.bytes);
}

function isPicture(bytes: Buffer | undefined): boolean {
  const begins = bytes?.subarray(0, 4).toString('latin1') ?? '';
  return begins === '\u0089PNG' || begins.startsWith('\u00ff\u00d8\u00ff') || begins === 'GIF8';
}

function isTextObject(value: unknown, most: number, types = ['plain_text', 'mrkdwn']): boolean {
  const object = (value ?? {}) as Body;
  return types.includes(String(object['type'])) && isText(object['text'], 1, most);
}

function isText(value: unknown, least: number, most: number): boolean {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}
