import { changeField, diagnosisField, incidentField, serviceField } from '../domain/facts.ts';
import type { CelEnvironment, CelType } from '../lib/cel/index.ts';

const string: CelType = { is: 'string' };
const bool: CelType = { is: 'bool' };
const int: CelType = { is: 'int' };
const duration: CelType = { is: 'duration' };

/**
 * What the expressions of a policy may name. An unknown name or field refuses the document when it is loaded; a value
 * that is absent when the expression is evaluated refuses the act.
 */
export const policyEnvironment: CelEnvironment = {
  name: 'policy',
  variables: {
    diagnosis: diagnosisField,
    change: changeField,
    incident: incidentField,
    service: serviceField,
    target: {
      doc: 'Live facts of what would be touched: kind, id, and whatever the action reports.',
      type: { is: 'map', of: { is: 'dyn' } },
    },
    plan: {
      type: {
        is: 'record',
        name: 'plan',
        fields: {
          id: { type: string },
          runbook: { type: string },
          steps: { type: int },
          age: { type: duration },
          proposedBy: { type: string },
        },
      },
    },
    step: {
      type: {
        is: 'record',
        name: 'step',
        fields: {
          id: { type: string },
          timeout: { type: duration },
          retries: { type: int },
          params: { type: { is: 'map', of: { is: 'dyn' } } },
        },
      },
    },
    action: {
      doc: 'What the action is, from its own code.',
      type: {
        is: 'record',
        name: 'action',
        fields: {
          kind: { type: string },
          reversible: { type: bool },
          idempotent: { type: bool },
          destructive: { type: bool },
          scope: { type: string, doc: 'process, service, host, cluster or external' },
        },
      },
    },
    blast: {
      doc: 'How much would be touched, counted live.',
      type: {
        is: 'record',
        name: 'blast',
        fields: {
          touched: { type: int },
          total: { type: int },
          healthyAfter: { type: int },
          dependents: { type: { is: 'list', of: string } },
        },
      },
    },
    now: { type: { is: 'timestamp' } },
  },
  functions: [
    {
      name: 'budget',
      params: [string],
      returns: {
        is: 'record',
        name: 'budget',
        fields: {
          remaining: { type: { is: 'double' }, optional: true, doc: '1: untouched, 0: spent.' },
          burn: { type: { is: 'double' }, optional: true, doc: 'Times faster than sustainable.' },
        },
      },
      doc: 'The error budget of an objective of this service. Not known is a refusal.',
    },
    {
      name: 'from',
      on: 'approval',
      params: [string],
      returns: bool,
      doc: 'Whether somebody of this group has consented to exactly this plan.',
    },
  ],
};
