/** What `new` can begin. */
export type NewKind = 'detector' | 'runbook' | 'service' | 'policy' | 'escalation';

/** One file of a beginning. */
export interface TemplateFile {
  readonly suffix: string;
  readonly text: string;
}

/** Documents that pass `check` and `test` as they are, so that a beginner changes what works. */
export const templates: Readonly<Record<NewKind, (name: string) => readonly TemplateFile[]>> = {
  detector: (name) => [
    { suffix: '.yaml', text: detector(name) },
    { suffix: '.test.yaml', text: detectorTest },
  ],
  runbook: (name) => [
    { suffix: '.yaml', text: runbook(name) },
    { suffix: '.test.yaml', text: runbookTest(name) },
  ],
  service: (name) => [{ suffix: '.yaml', text: service(name) }],
  policy: (name) => [
    { suffix: '.yaml', text: policy(name) },
    { suffix: '.test.yaml', text: policyTest(name) },
  ],
  escalation: (name) => [{ suffix: '.yaml', text: escalation(name) }],
};

function envelope(kind: string, name: string): string {
  return `apiVersion: watchkeeper.dev/v1alpha1\nkind: ${kind}\nmetadata:\n  name: ${name}\n`;
}

function detector(name: string): string {
  return `# When is something wrong? "watchkeeper schema detector" lists every key.
${envelope('Detector', name)}spec:
  on: errors
  kind: threshold
  params:
    above: 5%
  hold: 2m
  clear: 5m
  severity: warning
  # Evaluated and recorded, and nobody is paged. Make it active once you trust it.
  mode: shadow
`;
}

const detectorTest = `# One value a minute; 0.01x30 is thirty minutes of 0.01.
- name: it fires when errors stay high
  given:
    series: 0.01x30 0.2x10
    nature: ratio
    unit: ratio
  expect: { fires: true, after: 30m }
- name: a short spike is left alone
  given:
    series: 0.01x30 0.2x1 0.01x10
    nature: ratio
    unit: ratio
  expect: { fires: false }
`;

function runbook(name: string): string {
  return `# What to do about it. "watchkeeper schema runbook" lists every key.
${envelope('Runbook', name)}spec:
  summary: Restart the service when it is down
  when: "'process-down' in incident.detectors"
  notWhen: Not while somebody is working on it
  # The most that is done with it, whatever policies grant.
  autonomy: suggest
  require: ['!target.running']
  steps:
    - id: restart
      do: host.service-restart
      timeout: 2m
  verify:
    - { expect: up == 1, within: 5m, for: 1m }
  onFail: [escalate]
  attempts: { per: target, max: 2, in: 6h }
`;
}

function runbookTest(name: string): string {
  return `- name: it is chosen when the service is down
  given:
    incident: process-down
    target: { running: false }
  expect: { runbook: ${name}, actions: [host.service-restart] }
- name: a service that runs is left alone
  given:
    incident: process-down
    target: { running: true }
  expect: { decision: deny, because: require }
- name: other incidents are none of its business
  given:
    incident: some-other-detector
  expect: { runbook: none, escalates: true }
`;
}

function service(name: string): string {
  return `# What is watched, who owns it, what it depends on. "watchkeeper schema service" lists every key.
${envelope('Service', name)}  labels: { env: prod, tier: important }
spec:
  owner: { team: ${name}-team }
  dependsOn: []
  runsOn:
    - host: { unit: ${name}.service }
`;
}

function policy(name: string): string {
  return `# What may be done, to what, with whose consent; what nothing grants is denied. "watchkeeper schema policy" lists every key.
${envelope('Policy', name)}spec:
  allow:
    - actions: [host.service-restart, host.release-rollback]
      services: { env: prod }
      autonomy: approve
      # An Escalation says who belongs to the group ("watchkeeper new escalation oncall").
      approval: { from: ['group:oncall'], need: 1, expires: 15m }
      bounds: { units: 1, parallel: 1, perHour: 3, perDay: 10 }
  protect: ['service:watchkeeper']
`;
}

function policyTest(name: string): string {
  return `- name: a restart in production needs a person
  given:
    action: host.service-restart
    service: { name: checkout, labels: { env: prod } }
    policies: [${name}]
  expect: { decision: require-approval, approval: ['group:oncall'] }
- name: nothing is granted elsewhere
  given:
    action: host.service-restart
    service: { name: checkout, labels: { env: dev } }
    policies: [${name}]
  expect: { decision: deny }
`;
}

function escalation(name: string): string {
  return `# Who is called, in which order, and who may answer. "watchkeeper schema escalation" lists every key.
${envelope('Escalation', name)}spec:
  steps:
    - { notify: [log, terminal], wait: 5m }
  # cli: and what "id -un" prints; where http.tokens names tokens, token: and their names.
  approvers: { 'group:oncall': ['cli:ana'] }
`;
}
