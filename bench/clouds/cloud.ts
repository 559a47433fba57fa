import type { SignalQuery } from '../../src/domain/ports/source.ts';
import type { Service } from '../../src/domain/service.ts';
import type { Json } from '../../src/lib/json.ts';

/** A cloud as the bench of clouds needs it: how it is configured and asked, and what a server that stands for it answers. */
export interface BenchCloud {
  /** The kind of source. */
  readonly kind: string;
  /** The source's block in watchkeeper.yaml, against a server that stands for the cloud. */
  readonly config: (url: string) => { readonly [key: string]: Json };
  /** Whether the cloud is only ever spoken to over TLS. */
  readonly isTls?: boolean;
  /** What the SDK finds as credentials, for a server that stands for the cloud. */
  readonly env: (url: string) => Readonly<Record<string, string>>;
  /** One of so many services, each with `perService` signals. */
  readonly service: (index: number) => Service;
  readonly perService: number;
  /** What is answered to a request: the wire shape of the cloud's reference. */
  readonly answer: (request: BenchRequest) => BenchAnswer;
}

/** One request, read whole. */
export interface BenchRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Its answer: `contentType` and text. */
export interface BenchAnswer {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
}

/** Every signal of so many services. */
export function signalsOf(services: readonly Service[]): readonly SignalQuery[] {
  return services.flatMap(({ name, telemetry }) =>
    Object.entries(telemetry).map(([signal, binding]) => ({ service: name, signal, binding })),
  );
}
