import type { DocumentKind } from '../../domain/document.ts';

/** One rule in CEL that the API server holds an object against; `self` is the value at `at`. */
export interface Rule {
  /** Path of keys from `spec`; `*` is every item of a list. */
  readonly at: readonly string[];
  readonly rule: string;
  readonly message: string;
}

/**
 * What reaches across the fields of one document, as the parsers of the rooms check it. A rule here refuses nothing that
 * they would take; what is too dear for the API server's budget, or not of one type, is left to them. `for` is a word of
 * CEL: as a member it is written `__for__`.
 */
export const rules: Readonly<Record<DocumentKind, readonly Rule[]>> = {
  Service: [
    {
      at: [],
      rule: '!has(self.slos) || self.slos.all(one, has(self.telemetry) && one.errors in self.telemetry)',
      message: 'an objective reads a signal, errors, that telemetry does not have',
    },
  ],
  Detector: [
    {
      at: [],
      rule: "has(self.on) || has(self.__true__) || self.kind in ['external', 'event', 'log-pattern']",
      message: 'on is missing: this kind watches a signal',
    },
  ],
  Runbook: [
    {
      at: ['steps'],
      rule: 'self.all(one, self.exists_one(other, other.id == one.id))',
      message: 'there are two steps with the same id',
    },
    {
      at: ['verify', '*'],
      rule: 'has(self.within) != has(self.at)',
      message: 'needs either within (with for, if it must last) or at',
    },
    {
      at: ['verify', '*'],
      rule: `!has(self.__for__) || has(self.within)`,
      message: 'for goes with within, not with at',
    },
  ],
  Policy: [
    {
      at: ['freeze', '*'],
      rule: '(has(self.from) && has(self.until)) != (has(self.cron) && has(self.__for__))',
      message: 'needs either from and until, or cron and for',
    },
  ],
  Escalation: [],
};
