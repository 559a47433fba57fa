/** Every bound of the product in one place. Everything has a limit; a limit that is reached is named in the error. */
export const limits = {
  /** Resource files (YAML): one file, and all of a folder. */
  resourceFileBytes: 4 * 1024 * 1024,
  resourceFiles: 5_000,
  resourceDocuments: 20_000,
  yamlAliases: 100,
  yamlDepth: 64,
  yamlBrackets: 512,
  yamlNodes: 1_000_000,
  resourceFolderDepth: 16,
  resourceProblems: 1_000,
  /** CEL: source length, nesting, and the evaluation budget in steps. */
  celSourceBytes: 4_096,
  celDepth: 64,
  celSteps: 100_000,
  /** HTTP, as a client. */
  httpTimeoutMs: 10_000,
  httpResponseBytes: 16 * 1024 * 1024,
  /** HTTP, as a server. */
  apiBodyBytes: 1024 * 1024,
  apiBodyDepth: 64,
  apiGoodbyeMs: 500,
  /** Lines a minute about requests that were refused. */
  refusalsLogged: 300,
  /** Requests a minute and at once: of one identity, from one address, and failures to sign in from one address. */
  apiPerMinute: 1_200,
  apiBurst: 300,
  addressPerMinute: 3_000,
  addressBurst: 600,
  failuresPerMinute: 20,
  failuresBurst: 20,
  /** Signing in: a provider's answers and keys; how old keys may get while it is away; logins under way; sessions. */
  oidcAnswerBytes: 256 * 1024,
  oidcKeysMs: 10 * 60_000,
  oidcAgainMs: 10_000,
  oidcKeysStaleMs: 60 * 60_000,
  /** What services push, who wait ten seconds for an answer: the keys they sign with; how old it may be. */
  keysTimeoutMs: 4_000,
  keysAnswerBytes: 1024 * 1024,
  pushOldMs: 60 * 60_000,
  loginMs: 10 * 60_000,
  logins: 1_000,
  sessionMs: 8 * 60 * 60_000,
  sessions: 1_000,
  /** What a cluster said of a token is believed for so long. */
  reviewKeptMs: 60_000,
  reviewRefusedMs: 10_000,
  reviewsKept: 1_000,
  /** Events: how often the ledger is looked at, signs of life, who takes nothing for so long is let go. */
  feedLookMs: 500,
  feedBeatMs: 15_000,
  feedStalledMs: 60_000,
  feedRetryMs: 2_000,
  /** Listeners of all and of one identity; events read at once, queued for one, and told again after an absence. */
  feedListeners: 64,
  feedListenersEach: 8,
  feedAtOnce: 200,
  feedQueued: 500,
  feedMissed: 1_000,
  /** Telemetry. */
  seriesPerCollect: 600_000,
  samplesPerSeries: 11_000,
  windowSamplesPerSeries: 720,
  /** Of all series together: beyond some 7,000 series the window shortens. */
  windowSamples: 5_000_000,
  logLineBytes: 16 * 1024,
  logRecordsPerCollect: 10_000,
  /** Spans: one read, what the watch keeps for diagnosis, and what one diagnosis is given. */
  spansPerCollect: 20_000,
  spansKept: 30_000,
  tracesKeptPerService: 500,
  spansPerDiagnosis: 10_000,
  spanAttributes: 64,
  spanEvents: 16,
  changesPerCollect: 1_000,
  /** Instances that one change may name. */
  changeInstances: 2_000,
  labelValueBytes: 1_024,
  /** Detectors: what one detector follows at most; what is beyond is reported as unknown, never dropped silently. */
  detectorSeries: 200_000,
  /** The same for kinds whose state is typed arrays; and how many of its chunks a save writes. */
  detectorBankSeries: 600_000,
  detectorPartsPerSave: 64,
  /** Rows of all detectors together that a start reads back. */
  detectorRows: 100_000,
  detectorSeriesForgetMs: 6 * 3_600_000,
  detectorRecentSamples: 48,
  detectorPeers: 64,
  detectorLogServices: 1_000,
  detectorLogTemplates: 256,
  detectorLogTokens: 24,
  detectorExternal: 10_000,
  detectorEventsPerService: 64,
  /** An exposition, unpacked: about a million series. */
  scrapeBodyBytes: 128 * 1024 * 1024,
  /** Backtests: what is kept for charts, and what a recording may hold. */
  backtestPictures: 500,
  backtestPicturePoints: 600,
  recordingFileBytes: 256 * 1024 * 1024,
  recordingSeries: 20_000,
  recordingPoints: 20_000_000,
  recordingGaps: 10_000,
  reportBytes: 32 * 1024 * 1024,
  reportCharts: 200,
  scoreRows: 5_000_000,
  /** Chat: one request to a chat service. */
  chatTimeoutMs: 8_000,
  chatGoodbyeMs: 1_000,
  chatAnswerBytes: 1024 * 1024,
  /** A picture: what it is drawn from, how long that may take, and what comes of it. */
  pictureSvgBytes: 256 * 1024,
  pictureMs: 5_000,
  pictureBytes: 1024 * 1024,
  /** Kubernetes: one request, one answer (a page of 500 large pods), one object, and how long a watch stays open. */
  kubernetesTimeoutMs: 15_000,
  kubernetesAnswerBytes: 64 * 1024 * 1024,
  kubernetesObjectBytes: 4 * 1024 * 1024,
  kubernetesWatchSeconds: 300,
  kubernetesRetries: 3,
  kubernetesRetryAfterMs: 10_000,
  /** A token that is asked for on behalf of another ServiceAccount: seconds until it ends. */
  kubernetesTokenSeconds: 900,
  /** Acting in a cluster: objects of one list, lines of a diff, how often a write that lost a race is tried anew. */
  kubernetesListed: 5_000,
  kubernetesPage: 500,
  kubernetesDiffLines: 60,
  kubernetesWriteTries: 5,
  kubernetesPollMs: 1_000,
  /** Somebody else is at work: so long after another's write, and after an autoscaler scaled. */
  kubernetesRecentWriteMs: 2 * 60_000,
  kubernetesScaledMs: 3 * 60_000,
  kubernetesDrainPods: 500,
  /** Watching a cluster: objects of a kind, when a watch without a word is dead, when all is listed anew. */
  kubernetesObjects: 20_000,
  kubernetesIdleMs: 120_000,
  kubernetesRelistMs: 30 * 60_000,
  /** Pauses before a broken watch is begun again, and before what is refused is asked for again. */
  kubernetesBackoffMs: 10_000,
  kubernetesRefusedMs: 60_000,
  /** What was known before a watch broke is still told for this long. */
  kubernetesGraceMs: 15_000,
  /** Earlier states of one workload or release: three times what a cluster keeps unless it is told otherwise. */
  kubernetesRevisions: 32,
  kubernetesLogBytes: 32 * 1024,
  /** Clouds: how long one waits for its turn at an API; alarms asked for one by one at a look; finding machines, and how many. */
  cloudPatienceMs: 20_000,
  alarmsAskedFor: 50,
  cloudHostsTimeoutMs: 60_000,
  cloudHosts: 10_000,
  /** AWS: one call, one answer, and how often a read is tried. */
  awsTimeoutMs: 15_000,
  awsAnswerBytes: 16 * 1024 * 1024,
  awsTries: 3,
  awsPollMs: 3_000,
  /** Google Cloud: one call, one answer, how often a read is tried, how often an act looks whether it is through, and pages of one list. */
  gcpTimeoutMs: 15_000,
  gcpAnswerBytes: 16 * 1024 * 1024,
  gcpTries: 3,
  gcpPollMs: 3_000,
  gcpPages: 20,
  /** Pages of one list, and signals of one source. */
  awsPages: 20,
  awsSignals: 100_000,
  /** Azure: one call, one answer, how often a read is tried, and between two looks at what an act sets going. */
  azureTimeoutMs: 15_000,
  azureAnswerBytes: 16 * 1024 * 1024,
  azureTries: 3,
  azurePollMs: 3_000,
  /** Pages of one list. */
  azurePages: 20,
  /** Helm: one unpacked release record; a Secret holds at most 1 MiB of it packed. */
  helmReleaseBytes: 32 * 1024 * 1024,
  helmObjects: 300,
  helmRevisions: 100,
  /** How often an owner is asked whether it is done. */
  gitopsPollMs: 1_000,
  /** Forges: one answer; how far back, how many files and folders a commit to be reverted may lie, change and touch. */
  gitAnswerBytes: 16 * 1024 * 1024,
  gitRetries: 3,
  gitRetryAfterMs: 10_000,
  gitCommits: 300,
  gitFiles: 300,
  gitTrees: 500,
  /** Documents written as custom resources: of one kind, and how long a start waits to hear of all. */
  customResources: 5_000,
  customResourcesSyncMs: 30_000,
  /** How long policies may go unheard of before nothing is done any more. */
  customResourcesSilentMs: 300_000,
  /** Hosts over SSH: connections of one client, commands at once on a host, one command line, one answer. */
  sshConnections: 2_048,
  sshCommandsPerHost: 8,
  sshCommandBytes: 96 * 1024,
  sshOutputBytes: 8 * 1024 * 1024,
  /** What the packed answer of a Windows host may unpack to. */
  windowsDocumentBytes: 16 * 1024 * 1024,
  /** To connect and log in, each jump host counted on its own; between signs of life; and how long a host that failed is left alone. */
  sshConnectMs: 10_000,
  /** Handshakes of one client at once, and after what time one no longer keeps the others waiting. */
  sshHandshakes: 32,
  sshHandshakeTurnMs: 1_000,
  sshKeepaliveMs: 15_000,
  sshRestMs: 1_000,
  sshRestMostMs: 60_000,
  /** Processes. */
  execTimeoutMs: 30_000,
  execOutputBytes: 1024 * 1024,
  /** Alerts and incidents. */
  alertsActive: 10_000,
  incidentsOpen: 1_000,
  /** Resolved ones that are remembered, the newest, so that a recurrence is known as one. */
  incidentsRemembered: 2_000,
  incidentTimelineEntries: 1_000,
  alertFlapsKept: 50,
  incidentTitleChars: 240,
  /** A notice's title: one line on a phone's lock screen, and below every channel's own limit. */
  noticeTitleChars: 160,
  /** Diagnosis: evidence gathering stops at the deadline; partial results are results. */
  diagnosisDeadlineMs: 3_000,
  hypotheses: 20,
  /** The policy matrix: cells reckoned at once, and how long one is kept. */
  matrixCells: 64,
  matrixKeptMs: 5 * 60_000,
  /** Remediation. */
  planSteps: 50,
  planTtlMs: 60 * 60_000,
  /** Executor: looks at the world, waits, and what it remembers. */
  observeTimeoutMs: 10_000,
  probeTimeoutMs: 15_000,
  /** After a restart, facts of the last process are waited for to be seen again this long; then people have the case. */
  freshFactsWaitMs: 120_000,
  freshFactsPollMs: 500,
  /** How long a step may take to stop once it was told to; a step that outlives it is unknown and never repeated. */
  actionGraceMs: 5_000,
  abortPollMs: 1_000,
  /** How often it is looked between two steps whether the next may begin. */
  betweenPollMs: 2_000,
  /** Somebody else is acting on the target: how long we hold before giving up. */
  busyHoldMs: 60_000,
  busyPollMs: 2_000,
  stepRetryDelayMs: 1_000,
  /** With too little of the lease left to begin, it is looked at again so soon. */
  leaseShortMs: 50,
  /** A verification still pending this long after its last rule was due is inconclusive. */
  verifyOverdueMs: 5 * 60_000,
  /** A recorded `before` larger than this is named by its digest in the ledger; the execution keeps it whole. */
  beforeShownBytes: 16 * 1024,
  targetShownBytes: 512,
  ledgerRetryMs: 50,
  ledgerRetries: 200,
  actsKept: 10_000,
  executionsKept: 1_000,
  /** What diagnoses look back on; rate budgets look back a day. Nothing younger is ever removed from the store. */
  lookBackMs: 7 * 24 * 3_600_000,
  /** Settled rows of the working state: how long, and how many of a kind, where watchkeeper.yaml does not say. */
  retentionMs: 90 * 24 * 3_600_000,
  retentionRows: 10_000,
  /** Rows looked at, and so removed, at once. */
  retentionPage: 50,
  /** A file of a case that is over leaves memory when it was not used for so long. */
  caseIdleMs: 10 * 60_000,
  /** How long somebody may put off being called about an incident, and what they may give as the reason. */
  snoozeLeastMs: 60_000,
  snoozeMostMs: 24 * 3_600_000,
  requestReasonChars: 500,
  /** Refusals that are written into the ledger one by one; above that they are counted, in one entry a minute. */
  refusalsPerSource: 30,
  refusalsPerMinute: 60,
  refusalsPerHour: 600,
  /** Actions. */
  processCommandBytes: 4_096,
  processesListed: 32_768,
  releasesListed: 1_000,
  reclaimFiles: 500,
  reclaimListed: 100_000,
  reclaimPatterns: 32,
  healthPollMs: 250,
  /** A decision needs a look at the target that is at most this old, and not further in the future than clocks differ. */
  observationMaxAgeMs: 60_000,
  clockSkewMs: 5_000,
  /** Runbooks: what a template may put into a parameter, and how old a sample may be and still say something. */
  templateValueBytes: 1_024,
  verifySampleMaxAgeMs: 120_000,
  /** Ledger: tlog-tiles carries an entry behind a uint16 length; ours stay far below. */
  ledgerEntryBytes: 4_096,
  ledgerPayloadBytes: 256 * 1024,
  ledgerBatchEntries: 1_024,
  ledgerQueueBatches: 10_000,
  ledgerNoteBytes: 256 * 1024,
  /** The store on a database server: to connect, for one statement, for a lock, and for a transaction left standing. */
  storeConnectMs: 5_000,
  storeQueryMs: 10_000,
  storeLockMs: 2_000,
  storeIdleMs: 10_000,
  /** How long a commit and a read go on while the server is away; the rests between grow from one to the other. */
  storeCommitMs: 20_000,
  storeReadMs: 15_000,
  storeRetryMs: 50,
  storeRetryMostMs: 1_000,
} as const;
