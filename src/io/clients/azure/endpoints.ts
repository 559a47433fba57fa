import type { AzureCloud, AzureConnection } from '../../../domain/ports/azure.ts';
import type { AzureHost } from './operations.ts';

interface Addresses {
  readonly management: string;
  readonly metrics: string;
  readonly logs: string;
  readonly authority: string;
}

/** Addresses of the clouds (learn.microsoft.com: Azure China and Azure Government, endpoint mapping). Tokens are for these. */
const clouds: Readonly<Record<AzureCloud, Addresses>> = {
  public: {
    management: 'https://management.azure.com',
    metrics: 'https://{region}.metrics.monitor.azure.com',
    logs: 'https://api.loganalytics.io',
    authority: 'https://login.microsoftonline.com',
  },
  usgovernment: {
    management: 'https://management.usgovcloudapi.net',
    metrics: 'https://{region}.metrics.monitor.azure.us',
    logs: 'https://api.loganalytics.us',
    authority: 'https://login.microsoftonline.us',
  },
  china: {
    management: 'https://management.chinacloudapi.cn',
    metrics: 'https://{region}.metrics.monitor.azure.cn',
    logs: 'https://api.loganalytics.azure.cn',
    authority: 'https://login.chinacloudapi.cn',
  },
};

type Where = Pick<AzureConnection, 'cloud' | 'endpoints'>;

/** Where an operation is asked, without a slash at the end. */
export function endpointOf({ cloud, endpoints = {} }: Where, host: AzureHost, region = 'global'): string {
  const written = endpoints[host] ?? clouds[cloud][host];
  return written.replaceAll('{region}', region).replace(/\/+$/, '');
}

/** For what a token must be: that of the cloud, whatever address stands before it. */
export function scopeOf({ cloud }: Where, host: AzureHost): string {
  return `${clouds[cloud][host].replace('{region}.', '')}/.default`;
}

/** Who gives tokens. */
export function authorityOf({ cloud, endpoints = {} }: Where): string {
  return endpoints.authority ?? clouds[cloud].authority;
}
