import type { WindowsRight } from '../../domain/ports/action.ts';
import type { Service } from '../../domain/service.ts';
import { systemOf, systemsIn, type Inventories } from '../systems.ts';
import type { HostPermissions } from './hosts.ts';

/** What one user needs on the Windows hosts of one place: to read, or to act. */
export interface WindowsAccount {
  readonly source: string;
  readonly place: string;
  readonly user: string;
  readonly reads: boolean;
  readonly rights: readonly WindowsRight[];
  /** What cannot be worked out before, in sentences. */
  readonly unknown: readonly string[];
}

/** The accounts of readers and hands on Windows hosts: by the sources that have such, and by what hands need. */
export function windowsAccounts(
  inventories: Inventories,
  services: readonly Service[],
  hands: readonly HostPermissions[],
): readonly WindowsAccount[] {
  const readers = [...inventories]
    .filter(([, inventory]) => systemsIn(inventory).includes('windows'))
    .map(([source, { login }]) => ({
      source,
      place: 'its Windows hosts',
      user: login.user,
      reads: true,
      rights: unitsOn(source, services, inventories).map((service) => ({ is: 'service', service }) as const),
      unknown: [],
    }));
  const acting = hands
    .filter(({ windows }) => windows.length > 0)
    .map(({ source, place, user, windows, unknown }) => ({
      source,
      place,
      user,
      reads: false,
      rights: windows,
      unknown,
    }));
  return [...readers, ...acting];
}

function unitsOn(source: string, services: readonly Service[], inventories: Inventories): readonly string[] {
  const units = services.flatMap(({ runsOn }) =>
    runsOn.flatMap((place) =>
      place.on === 'ssh' &&
      place.ssh.source === source &&
      place.ssh.unit !== undefined &&
      systemOf(place.ssh, inventories) !== 'linux'
        ? [place.ssh.unit]
        : [],
    ),
  );
  return [...new Set(units)].sort();
}

/**
 * PowerShell 5.1 for an elevated session on the hosts, that grants this and nothing else; a second run changes nothing. It is in
 * ASCII but for names. Membership of Administrators stands in it as a comment: somebody has to want it.
 */
export function windowsText(accounts: readonly WindowsAccount[]): string {
  return accounts.map((account) => accountText(account)).join('\n\n');
}

function accountText({ source, place, user, reads, rights, unknown }: WindowsAccount): string {
  const what = reads ? 'what it reads' : 'the runbooks in force';
  const administrator = rights.flatMap((right) => (right.is === 'administrator' ? [right.why] : []));
  return [
    `# ${source}, ${place}: what ${user} needs there for ${what}. Run it there in an elevated PowerShell.`,
    `$user = ${quoted(user)}`,
    ...(reads || rights.length > administrator.length ? [helpers, base] : []),
    ...(reads ? [groups] : []),
    ...rights.flatMap((right) => granting(right, reads)),
    ...administrator.map((why) => `# Windows knows no lesser right than this one to ${why}.`),
    ...(administrator.length === 0 ? [] : [administrators]),
    ...unknown.map((sentence) => `# Not in it: ${sentence}.`),
  ].join('\n');
}

function granting(right: WindowsRight, reads: boolean): readonly string[] {
  switch (right.is) {
    case 'service':
      return [`Add-Access ${quoted(right.service)} "(A;;${reads ? 'CCLCSWLORC' : 'CCLCSWRPWPLORC'};;;$sid)"`];
    case 'folder':
      return [`icacls.exe ${quoted(right.path)} /grant "*$($sid):(OI)(CI)(RX,D,DC)"`];
    case 'shutdown':
      return [privileges, "Add-Privilege 'SeShutdownPrivilege'", "Add-Privilege 'SeRemoteShutdownPrivilege'"];
    case 'administrator':
      return [];
  }
}

// Single quotes in PowerShell know one escape: the quote itself, twice; typographic ones count as quotes too.
function quoted(text: string): string {
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}

const helpers = String.raw`$sid = (New-Object Security.Principal.NTAccount($user)).Translate([Security.Principal.SecurityIdentifier]).Value

# One more entry in the list of access of a service, or of the service control manager (scmanager).
function Add-Access([string]$object, [string]$entry) {
  $now = [string]::Join('', @(sc.exe sdshow $object)).Trim()
  if (-not $now.StartsWith('D:')) { throw "sc.exe sdshow $object says: $now" }
  if ($now.Contains($entry)) { return }
  $audit = $now.IndexOf('S:(')
  $next = $now + $entry
  if ($audit -ge 0) { $next = $now.Insert($audit, $entry) }
  sc.exe sdset $object $next
}

# One more entry in the list of a CIM namespace: Enable Account and Remote Enable.
function Add-Namespace([string]$namespace) {
  $security = Get-CimInstance -Namespace $namespace -ClassName __SystemSecurity
  $list = New-Object Security.AccessControl.RawSecurityDescriptor([byte[]](Invoke-CimMethod -InputObject $security -MethodName GetSD).SD, 0)
  if (@($list.DiscretionaryAcl | Where-Object { $_.SecurityIdentifier.Value -eq $sid }).Count -gt 0) { return }
  $entry = New-Object Security.AccessControl.CommonAce('None', 'AccessAllowed', 0x21, (New-Object Security.Principal.SecurityIdentifier($sid)), $false, $null)
  $list.DiscretionaryAcl.InsertAce($list.DiscretionaryAcl.Count, $entry)
  $bytes = New-Object byte[] $list.BinaryLength
  $list.GetBinaryForm($bytes, 0)
  Invoke-CimMethod -InputObject $security -MethodName SetSD -Arguments @{ SD = $bytes }
}
`;

const base = String.raw`# A login by key is a network logon, and not interactive: without these two it may neither ask CIM nor list services.
Add-Namespace 'root/cimv2'
Add-Access 'scmanager' "(A;;CCLCRPRC;;;$sid)"`;

const groups = String.raw`# Event Log Readers and Performance Monitor Users, whatever they are called in the language of the host.
foreach ($group in 'S-1-5-32-573', 'S-1-5-32-558') { Add-LocalGroupMember -SID $group -Member $user -ErrorAction SilentlyContinue }`;

const administrators = String.raw`# It makes the user an administrator: take the # away when you want that. The key then goes to C:\ProgramData\ssh\administrators_authorized_keys.
# Add-LocalGroupMember -SID 'S-1-5-32-544' -Member $user`;

const privileges = String.raw`
# One more holder of a user right. A group policy that sets the same right wins, and has to name the user then.
function Add-Privilege([string]$name) {
  $file = [IO.Path]::GetTempFileName()
  secedit.exe /export /areas USER_RIGHTS /cfg $file | Out-Null
  $row = @(Get-Content -LiteralPath $file | Where-Object { $_.StartsWith($name + ' =') })
  $holders = @()
  if ($row.Count -gt 0) { $holders = @($row[0].Split('=')[1].Trim().Split(',')) }
  if ($holders -notcontains "*$sid") {
    $text = @('[Unicode]', 'Unicode=yes', '[Version]', 'signature="$CHICAGO$"', 'Revision=1', '[Privilege Rights]', ($name + ' = ' + [string]::Join(',', @($holders + "*$sid"))))
    Set-Content -LiteralPath $file -Value $text -Encoding Unicode
    secedit.exe /configure /db ($file + '.sdb') /cfg $file /areas USER_RIGHTS | Out-Null
  }
  Remove-Item -LiteralPath $file, ($file + '.sdb') -ErrorAction SilentlyContinue
}
`;
