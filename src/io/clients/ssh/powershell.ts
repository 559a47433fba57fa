import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { WatchkeeperError } from '../../../lib/errors.ts';
import { limits } from '../../../lib/limits.ts';

/**
 * The one program that is named on a command line of a Windows host. It reads a frame of plain ASCII lines from its standard
 * input (`powershellInput`), and runs the script in it only when it is whole: length and SHA-256 must be those of the first
 * line. Data reach the script as arguments, so nothing is ever part of a command. `$input` and not [Console]::In, because
 * PowerShell reads a redirected standard input itself; an `exit` of its own, so that it waits for no end of input.
 * Windows PowerShell 5.1 and later. Exit codes: `startFaults`.
 */
export const powershellBootstrap = String.raw`$ProgressPreference='SilentlyContinue'
if($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage'){exit 192}
$ErrorActionPreference='Stop'
$head=$null
$done=$false
$text=New-Object Text.StringBuilder
foreach($line in $input){if($line -ceq '.'){$done=$true;break};if($null -eq $head){$head=$line.Split(' ')}else{[void]$text.Append($line)}}
if(-not $done){[Environment]::Exit(190)}
try{$bytes=[Convert]::FromBase64String($text.ToString())}catch{[Environment]::Exit(191)}
$sha=New-Object Security.Cryptography.SHA256CryptoServiceProvider
$digest=[BitConverter]::ToString($sha.ComputeHash($bytes)).Replace('-','')
if([string]$bytes.Length -cne $head[0] -or $digest -cne $head[1]){[Environment]::Exit(191)}
$zip=New-Object IO.Compression.GZipStream((New-Object IO.MemoryStream(,$bytes)),[IO.Compression.CompressionMode]::Decompress)
$parts=(New-Object IO.StreamReader($zip,(New-Object Text.UTF8Encoding))).ReadToEnd().Split([char]0)
$given=@($parts|Select-Object -Skip 1)
try{& ([scriptblock]::Create($parts[0])) @given}catch{[Console]::Error.WriteLine([string]$_);[Environment]::Exit(1)}
[Environment]::Exit(0)`;

/**
 * The command line of a Windows host, always the same: cmd.exe (the shell of Windows' OpenSSH) takes 8,191 characters, and
 * this is about half of that. Base64 of UTF-16LE, as `-EncodedCommand` wants it: nothing in it means anything to any shell.
 */
export const powershellLine = `powershell.exe -NoLogo -NoProfile -NonInteractive -EncodedCommand ${Buffer.from(powershellBootstrap, 'utf16le').toString('base64')}`;

const lineLength = 1_000;

/**
 * What goes to the standard input: `LENGTH SHA256` of the packed bytes, the bytes in base64, and a dot. Packed are the script
 * and its arguments, with NUL between them, as UTF-8 and gzip. Plain ASCII, so that the host's code page changes nothing.
 * @throws `config-invalid` for an argument with a NUL, and for too much.
 */
export function powershellInput(script: string, args: readonly string[]): string {
  if (args.some((argument) => argument.includes('\0')))
    throw new WatchkeeperError('config-invalid', 'an argument of a command over SSH has a NUL in it');
  const packed = gzipSync(Buffer.from([script, ...args].join('\0')));
  if (packed.length > limits.sshCommandBytes)
    throw new WatchkeeperError(
      'config-invalid',
      `what is asked of one host is longer than ${limits.sshCommandBytes} bytes`,
      { fix: 'Watch fewer services and channels on each host.' },
    );
  const digest = createHash('sha256').update(packed).digest('hex').toUpperCase();
  const lines = packed.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return [`${packed.length} ${digest}`, ...lines, '.', ''].join('\n');
}

/** Why nothing of a script was run, by the exit code of the bootstrap; `undefined` for every other code. */
export function startFault(code: number | null): WatchkeeperError | undefined {
  const fault = code === null ? undefined : startFaults[code];
  return fault === undefined ? undefined : new WatchkeeperError('unsupported', fault.message, { fix: fault.fix });
}

const startFaults: Readonly<Record<number, { readonly message: string; readonly fix: string }>> = {
  190: {
    message: 'the script did not arrive whole, so nothing was run',
    fix: 'Leave DefaultShell of OpenSSH there at cmd.exe, its default: PowerShell as the login shell takes the input for itself.',
  },
  191: {
    message: 'the script arrived damaged, so nothing was run',
    fix: 'Look for what changes the input on its way.',
  },
  192: {
    message: 'PowerShell there is in constrained language mode, so nothing was run',
    fix: 'Allow this user full language mode in the application control policy (AppLocker, WDAC) of the host.',
  },
  127: {
    message: 'the host has no powershell.exe: it is no Windows machine',
    fix: 'Take `os: windows` off the host in the inventory.',
  },
};
