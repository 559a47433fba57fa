import type { Decision, Principal } from '../authority.ts';
import type { Diagnosis } from '../diagnosis.ts';
import type { Alert, Incident } from '../alert.ts';
import type { Execution, Plan } from '../remediation.ts';
import type { Sample } from '../telemetry.ts';
import type { ReaderIo } from './io.ts';
import type { Schema } from './schema.ts';

/** Why people are told. */
export type NoticeKind =
  | 'opened'
  | 'approval-needed'
  | 'approval-void'
  | 'suggestion'
  | 'acted'
  | 'act-failed'
  | 'resolved'
  | 'nothing-matched'
  | 'digest'
  | 'agent-unwell';

/** What the agent's titles begin with, by kind. A channel that has words of its own for a kind puts them in its place. */
export const headlines: Readonly<Record<NoticeKind, string>> = {
  opened: 'Trouble',
  'approval-needed': 'Your approval is needed',
  'approval-void': 'No answer is needed any more',
  suggestion: 'Suggestion',
  acted: 'Acted',
  'act-failed': 'An act did not help',
  resolved: 'Resolved',
  'nothing-matched': 'Please look',
  digest: 'Held during quiet hours',
  'agent-unwell': 'The watch itself is unwell',
};

/** The same for an act of which nobody can tell whether it helped. */
export const headlineUnsure = 'Nobody can tell whether an act helped';

/** What happened, with everything a card may show. A channel renders; it decides nothing. */
export interface Notice {
  /** Unique and stable: the same notice is delivered at most once per channel, restarts included. */
  readonly id: string;
  readonly kind: NoticeKind;
  readonly atMs: number;
  readonly title: string;
  /** Plain sentences, most important first. */
  readonly lines: readonly string[];
  readonly incident?: Incident;
  readonly alerts?: readonly Alert[];
  readonly diagnosis?: Diagnosis;
  readonly plan?: Plan;
  readonly decision?: Decision;
  readonly execution?: Execution;
  /** Manual steps to offer when nothing matched (I14). */
  readonly suggestions?: readonly string[];
  /** What happens if nobody answers. */
  readonly ifNobodyAnswers?: string;
  /** Where the page shows it, if it is known how browsers reach the page. Looking there answers nothing. */
  readonly page?: string;
  /** The course of what is wrong, for channels that show pictures. */
  readonly chart?: NoticeChart;
}

/** A signal with what was expected of it, and what was changed and done meanwhile. Texts come from outside. */
export interface NoticeChart {
  readonly title: string;
  readonly unit: string;
  readonly seen: readonly Sample[];
  readonly expected: readonly { readonly tMs: number; readonly low: number; readonly high: number }[];
  readonly marks: readonly { readonly atMs: number; readonly kind: 'change' | 'act'; readonly text: string }[];
}

/** `accepted` by the peer, or `failed` with the reason; a failure moves the ladder on at once. */
export type Delivery =
  | { readonly is: 'accepted'; readonly ref?: string }
  | { readonly is: 'failed'; readonly reason: string; readonly retryable: boolean };

/** What a channel can carry; docs and `doctor` are printed from it. */
export interface ChannelTraits {
  /** Answers can come back through it. */
  readonly approvals: boolean;
  readonly threads: boolean;
  readonly edits: boolean;
  /** It keeps to its peer's pace itself, and tells many notices that come at once as few messages. */
  readonly gathers?: true;
}

/**
 * What the channel kept of the first notice of this incident at this address: with it, one message is edited in place and
 * the rest hangs below it, restarts included.
 */
export interface Thread {
  readonly ref: string;
}

/** What a person said through a channel. The channel has verified who they are: `slack:U012AB3CD`. */
export interface Heard {
  readonly who: Principal;
  /** The plan's id as it was shown, or a prefix of it. */
  readonly about: string;
  readonly verdict: 'approve' | 'deny';
  readonly comment?: string;
  /** The incident on whose card it was given, where the channel knows. */
  readonly shownOn?: string;
}

/** What came of an answer, for the person who gave it. `settled`: no further answer is awaited. */
export interface HeardReply {
  readonly is: 'recorded' | 'refused';
  readonly settled: boolean;
  readonly message: string;
}

/** Where a channel brings what it hears. Everything is recorded, refusals too; nothing here throws. */
export interface Ear {
  answer(heard: Heard): Promise<HeardReply>;
  /**
   * `status`, `explain ID`, `approve ID`, `deny ID`, `ack ID`, `snooze ID 1h`, `hand-over ID [TO]`, `runbook ID NAME key=value`,
   * `pause REASON`, `resume REASON`: gives what to reply, as plain text.
   */
  command(words: string, who: Principal): Promise<string>;
  /** Runbooks that may be chosen for an incident. */
  runbooks(incidentId: string): Promise<readonly string[]>;
  /** Something the channel itself turned away, such as an answer from another workspace: for the ledger. */
  refused(who: string, what: string, because: string): Promise<void>;
}

/** A way to people. `address` is the part after the colon in `slack:#payments-oncall`. */
export interface Channel {
  readonly id: string;
  readonly kind: string;
  readonly traits: ChannelTraits;
  /** `thread`: what was accepted first of the same incident at the same address, for channels whose traits say `threads` or `edits`. */
  post(notice: Notice, address: string, signal: AbortSignal, thread?: Thread): Promise<Delivery>;
  /**
   * A question is settled, wherever it was answered: its message says so, and has no buttons any more. Best effort; a late
   * press is refused all the same.
   */
  settled?(notice: Notice, address: string, outcome: string, signal: AbortSignal, thread: Thread): Promise<void>;
  /**
   * Hears answers until the signal fires; ends earlier, by throwing, when it cannot go on, and is then started anew after a
   * pause. Only channels whose traits say `approvals` have it.
   */
  listen?(ear: Ear, signal: AbortSignal): Promise<void>;
  /**
   * Takes what the peer sends to the daemon's HTTP port, for channels that are called back. The body is as it came in, so
   * that its signature can be verified; what cannot be verified is refused and told to the ear.
   */
  receive?(request: InboundRequest, ear: Ear, signal: AbortSignal): Promise<InboundReply>;
  check(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A request that a peer sent to us. Header names are lower case. */
export interface InboundRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What it is answered. */
export interface InboundReply {
  readonly status: number;
  readonly type: 'text/plain' | 'application/json';
  readonly body: string;
}

/** One kind of channel. A new one is a folder that exports this, and one line in chat/index.ts. */
export interface ChannelKind<Config> {
  readonly kind: string;
  readonly summary: string;
  readonly traits: ChannelTraits;
  readonly config: Schema<Config>;
  create(id: string, config: Config, io: ReaderIo): Channel;
}
