/** A message that asks for consent, as it was sent. */
export interface AskedMessage {
  readonly room: string;
  readonly planId: string;
  readonly incidentId: string;
  readonly text: string;
}

/** Which message asked for consent to which plan, by the event's id: a reaction counts for what that message showed. */
export interface AskedMessages {
  note(eventId: string, asked: AskedMessage): void;
  of(eventId: string): AskedMessage | undefined;
  /** The messages that asked about a plan, by the event's id. */
  about(planId: string): readonly (readonly [string, AskedMessage])[];
}

const most = 1_000;

/**
 * Makes the memory of what was asked. It need not outlive the process: after a restart every question is void and is asked
 * anew.
 */
export function askedMessages(): AskedMessages {
  const known = new Map<string, AskedMessage>();
  return {
    note: (eventId, asked) => {
      known.set(eventId, asked);
      const [oldest] = known.keys();
      if (known.size > most && oldest !== undefined) known.delete(oldest);
    },
    of: (eventId) => known.get(eventId),
    about: (planId) => [...known].filter(([, asked]) => asked.planId === planId),
  };
}
