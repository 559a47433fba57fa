import type { Json } from '../../lib/json.ts';
import { clean } from '../render/safe.ts';
import { paint, type Style } from '../render/style.ts';
import type { Sink } from '../shell.ts';
import { isObject, type Seen } from './watcher.ts';

/** Tells the viewer what is done, and what the watch made of it. */
export interface Narrator {
  act(title: string): void;
  /** What the demo does. */
  does(text: string): void;
  /** A ledger entry, if it is one worth telling. */
  saw(seen: Seen): void;
  /** What another program printed, indented. */
  quotes(text: string, most?: number): void;
  /** Something that was checked and is so. */
  holds(text: string): void;
  line(text?: string): void;
  fails(text: string): void;
}

/** Makes the narrator. Times are seconds since `startedMs`, on the wall clock that entries carry. */
export function createNarrator(
  out: Sink,
  style: Style,
  startedMs: number,
  shorten: (text: string) => string,
): Narrator {
  const write = (text: string): void => out.write(`${text}\n`);
  const at = (ms: number): string => paint(style, `${((ms - startedMs) / 1_000).toFixed(1).padStart(6)}s`, 'dim');
  const width = Math.max(60, style.width - 34);
  return {
    act: (title) => {
      write('');
      write(
        paint(
          style,
          `── ${title} ${'─'.repeat(Math.max(3, Math.min(style.width, 110) - title.length - 4))}`,
          'bold',
          'cyan',
        ),
      );
    },
    does: (text) => write(`${paint(style, '▸', 'cyan')} ${paint(style, text, 'bold')}`),
    saw: (seen) => {
      const told = tellingOf(seen);
      if (told === undefined) return;
      const [label, text, colour] = told;
      const [first = '', ...more] = wrap(clean(shorten(text), 900), width);
      write(`${at(seen.entry.atMs)}  ${paint(style, label.padEnd(14), colour)} ${first}`);
      for (const line of more) write(`${' '.repeat(24)}${line}`);
    },
    quotes: (text, most = 40) => {
      const lines = text.replace(/\n+$/, '').split('\n');
      for (const line of lines.slice(0, most)) write(`    ${paint(style, '│', 'dim')} ${line}`);
      if (lines.length > most) write(`    ${paint(style, `│ … ${lines.length - most} more lines`, 'dim')}`);
    },
    holds: (text) => write(`${paint(style, '✔', 'green')} ${text}`),
    line: (text = '') => write(text),
    fails: (text) => write(`${paint(style, '✘', 'red')} ${text}`),
  };
}

type Colour = 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const shop: ReadonlySet<string | undefined> = new Set(['checkout', 'cart']);

// What an entry says to somebody who watches; `undefined` for what belongs to the ledger and not onto a screen.
function tellingOf({ entry, payload }: Seen): readonly [string, string, Colour] | undefined {
  const { body } = entry;
  switch (entry.type) {
    case 'change-observed':
      return shop.has(entry.subject.service)
        ? [
            'change',
            `${textOf(body['kind'])} of ${entry.subject.service ?? ''} ${textOf(payload['from'])} → ${textOf(payload['to'])}`,
            'cyan',
          ]
        : undefined;
    case 'change-judged':
      if (body['verdict'] === 'inconclusive') return undefined;
      return ['judged', textOf(payload['because']), body['verdict'] === 'healthy' ? 'green' : 'red'];
    case 'alert-firing':
      return ['alert', textOf(payload['because']), 'red'];
    case 'incident-opened':
      return ['incident', textOf(payload['title']), 'red'];
    case 'diagnosis':
      return ['diagnosis', textOf(payload['summary']), body['verdict'] === 'conclusive' ? 'yellow' : 'dim'];
    case 'plan':
      return [
        'plan',
        listOf(payload['steps'])
          .map((step) => textOf(step['describe']))
          .join('; '),
        'cyan',
      ];
    case 'decision':
      return ['decision', decisionText(payload, body), body['outcome'] === 'allow' ? 'green' : 'yellow'];
    case 'escalation':
      return body['climbs'] === true
        ? [
            'people called',
            `${textOf(body['kind'])}: ${textOf(body['escalation'])} is called until somebody answers`,
            'yellow',
          ]
        : ['people told', `${textOf(body['kind'])}: ${textOf(body['escalation'])} need do nothing`, 'dim'];
    case 'approval-requested':
      return ['asks', `for the consent of ${textsOf(body['from']).join(', ')}`, 'yellow'];
    case 'approval':
      return ['consent', `${entry.actor} says ${textOf(body['verdict'])}`, 'green'];
    case 'step-intent':
      return ['intent', `written down before it is done: ${textOf(payload['describe'])}`, 'cyan'];
    case 'step-outcome':
      return ['done', textOf(payload['message']), 'green'];
    case 'verification':
      return [
        'verification',
        listOf(payload['rules'])
          .map((rule) => textOf(rule['because']))
          .join('; '),
        'green',
      ];
    case 'incident-resolved':
      return ['resolved', textsOf(payload['texts']).join('; '), 'green'];
    default:
      return undefined;
  }
}

function decisionText(payload: Seen['payload'], body: Seen['entry']['body']): string {
  const decision = isObject(payload['decision']) ? payload['decision'] : payload;
  const live = body['live'] === true ? ' (asked again, right before the step)' : '';
  return `${textOf(body['outcome'])}${live}: ${textsOf(decision['reasons']).join('; ')}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
}

function textsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : [];
}

function listOf(value: Json | undefined): readonly Seen['payload'][] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
