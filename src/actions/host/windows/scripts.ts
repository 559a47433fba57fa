// Both scripts take one argument, a JSON document: `verb` says about what, and the rest are its data. They answer one JSON document
// in the frame of io/clients/windows/frame.ts. Data are compared and passed as values; no command, filter or path is
// put together from them but a file's place below a folder that was named.
const prelude = String.raw`param([string]$asked)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$request = ConvertFrom-Json -InputObject $asked
[void][Reflection.Assembly]::LoadWithPartialName('System.ServiceProcess')

function Get-Ms($when) {
  if ($null -eq $when) { return 0 }
  return ([DateTimeOffset]$when).ToUnixTimeMilliseconds()
}

# By type and number: the message is in the language of the host.
function Get-FaultKind($exception) {
  if ($exception -is [UnauthorizedAccessException] -or $exception -is [Security.SecurityException]) { return 'denied' }
  if ($exception -is [IO.FileNotFoundException] -or $exception -is [IO.DirectoryNotFoundException]) { return 'absent' }
  $number = '{0:X8}' -f $exception.HResult
  if ($exception -is [ComponentModel.Win32Exception]) { $number = '8007{0:X4}' -f $exception.NativeErrorCode }
  if ($number -eq '80070005' -or $number -eq '80041003' -or $number -eq '80070522') { return 'denied' }
  return 'other'
}

function Find-Service([string]$name, $all) {
  $found = @($all | Where-Object { $_.Name -eq $name })
  if ($found.Count -ne 1) { throw (New-Object IO.FileNotFoundException('there is no such Windows service')) }
  return $found[0]
}

function Get-Services {
  return Get-CimInstance -ClassName Win32_Service -Property @('Name', 'State', 'StartMode', 'ProcessId') -OperationTimeoutSec 20
}

# Running services that need this one. Stop() would stop them too, without a word.
function Get-Dependents($control) {
  $found = @($control.DependentServices | Where-Object { $_.Status -ne [ServiceProcess.ServiceControllerStatus]::Stopped })
  return $found | Select-Object -First 20 | ForEach-Object { [string]$_.ServiceName }
}

# A process is one by its number and its start; numbers are given again.
function Get-Identity([long]$number) {
  if ($number -le 4) { return '' }
  $found = @(Get-CimInstance -ClassName Win32_Process -Property @('ProcessId', 'CreationDate') -OperationTimeoutSec 20 | Where-Object { $_.ProcessId -eq $number })
  if ($found.Count -ne 1) { return '' }
  return [string]$number + '@' + [string](Get-Ms $found[0].CreationDate)
}

function Get-ServiceFacts([string]$name) {
  $all = @(Get-Services)
  $service = Find-Service $name $all
  $shares = @()
  if ($service.ProcessId -gt 0) {
    $shares = @($all | Where-Object { $_.ProcessId -eq $service.ProcessId -and $_.Name -ne $service.Name } | Select-Object -First 20 | ForEach-Object { [string]$_.Name })
  }
  $control = New-Object ServiceProcess.ServiceController($service.Name)
  return @{
    name = [string]$service.Name; state = [string]$service.State; start = [string]$service.StartMode; pid = [long]$service.ProcessId
    up = ($service.State -eq 'Running'); identity = Get-Identity $service.ProcessId
    dependents = @(Get-Dependents $control); shares = $shares
  }
}

function Open-Iis {
  $library = [IO.Path]::Combine([Environment]::SystemDirectory, 'inetsrv\Microsoft.Web.Administration.dll')
  if (-not [IO.File]::Exists($library)) { throw (New-Object IO.FileNotFoundException('IIS is not installed')) }
  [void][Reflection.Assembly]::LoadFrom($library)
  return New-Object Microsoft.Web.Administration.ServerManager
}

# The workers of a pool, each by number and start: a recycled pool has others.
function Get-PoolFacts($manager, [string]$name) {
  $pool = $manager.ApplicationPools[$name]
  if ($null -eq $pool) { throw (New-Object IO.FileNotFoundException('there is no such application pool')) }
  $workers = @($pool.WorkerProcesses | ForEach-Object { Get-Identity $_.ProcessId } | Sort-Object)
  return @{ name = $name; state = [int]$pool.State; up = ([int]$pool.State -eq 1); identity = [string]::Join(',', [string[]]$workers); workers = $workers.Count }
}

function Get-SiteRoot($manager, [string]$name) {
  $site = $manager.Sites[$name]
  if ($null -eq $site) { throw (New-Object IO.FileNotFoundException('there is no such site')) }
  return $site.Applications['/'].VirtualDirectories['/']
}

# The folder a site is served from, and the releases beside it.
function Get-SiteFacts($manager, [string]$name) {
  $path = [string](Get-SiteRoot $manager $name).PhysicalPath
  $folder = [IO.Path]::GetDirectoryName($path.TrimEnd('\'))
  $beside = @()
  if ($null -ne $folder -and [IO.Directory]::Exists($folder)) {
    $beside = @((New-Object IO.DirectoryInfo($folder)).GetDirectories() | Where-Object { -not ($_.Attributes -band [IO.FileAttributes]::ReparsePoint) } | Select-Object -First 500 | ForEach-Object { [string]$_.Name })
  }
  $state = [int]$manager.Sites[$name].State
  return @{ name = $name; path = $path; releases = $beside; state = $state; up = ($state -eq 1); identity = $path }
}

# Files below one folder that were not written for so long, the oldest first. Folders that are links are not entered.
function Find-Files([string]$root, [long]$olderMs, [int]$most) {
  $found = New-Object Collections.ArrayList
  $before = [DateTime]::UtcNow.AddMilliseconds(-1 * $olderMs)
  $endings = @($request.endings | ForEach-Object { '.' + [string]$_ })
  $left = New-Object Collections.Queue
  $top = New-Object IO.DirectoryInfo($root)
  if (-not $top.Exists) { throw (New-Object IO.DirectoryNotFoundException('there is no such folder')) }
  if ($top.Attributes -band [IO.FileAttributes]::ReparsePoint) { throw (New-Object IO.DirectoryNotFoundException('the folder is a link')) }
  $left.Enqueue($top)
  while ($left.Count -gt 0 -and $found.Count -lt 20000) {
    $folder = $left.Dequeue()
    foreach ($entry in $folder.GetFileSystemInfos()) {
      if ($entry.Attributes -band [IO.FileAttributes]::ReparsePoint) { continue }
      if ($entry -is [IO.DirectoryInfo]) { $left.Enqueue($entry) }
      elseif ($entry.LastWriteTimeUtc -lt $before -and $endings -contains $entry.Extension) { [void]$found.Add($entry) }
    }
  }
  return @($found.ToArray() | Sort-Object -Property LastWriteTimeUtc | Select-Object -First $most)
}

function Get-DiskFacts {
  $files = @(Find-Files ([string]$request.folder) ([long]$request.olderMs) ([int]$request.most))
  $bytes = [long]0
  foreach ($file in $files) { $bytes += $file.Length }
  $drive = New-Object IO.DriveInfo(([IO.Path]::GetPathRoot([string]$request.folder)))
  return @{ files = $files.Count; bytes = $bytes; free = [long]$drive.AvailableFreeSpace; up = $true; identity = [string]$files.Count + ' ' + [string]$bytes }
}

# The numbers of w32tm, by their place: its words are in the language of the host.
function Get-TimeFacts {
  $lines = @(& ([IO.Path]::Combine([Environment]::SystemDirectory, 'w32tm.exe')) '/query' '/status')
  $facts = @{ code = [long]$LASTEXITCODE; leap = -1; stratum = -1; reference = '' }
  if ([string]$lines[0] -match '([0-9])') { $facts.leap = [int]$Matches[1] }
  if ([string]$lines[1] -match '([0-9]+)') { $facts.stratum = [int]$Matches[1] }
  foreach ($line in $lines) { if ($facts.reference -eq '' -and [string]$line -match '0x([0-9A-Fa-f]{8})') { $facts.reference = $Matches[1].ToUpperInvariant() } }
  $facts.state = [string](Find-Service 'W32Time' @(Get-Services)).State
  $own = ($facts.reference -eq '00000000' -or $facts.reference -eq '4C4F434C')
  $facts.up = ($facts.code -eq 0 -and $facts.leap -ne 3 -and $facts.stratum -ge 1 -and $facts.stratum -le 15 -and -not $own)
  $facts.identity = [string]$facts.up
  return $facts
}

function Get-BootFacts {
  $os = Get-CimInstance -ClassName Win32_OperatingSystem -Property LastBootUpTime -OperationTimeoutSec 20
  $session = Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters' -ErrorAction SilentlyContinue
  return @{ bootedAtMs = Get-Ms $os.LastBootUpTime; identity = 'boot ' + [string]$session.BootId; up = ($null -ne $session.BootId) }
}

function Get-Facts([string]$verb) {
  if ($verb -eq 'service' -or $verb -eq 'process') { return Get-ServiceFacts ([string]$request.name) }
  if ($verb -eq 'disk') { return Get-DiskFacts }
  if ($verb -eq 'time') { return Get-TimeFacts }
  if ($verb -eq 'reboot') { return Get-BootFacts }
  $manager = Open-Iis
  try {
    if ($verb -eq 'pool') { return Get-PoolFacts $manager ([string]$request.name) }
    if ($verb -eq 'site') { return Get-SiteFacts $manager ([string]$request.name) }
  }
  finally { $manager.Dispose() }
  throw (New-Object ArgumentException('an unknown verb'))
}`;

