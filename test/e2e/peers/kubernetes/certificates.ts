import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A certificate and its key, as PEM, and where they lie. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority in a folder of its own. */
export interface Authority extends Certificate {
  /** Signs one for `name`: with groups for a client (Kubernetes reads O as groups), for loopback as a server. */
  issue(name: string, groups?: readonly string[]): Certificate;
}

const forLoopback = ['-addext', 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1'];
const asUser = ['-addext', 'extendedKeyUsage=clientAuth,serverAuth'];

/** Makes an authority whose files lie in `folder`. Certificates are good for two days. */
export function makeAuthority(folder: string): Authority {
  const authority = make(folder, 'ca', ['-subj', '/CN=watchkeeper-e2e', '-addext', 'keyUsage=critical,keyCertSign']);
  const signed = ['-CA', authority.certFile, '-CAkey', authority.keyFile, ...asUser, ...forLoopback];
  let count = 0;
  const issue: Authority['issue'] = (name, groups = []) => {
    const subject = [...groups.map((group) => `O=${group}`), `CN=${name}`].map((part) => `/${part}`).join('');
    return make(folder, `issued-${++count}`, [...signed, '-subj', subject]);
  };
  return { ...authority, issue };
}

function make(folder: string, name: string, argv: readonly string[]): Certificate {
  const certFile = path.join(folder, `${name}.crt`);
  const keyFile = path.join(folder, `${name}.key`);
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...fresh, '-keyout', keyFile, '-out', certFile, ...argv], { stdio: 'pipe' });
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
}
