import { awsResourceName, azureResourceName, gcpResourceName, type Place } from '../../../domain/places.ts';
import type { SignalQuery } from '../../../domain/ports/source.ts';
import type { Service, TelemetryBinding } from '../../../domain/service.ts';
import type { Labels } from '../../../domain/telemetry.ts';
import { canonicalJson } from '../../../lib/canonical.ts';

/** What tells the series of one place of a service from those of its others. */
export function placeLabels(place: Place): Labels {
  switch (place.on) {
    case 'aws': {
      const { region, account, resource } = place.aws;
      return { region, ...(account === undefined ? {} : { account }), resource: awsResourceName(resource) };
    }
    case 'azure': {
      const { region, subscription, resourceGroup, resource } = place.azure;
      const name = `${resourceGroup}/${azureResourceName(resource)}`;
      return { region, ...(subscription === undefined ? {} : { subscription }), resource: name };
    }
    case 'gcp': {
      const { location, project, resource } = place.gcp;
      return { region: location, ...(project === undefined ? {} : { project }), resource: gcpResourceName(resource) };
    }
    default:
      return {};
  }
}

/**
 * Resources of one name are one service, in all their places: an app in two regions, an app and its database. A signal that several
 * places have is read in each. Each that comes in is of one place.
 */
export function joinedByName(found: readonly Service[]): readonly Service[] {
  const byName = new Map<string, Service[]>();
  for (const one of found) {
    const known = byName.get(one.name);
    if (known === undefined) byName.set(one.name, [one]);
    else known.push(one);
  }
  return [...byName.values()].map((parts) => {
    const service = parts.reduce(joined);
    return parts.length === 1 ? service : { ...service, telemetry: telemetryOf(parts) };
  });
}

function joined(a: Service, b: Service): Service {
  const logs = [...(a.logs ?? []), ...(b.logs ?? [])];
  return {
    ...a,
    labels: { ...b.labels, ...a.labels },
    dependsOn: [...new Set([...a.dependsOn, ...b.dependsOn])],
    runsOn: [...a.runsOn, ...b.runsOn],
    ...(logs.length === 0 ? {} : { logs }),
  };
}

function telemetryOf(parts: readonly Service[]): Service['telemetry'] {
  const signals = [...new Set(parts.flatMap(({ telemetry }) => Object.keys(telemetry)))];
  return Object.fromEntries(
    signals.flatMap((signal) => {
      // What a resource says of itself is asked for once, and read for each: its query is the same everywhere.
      const all = new Map<string, TelemetryBinding>();
      for (const { telemetry, runsOn } of parts) {
        const binding = telemetry[signal];
        const [place] = runsOn;
        if (binding === undefined || place === undefined) continue;
        const key = canonicalJson(binding.query);
        if (!all.has(key)) all.set(key, { ...binding, labels: placeLabels(place) });
      }
      const [first, ...others] = all.values();
      if (first === undefined) return [];
      const { labels: _, ...alone } = first;
      return [[signal, others.length === 0 ? alone : { ...first, others }] as const];
    }),
  );
}

/** Each signal once for each place that has it. */
export function inPlaces(signals: readonly SignalQuery[]): readonly SignalQuery[] {
  return signals.flatMap((one) =>
    one.binding.others === undefined
      ? [one]
      : [one.binding, ...one.binding.others].map((binding) => ({ ...one, binding })),
  );
}