const ending = String.raw`
$line = [string][char]10
$packed = New-Object IO.MemoryStream
$zip = New-Object IO.Compression.GZipStream($packed, [IO.Compression.CompressionMode]::Compress)
$json = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $answer -Depth 6 -Compress))
$zip.Write($json, 0, $json.Length)
$zip.Close()
$frame = [Text.Encoding]::ASCII.GetBytes($line + '@ begin' + $line + [Convert]::ToBase64String($packed.ToArray()) + $line + '@ end' + $line)
$standard = [Console]::OpenStandardOutput()
$standard.Write($frame, 0, $frame.Length)
$standard.Flush()
`;

/** Looks at what an action of ours would touch. It changes nothing. */
export const windowsLook: string = [
  prelude,
  String.raw`
try { $answer = @{ facts = (Get-Facts ([string]$request.verb)) } }
catch {
  $base = $_.Exception.GetBaseException()
  $answer = @{ fault = (Get-FaultKind $base); message = [string]$base.Message }
}`,
  ending,
].join('\n');

/**
 * Acts, once: what it finds otherwise than it was looked at is left alone (`did` is `gone`), so that a repeat does nothing. `did` is
 * `yes` when the act was begun, and `part` when the first half of it has certainly happened; what then came of it is looked at, and
 * `fault` says why it was not.
 */
