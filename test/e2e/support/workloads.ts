import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { JsonObject } from '../../../src/lib/json.ts';

/** How a workload of the tests differs from the plain one. */
export interface Shape {
  /** Default 3. */
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The memory limit. */
  readonly memory?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A Deployment in the namespace `shop` with one container, `main`; what its pods play is said by the image. */
export function deployment(name: string, image: string, shape: Shape = {}): JsonObject {
  const { replicas = 3, env = {}, memory, labels = {}, annotations = {} } = shape;
  const container = {
    ...{ name: 'main', image, env: Object.entries(env).map(([key, value]) => ({ name: key, value })) },
    ...(memory === undefined ? {} : { resources: { limits: { memory } } }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', labels, annotations },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [container] } },
    },
  };
}

/** The same, as Argo CD marks what the Application of that name applies. */
export function ofArgo(name: string, image: string): JsonObject {
  return deployment(name, image, {
    annotations: { 'argocd.argoproj.io/tracking-id': `${name}:apps/Deployment:shop/${name}` },
  });
}

/** The same, as Flux marks what the Kustomization `shop/apps` applies. */
export function ofFlux(name: string, image: string): JsonObject {
  const flux = 'kustomize.toolkit.fluxcd.io';
  return deployment(name, image, { labels: { [`${flux}/name`]: 'apps', [`${flux}/namespace`]: 'shop' } });
}

/** The Kustomization of `ofFlux`. Nobody plays its controller: a test writes as it. */
export const kustomization: JsonObject = {
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'apps', namespace: 'shop' },
  spec: { interval: '10m', path: './apps', prune: true, sourceRef: { kind: 'GitRepository', name: 'shop' } },
};

/** Writes a chart of one such Deployment, called as the chart, with the value `tag`. Answers where. */
export function writeChart(folder: string, name: string): string {
  const chart = path.join(folder, name);
  mkdirSync(path.join(chart, 'templates'), { recursive: true });
  writeFileSync(path.join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`);
  writeFileSync(path.join(chart, 'values.yaml'), 'tag: v1\n');
  const manifest = { ...deployment(name, `shop/${name}:{{ .Values.tag }}`), metadata: { name } };
  writeFileSync(path.join(chart, 'templates/deployment.yaml'), JSON.stringify(manifest, undefined, 2));
  return chart;
}
