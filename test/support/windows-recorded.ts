import { readFileSync } from 'node:fs';
import path from 'node:path';

import { windowsAct, windowsLook } from '../../src/actions/host/windows/scripts.ts';
import type { Json, JsonObject } from '../../src/lib/json.ts';
import { framed, unpack } from './powershell.ts';
import type { Behaviour } from './ssh-server.ts';

/** What a Windows host answers to the scripts of every action, in its language and code page: `test/fixtures/windows/actions`. */
export interface RecordedActions {
  readonly language: string;
  readonly windows: string;
  /** What cmd.exe prints before PowerShell does, and what PowerShell writes to its error stream: bytes, in base64. */
  readonly stdoutBefore: string;
  readonly stderr: string;
  /** How Windows refuses, in the language of the host. */
  readonly denied: string;
  readonly verbs: Readonly<
    Record<
      string,
      { readonly before: JsonObject; readonly act: JsonObject; readonly after: JsonObject; readonly undo?: JsonObject }
    >
  >;
}

/** The recordings there are: a language and a version of Windows each. */
export const recordedActions = ['en-2019', 'de-2022', 'ja-2025', 'tr-2025'] as const;

/** One of them. */
export function actionsOf(name: (typeof recordedActions)[number]): RecordedActions {
  const file = path.join(import.meta.dirname, '../fixtures/windows/actions', `${name}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as RecordedActions;
}

/** How a host that plays a recording is bent, and what was asked of it. */
export interface Played {
  readonly behave: Behaviour;
  /** Each script that ran: `look service`, `act service`. */
  readonly ran: string[];
  /** Refuse every act, as Windows does for a user without the right; or answer it with a broken frame. */
  how: 'well' | 'denied' | 'denied-half-way' | 'garbled';
}

interface Asked {
  readonly verb: string;
  readonly identity?: string;
}

/**
 * A host that plays a recording: until the acting script was sent with the identity that was looked at it answers `before`,
 * then `act`, from then on `after`; an act on what is there then is `undo`, and leads back.
 */
export function plays(recorded: RecordedActions): Played {
  const ran: string[] = [];
  const acted = new Set<string>();
  const act = ({ verb, identity }: Asked): Json => {
    const { before, act: done, after, undo } = recorded.verbs[verb] ?? none;
    const now = acted.has(verb) ? after : before;
    if (played.how === 'denied' || played.how === 'denied-half-way')
      return {
        did: played.how === 'denied' ? 'yes' : 'part',
        code: 0,
        freed: null,
        fault: 'denied',
        message: recorded.denied,
      };
    if (verb !== 'disk' && verb !== 'time' && identity !== now['identity'])
      return { did: 'gone', code: 0, freed: null, facts: now };
    if (!acted.delete(verb)) acted.add(verb);
    return now === before ? done : (undo ?? done);
  };
  const played: Played = {
    ran,
    how: 'well',
    behave: (channel, _line, input) => {
      const sent = unpack(input);
      if (typeof sent === 'number') throw new Error(`exit ${sent}`);
      const asked = JSON.parse(sent.args[0] ?? '') as Asked;
      const looks = sent.script === windowsLook;
      if (!looks && sent.script !== windowsAct) throw new Error('a script that is none of ours');
      ran.push(`${looks ? 'look' : 'act'} ${asked.verb}`);
      const { before, after } = recorded.verbs[asked.verb] ?? none;
      const said = framed(looks ? { facts: acted.has(asked.verb) ? after : before } : act(asked));
      const garbled = !looks && played.how === 'garbled';
      channel.stderr.write(Buffer.from(recorded.stderr, 'base64'));
      channel.write(Buffer.from(recorded.stdoutBefore, 'base64'));
      channel.write(`\n${garbled ? said.slice(0, -20) : said}`.replaceAll('\n', '\r\n'), () => {
        channel.exit(0);
        channel.end();
      });
    },
  };
  return played;
}

const none: RecordedActions['verbs'][string] = { before: {}, act: {}, after: {} };
