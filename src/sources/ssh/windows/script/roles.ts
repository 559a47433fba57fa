/** What runs on the machine: services and their recovery, their processes, IIS, scheduled tasks. */
export const readRoles = String.raw`
# All services, and the processes of those that were asked for. Recovery is the value FailureActions of the registry.
function Read-Services {
  $rows = @(Get-Rows 'Win32_Service' @('Name', 'DisplayName', 'State', 'StartMode', 'ExitCode', 'ServiceSpecificExitCode', 'ProcessId', 'PathName', 'StartName', 'DelayedAutoStart') '')
  $wanted = @{}
  foreach ($unit in @($request.units)) { $wanted[([string]$unit).ToLowerInvariant()] = $true }
  $numbers = @{}
  $services = @($rows | Select-Object -First 2000 | ForEach-Object {
      $service = $_
      $recovery = $null
      $key = $null
      try { $key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Services\' + $service.Name) } catch { $key = $null }
      if ($null -ne $key) {
        $actions = $key.GetValue('FailureActions')
        if ($actions -is [byte[]] -and $actions.Length -le 512) { $recovery = [Convert]::ToBase64String($actions) }
        $key.Close()
      }
      if ($wanted.ContainsKey($_.Name.ToLowerInvariant()) -and $_.ProcessId -gt 0) { $numbers[[int]$_.ProcessId] = $true }
      @{
        name = [string]$_.Name; display = Get-Start $_.DisplayName 256; state = [string]$_.State; start = [string]$_.StartMode
        'exit' = $_.ExitCode; specific = $_.ServiceSpecificExitCode; pid = $_.ProcessId; delayed = [bool]$_.DelayedAutoStart
        path = Get-Start $_.PathName 1024; account = Get-Start $_.StartName 256; recovery = $recovery
      }
    })
  $processes = @()
  if ($numbers.Count -gt 0) {
    $all = @(Get-Rows 'Win32_Process' @('ProcessId', 'Name', 'CreationDate', 'KernelModeTime', 'UserModeTime', 'WorkingSetSize', 'ThreadCount', 'HandleCount') '')
    $processes = @($all | Where-Object { $numbers.ContainsKey([int]$_.ProcessId) } | ForEach-Object {
        @{
          pid = $_.ProcessId; name = [string]$_.Name; startedAtMs = Get-Ms $_.CreationDate
          kernel = $_.KernelModeTime; user = $_.UserModeTime; memory = $_.WorkingSetSize
          threads = $_.ThreadCount; handles = $_.HandleCount
        }
      })
  }
  $system = Get-Rows 'Win32_PerfRawData_PerfOS_System' @('Timestamp_PerfTime', 'Frequency_PerfTime') ''
  return @{ services = $services; processes = $processes; ticks = $system.Timestamp_PerfTime; frequency = $system.Frequency_PerfTime }
}

# Sites and application pools by IIS' own library, which only administrators may use. States are numbers: 1 is started.
function Read-Iis {
  $library = [IO.Path]::Combine([Environment]::SystemDirectory, 'inetsrv\Microsoft.Web.Administration.dll')
  if (-not [IO.File]::Exists($library)) { throw (New-Object IO.FileNotFoundException('IIS is not installed')) }
  [void][Reflection.Assembly]::LoadFrom($library)
  $manager = New-Object Microsoft.Web.Administration.ServerManager
  try {
    $pools = @($manager.ApplicationPools | Select-Object -First 500 | ForEach-Object {
        @{ name = [string]$_.Name; state = [int]$_.State; autoStart = [bool]$_.AutoStart; workers = @($_.WorkerProcesses | ForEach-Object { [int]$_.ProcessId }) }
      })
    $sites = @($manager.Sites | Select-Object -First 500 | ForEach-Object {
        $root = $_.Applications['/']
        @{
          name = [string]$_.Name; id = [long]$_.Id; state = [int]$_.State; autoStart = [bool]$_.ServerAutoStart
          pool = [string]$root.ApplicationPoolName; path = [string]$root.VirtualDirectories['/'].PhysicalPath
          bindings = @($_.Bindings | Select-Object -First 20 | ForEach-Object { [string]$_.Protocol + ' ' + [string]$_.BindingInformation })
        }
      })
    return @{ pools = $pools; sites = $sites }
  }
  finally { $manager.Dispose() }
}

# Scheduled tasks but for Windows' own, with the number that each ended with.
function Read-Tasks {
  $scheduler = New-Object -ComObject 'Schedule.Service'
  [void]$scheduler.Connect()
  $left = New-Object Collections.Queue
  $left.Enqueue($scheduler.GetFolder('\'))
  $tasks = @()
  while ($left.Count -gt 0 -and $tasks.Count -lt 500) {
    $folder = $left.Dequeue()
    foreach ($below in $folder.GetFolders(0)) { if ($below.Path -ne '\Microsoft') { $left.Enqueue($below) } }
    $tasks += @($folder.GetTasks(1) | ForEach-Object {
        @{
          path = [string]$_.Path; state = [int]$_.State; enabled = [bool]$_.Enabled; result = [long]$_.LastTaskResult
          ranAtMs = Get-Ms $_.LastRunTime; missed = [int]$_.NumberOfMissedRuns
        }
      })
  }
  return @{ tasks = @($tasks | Select-Object -First 500) }
}
`;
