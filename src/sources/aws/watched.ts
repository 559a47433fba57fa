import type { AwsPlace } from '../../domain/places.ts';
import type { Service } from '../../domain/service.ts';
import type { AwsConfig } from './schema.ts';

/** A region of an account. */
export interface Corner {
  /** The account's name; absent where there is only one. */
  readonly account?: string;
  readonly region: string;
}

/** A place of a service in this source. */
export interface Watched {
  readonly service: string;
  readonly place: AwsPlace;
}

/** Every region of every account. */
export function cornersOf({ accounts, regions }: Pick<AwsConfig, 'accounts' | 'regions'>): readonly Corner[] {
  return accounts.flatMap(({ name }) =>
    regions.map((region) => ({ ...(accounts.length > 1 ? { account: name } : {}), region })),
  );
}

/** `prod/eu-west-1`, `eu-west-1`. */
export function cornerName({ account, region }: Corner): string {
  return account === undefined ? region : `${account}/${region}`;
}

/** Everything of the services that lies in this source. */
export function watchedPlaces(source: string, services: readonly Service[]): readonly Watched[] {
  return services.flatMap(({ name, runsOn }) =>
    runsOn.flatMap((place) =>
      place.on === 'aws' && place.aws.source === source ? [{ service: name, place: place.aws }] : [],
    ),
  );
}

/** Where something of a service is, when it does not say: where the service is, else in the only region. */
export function cornerFor(
  written: { readonly region?: string; readonly account?: string },
  service: string,
  watched: readonly Watched[],
  config: Pick<AwsConfig, 'accounts' | 'regions'>,
): Corner | undefined {
  const home = watched.find((one) => one.service === service)?.place;
  const region = written.region ?? home?.region ?? (config.regions.length === 1 ? config.regions[0] : undefined);
  const account = written.account ?? home?.account;
  const isOnly = config.accounts.length === 1;
  if (region === undefined || (account === undefined && !isOnly)) return undefined;
  return { region, ...(account === undefined || isOnly ? {} : { account }) };
}
