/** What the machine keeps: event logs, certificates, hotfixes and installed programs, pending reboots, the state of its clock. */
export const readRecords = String.raw`
# Which events of a log are wanted, by level and number. Every filter is a constant; only a record's number goes into it.
$wantedEvents = @{
  warnings = '(Level=1 or Level=2 or Level=3)'
  system   = '(Level=1 or Level=2 or Level=3 or EventID=19 or EventID=1074 or EventID=6008 or EventID=7040 or EventID=7045)'
  programs = '(Level=1 or Level=2 or Level=3 or EventID=1033 or EventID=1034)'
  all      = '(EventRecordID > 0)'
}

function Read-Channel($channel) {
  $name = [string]$channel.name
  try {
    $session = [Diagnostics.Eventing.Reader.EventLogSession]::GlobalSession
    $kind = [Diagnostics.Eventing.Reader.PathType]::LogName
    $information = $session.GetLogInformation($name, $kind)
    $newest = 0
    if ($null -ne $information.OldestRecordNumber) { $newest = [long]$information.OldestRecordNumber + [long]$information.RecordCount - 1 }
    $cleared = $false
    $wanted = $wantedEvents[[string]$channel.wanted]
    if ($null -eq $channel.after) {
      $filter = '*[System[{0} and TimeCreated[timediff(@SystemTime) <= {1}]]]' -f $wanted, [long]$channel.agoMs
    }
    else {
      $after = [long]$channel.after
      if ($after -gt $newest) { $cleared = $true; $after = 0 }
      $filter = '*[System[{0} and EventRecordID > {1}]]' -f $wanted, $after
    }
    $query = New-Object Diagnostics.Eventing.Reader.EventLogQuery($name, $kind, $filter)
    $reader = New-Object Diagnostics.Eventing.Reader.EventLogReader($query)
    $events = New-Object Collections.ArrayList
    $more = $false
    try {
      for ($record = $reader.ReadEvent(); $null -ne $record; $record = $reader.ReadEvent()) {
        if ($events.Count -ge [int]$channel.most) { $more = $true; $record.Dispose(); break }
        $message = $null
        try { $message = $record.FormatDescription() } catch { $message = $null }
        $values = @($record.Properties | Select-Object -First 20 | ForEach-Object { Get-Start $_.Value 400 })
        [void]$events.Add(@{
            record = [long]$record.RecordId; id = [int]$record.Id; level = [int]$record.Level; provider = [string]$record.ProviderName
            atMs = Get-Ms $record.TimeCreated; pid = $record.ProcessId; message = Get-Start $message 4000; values = $values
          })
        $record.Dispose()
      }
    }
    finally { $reader.Dispose() }
    return @{ name = $name; newest = $newest; cleared = $cleared; more = $more; events = $events.ToArray() }
  }
  catch {
    $base = $_.Exception.GetBaseException()
    return @{ name = $name; fault = (Get-FaultKind $base); message = Get-Start $base.Message 300 }
  }
}

function Read-Events {
  return @{ channels = @($request.channels | ForEach-Object { Read-Channel $_ }) }
}

function Read-Certificates {
  $found = @()
  foreach ($place in 'My', 'WebHosting') {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store($place, 'LocalMachine')
    try { $store.Open([Security.Cryptography.X509Certificates.OpenFlags]'ReadOnly, OpenExistingOnly') }
    catch { continue }
    $found += @($store.Certificates | Where-Object { $_.HasPrivateKey } | Select-Object -First 200 | ForEach-Object {
        @{ store = $place; thumbprint = [string]$_.Thumbprint; subject = Get-Start $_.Subject 256; issuer = Get-Start $_.Issuer 256; endsAtMs = Get-Ms $_.NotAfter; startsAtMs = Get-Ms $_.NotBefore }
      })
    $store.Close()
  }
  return @{ certificates = $found }
}

# Hotfixes as CIM tells them, and programs from the registry: the class Win32_Product would check and repair each of them.
function Read-Updates {
  $hotfixes = @(Get-Rows 'Win32_QuickFixEngineering' @('HotFixID', 'InstalledOn', 'InstalledBy', 'Description') '')
  $programs = @()
  foreach ($root in 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall', 'SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall') {
    $folder = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($root)
    if ($null -eq $folder) { continue }
    foreach ($name in @($folder.GetSubKeyNames() | Select-Object -First 1000)) {
      $key = $folder.OpenSubKey($name)
      if ($null -eq $key) { continue }
      $title = $key.GetValue('DisplayName')
      if ($null -ne $title -and $null -eq $key.GetValue('ParentKeyName')) {
        $programs += @{ id = Get-Start $name 128; name = Get-Start $title 256; version = Get-Start ($key.GetValue('DisplayVersion')) 64; day = Get-Start ($key.GetValue('InstallDate')) 16; msi = ($key.GetValue('WindowsInstaller') -eq 1) }
      }
      $key.Close()
    }
    $folder.Close()
  }
  return @{
    hotfixes = @($hotfixes | Select-Object -First 1000 | ForEach-Object { @{ id = [string]$_.HotFixID; day = [string]$_.CimInstanceProperties['InstalledOn'].Value; by = Get-Start $_.InstalledBy 128; what = Get-Start $_.Description 128 } })
    programs = $programs
  }
}

# What waits for a reboot. Renames of files alone are common and harmless, so they are told apart.
function Read-Pending {
  $session = Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager' -ErrorAction SilentlyContinue
  $now = Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName' -ErrorAction SilentlyContinue
  $next = Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName' -ErrorAction SilentlyContinue
  return @{
    servicing = Test-Path -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending'
    update = Test-Path -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
    renames = @(@($session.PendingFileRenameOperations) | Where-Object { $_ }).Count
    renamed = ($now.ComputerName -ne $next.ComputerName)
  }
}

# The words of w32tm are in the language of the host; the numbers and their order are not.
function Read-Time {
  $service = Get-Rows 'Win32_Service' @('State', 'StartMode') "Name = 'W32Time'"
  $lines = @(& ([IO.Path]::Combine([Environment]::SystemDirectory, 'w32tm.exe')) '/query' '/status')
  $code = $LASTEXITCODE
  $leap = $null
  $stratum = $null
  $reference = $null
  if ($code -eq 0) {
    if ([string]$lines[0] -match '([0-9])') { $leap = [int]$Matches[1] }
    if ([string]$lines[1] -match '([0-9]+)') { $stratum = [int]$Matches[1] }
    foreach ($line in $lines) { if ($null -eq $reference -and [string]$line -match '0x([0-9A-Fa-f]{8})') { $reference = $Matches[1].ToUpperInvariant() } }
  }
  return @{ state = [string]$service.State; start = [string]$service.StartMode; code = $code; leap = $leap; stratum = $stratum; reference = $reference }
}
`;