export const windowsAct: string = [
  prelude,
  String.raw`
$until = [DateTime]::UtcNow.AddMilliseconds([long]$request.budgetMs)
function Get-Left { $left = $until - [DateTime]::UtcNow; if ($left.TotalSeconds -lt 1) { return [TimeSpan]::FromSeconds(1) }; return $left }

function Restart-Unit {
  $control = New-Object ServiceProcess.ServiceController([string]$request.name)
  if (@(Get-Dependents $control).Count -gt 0) { throw (New-Object InvalidOperationException('services that need it are running')) }
  if ($control.Status -ne [ServiceProcess.ServiceControllerStatus]::Stopped) {
    $state.did = 'yes'
    $control.Stop()
    $state.did = 'part'
    $control.WaitForStatus([ServiceProcess.ServiceControllerStatus]::Stopped, (Get-Left))
  }
  if ($state.did -eq 'no') { $state.did = 'yes' }
  $control.Start()
  $control.WaitForStatus([ServiceProcess.ServiceControllerStatus]::Running, (Get-Left))
  $state.did = 'yes'
}

function Stop-Unit {
  if (@($now.shares).Count -gt 0) { throw (New-Object InvalidOperationException('other services run in this process')) }
  $process = [Diagnostics.Process]::GetProcessById([int]([string]$request.identity).Split('@')[0])
  # As long as a handle is held its number is given to no other process: first the handle, then whose it is.
  $handle = $process.Handle
  if ((Get-Ms $process.StartTime) -ne [long]([string]$request.identity).Split('@')[1]) { $state.did = 'gone'; return }
  $state.did = 'yes'
  $process.Kill()
  [void]$process.WaitForExit([int](Get-Left).TotalMilliseconds)
}

function Restart-Pool($manager) {
  $pool = $manager.ApplicationPools[[string]$request.name]
  $state.did = 'yes'
  if ([int]$pool.State -eq 3) { [void]$pool.Start() } else { [void]$pool.Recycle() }
}

function Set-Site($manager) {
  $root = Get-SiteRoot $manager ([string]$request.name)
  if (-not [IO.Directory]::Exists([string]$request.to)) { throw (New-Object IO.DirectoryNotFoundException('there is no such release')) }
  $state.did = 'yes'
  $root.PhysicalPath = [string]$request.to
  $manager.CommitChanges()
}

function Clear-Disk {
  $freed = [long]0
  $count = 0
  $kept = 0
  foreach ($file in @(Find-Files ([string]$request.folder) ([long]$request.olderMs) ([int]$request.most))) {
    if ([DateTime]::UtcNow -gt $until) { break }
    $size = $file.Length
    $state.did = 'yes'
    try { $file.Delete(); $freed += $size; $count++ } catch { $kept++ }
  }
  $state.did = 'yes'
  $state.freed = @{ bytes = $freed; files = $count; kept = $kept }
}

function Sync-Time {
  $state.did = 'yes'
  $control = New-Object ServiceProcess.ServiceController('W32Time')
  if ($control.Status -eq [ServiceProcess.ServiceControllerStatus]::Stopped) { $control.Start(); $control.WaitForStatus([ServiceProcess.ServiceControllerStatus]::Running, (Get-Left)) }
  [void](& ([IO.Path]::Combine([Environment]::SystemDirectory, 'w32tm.exe')) '/resync' '/rediscover')
  $state.code = [long]$LASTEXITCODE
}

# In ten seconds, so that this answer gets out; planned, for a reason of the operating system (p:2:4).
function Restart-Machine {
  $state.did = 'yes'
  [void](& ([IO.Path]::Combine([Environment]::SystemDirectory, 'shutdown.exe')) '/r' '/t' '10' '/d' 'p:2:4' '/c' 'Watchkeeper')
  $state.code = [long]$LASTEXITCODE
}

# One object, and not variables: a function that sets a variable sets its own.
$state = @{ did = 'no'; code = 0; freed = $null }
$verb = [string]$request.verb
try {
  $now = Get-Facts $verb
  if ($verb -ne 'disk' -and $verb -ne 'time' -and $now.identity -cne [string]$request.identity) { $state.did = 'gone' }
  elseif ($verb -eq 'service') { Restart-Unit }
  elseif ($verb -eq 'process') { Stop-Unit }
  elseif ($verb -eq 'disk') { Clear-Disk }
  elseif ($verb -eq 'time') { Sync-Time }
  elseif ($verb -eq 'reboot') { Restart-Machine }
  else {
    $manager = Open-Iis
    try { if ($verb -eq 'pool') { Restart-Pool $manager } else { Set-Site $manager } }
    finally { $manager.Dispose() }
  }
  $answer = @{ did = $state.did; code = $state.code; freed = $state.freed; facts = (Get-Facts $verb) }
}
catch {
  $base = $_.Exception.GetBaseException()
  $answer = @{ did = $state.did; code = $state.code; freed = $state.freed; fault = (Get-FaultKind $base); message = [string]$base.Message }
}`,
  ending,
].join('\n');
