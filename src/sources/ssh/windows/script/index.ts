import { readMachine } from './machine.ts';
import { readRecords } from './records.ts';
import { readRoles } from './roles.ts';

/**
 * The one script that is ever run on a Windows host by this source: Windows PowerShell 5.1, parsed by a grammar in tests, which
 * also hold that it calls nothing that writes. One argument, a JSON document that says which sections are wanted (`ask.ts`);
 * one JSON document back, packed and framed (`io/clients/windows/frame.ts`). Only CIM classes, registry values, ids
 * and numbers are read: names of counters and messages are in the language of the host.
 */
export const readWindowsScript: string = [
  String.raw`# Reads what its argument asks for and prints it; it writes nothing, changes nothing, and asks for no rights.
# Each section is read on its own: what fails is told with the kind of the fault, and hides nothing else.
param([string]$asked)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$request = ConvertFrom-Json -InputObject $asked
$watch = [Diagnostics.Stopwatch]::StartNew()

# Milliseconds of the epoch, or nothing.
function Get-Ms($when) {
  if ($null -eq $when) { return $null }
  return ([DateTimeOffset]$when).ToUnixTimeMilliseconds()
}

# The beginning of a text.
function Get-Start($text, [int]$length) {
  if ($null -eq $text) { return '' }
  $plain = [string]$text
  if ($plain.Length -gt $length) { return $plain.Substring(0, $length) }
  return $plain
}

# Instances of a class, only the properties that are named.
function Get-Rows([string]$class, [string[]]$properties, [string]$filter) {
  if ($filter -eq '') { return Get-CimInstance -ClassName $class -Property $properties -OperationTimeoutSec 8 }
  return Get-CimInstance -ClassName $class -Property $properties -Filter $filter -OperationTimeoutSec 8
}

# What kind of fault it was, by type and number: the message is in the language of the host.
function Get-FaultKind($exception) {
  if ($exception -is [UnauthorizedAccessException] -or $exception -is [Security.SecurityException]) { return 'denied' }
  if ($exception -is [IO.FileNotFoundException] -or $exception -is [IO.DirectoryNotFoundException]) { return 'absent' }
  if ($exception -is [Diagnostics.Eventing.Reader.EventLogNotFoundException]) { return 'absent' }
  if ($exception.GetType().Name -eq 'CimException') {
    $native = [int]$exception.NativeErrorCode
    if ($native -eq 2) { return 'denied' }
    if ($native -eq 3 -or $native -eq 5 -or $native -eq 6) { return 'absent' }
  }
  $number = '{0:X8}' -f $exception.HResult
  if ($number -eq '80070005' -or $number -eq '80041003') { return 'denied' }
  if ($number -eq '80041010' -or $number -eq '8004100E' -or $number -eq '80040154' -or $number -eq '80070002') { return 'absent' }
  if ($number -eq '80131505' -or $number -eq '80338029') { return 'timeout' }
  return 'other'
}`,
  readMachine,
  readRoles,
  readRecords,
  String.raw`
$readers = @{
  system = { Read-System }; cpu = { Read-Cpu }; memory = { Read-Memory }; disks = { Read-Disks }
  network = { Read-Network }; volumes = { Read-Volumes }; services = { Read-Services }; events = { Read-Events }
  iis = { Read-Iis }; tasks = { Read-Tasks }; certificates = { Read-Certificates }; updates = { Read-Updates }
  pending = { Read-Pending }; time = { Read-Time }
}
$sections = [ordered]@{}
foreach ($name in @($request.sections)) {
  $reader = $readers[[string]$name]
  if ($null -eq $reader) { continue }
  if ($watch.ElapsedMilliseconds -gt [long]$request.budgetMs) {
    $sections[[string]$name] = @{ fault = 'timeout'; message = 'there was no time left for it' }
    continue
  }
  $began = $watch.ElapsedMilliseconds
  try { $sections[[string]$name] = @{ data = (& $reader); ms = $watch.ElapsedMilliseconds - $began } }
  catch {
    $base = $_.Exception.GetBaseException()
    $message = Get-Start $base.Message 300
    $sections[[string]$name] = @{ fault = (Get-FaultKind $base); message = $message; ms = $watch.ElapsedMilliseconds - $began }
  }
}
$document = [ordered]@{
  format = 1
  language = [Globalization.CultureInfo]::InstalledUICulture.Name
  nowMs = [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds()
  zoneMinutes = [int][TimeZoneInfo]::Local.GetUtcOffset([DateTime]::UtcNow).TotalMinutes
  sections = $sections
}
$json = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $document -Depth 8 -Compress))
$packed = New-Object IO.MemoryStream
$zip = New-Object IO.Compression.GZipStream($packed, [IO.Compression.CompressionMode]::Compress)
$zip.Write($json, 0, $json.Length)
$zip.Close()
$line = [string][char]10
$text = [Convert]::ToBase64String($packed.ToArray())
$frame = [Text.Encoding]::ASCII.GetBytes($line + '@ begin' + $line + $text + $line + '@ end' + $line)
$standard = [Console]::OpenStandardOutput()
$standard.Write($frame, 0, $frame.Length)
$standard.Flush()
`,
].join('\n');
