/** The machine itself: processors, memory, disks, network, volumes. Raw counters: the reader makes rates of them. */
export const readMachine = String.raw`
function Read-System {
  $os = Get-Rows 'Win32_OperatingSystem' @('Caption', 'Version', 'BuildNumber', 'LastBootUpTime', 'TotalVisibleMemorySize', 'OSLanguage') ''
  $computer = Get-Rows 'Win32_ComputerSystem' @('DNSHostName', 'NumberOfLogicalProcessors', 'PartOfDomain') ''
  $session = Get-ItemProperty -LiteralPath 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters' -ErrorAction SilentlyContinue
  $release = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -ErrorAction SilentlyContinue
  return @{
    caption = [string]$os.Caption; version = [string]$os.Version; build = [string]$os.BuildNumber
    revision = $release.UBR; bootId = $session.BootId; bootedAtMs = Get-Ms $os.LastBootUpTime
    memoryBytes = [long]$os.TotalVisibleMemorySize * 1024; processors = [int]$computer.NumberOfLogicalProcessors
    name = [string]$computer.DNSHostName; domain = [bool]$computer.PartOfDomain; osLanguage = [int]$os.OSLanguage
  }
}

# Idle time of each processor in 100 ns (PERF_100NSEC_TIMER_INV), and the counter's own clock. '_Total' rows are left out.
function Read-Cpu {
  $rows = @(Get-Rows 'Win32_PerfRawData_Counters_ProcessorInformation' @('Name', 'PercentProcessorTime', 'Timestamp_PerfTime', 'Frequency_PerfTime') '')
  $queue = Get-Rows 'Win32_PerfRawData_PerfOS_System' @('ProcessorQueueLength', 'Processes', 'Threads') ''
  return @{
    processors = @($rows | Where-Object { $_.Name -match '^\d+,\d+$' } | ForEach-Object { , @([string]$_.Name, $_.PercentProcessorTime) })
    ticks = $rows[0].Timestamp_PerfTime; frequency = $rows[0].Frequency_PerfTime
    queue = $queue.ProcessorQueueLength; processes = $queue.Processes; threads = $queue.Threads
  }
}

function Read-Memory {
  $memory = Get-Rows 'Win32_PerfRawData_PerfOS_Memory' @('AvailableBytes', 'CommittedBytes', 'CommitLimit') ''
  $files = @(Get-Rows 'Win32_PageFileUsage' @('Name', 'AllocatedBaseSize', 'CurrentUsage') '')
  return @{
    available = $memory.AvailableBytes; committed = $memory.CommittedBytes; limit = $memory.CommitLimit
    pageFiles = @($files | ForEach-Object { @{ name = [string]$_.Name; megabytes = $_.AllocatedBaseSize; used = $_.CurrentUsage } })
  }
}

function Read-Disks {
  $rows = @(Get-Rows 'Win32_PerfRawData_PerfDisk_PhysicalDisk' @('Name', 'DiskReadBytesPersec', 'DiskWriteBytesPersec', 'PercentIdleTime', 'PercentIdleTime_Base', 'AvgDisksecPerTransfer', 'AvgDisksecPerTransfer_Base', 'Timestamp_PerfTime', 'Frequency_PerfTime') '')
  return @{
    disks = @($rows | Where-Object { $_.Name -ne '_Total' } | Select-Object -First 200 | ForEach-Object {
        @{
          name = [string]$_.Name; read = $_.DiskReadBytesPersec; written = $_.DiskWriteBytesPersec
          idle = $_.PercentIdleTime; idleBase = $_.PercentIdleTime_Base
          busy = $_.AvgDisksecPerTransfer; transfers = $_.AvgDisksecPerTransfer_Base
          ticks = $_.Timestamp_PerfTime; frequency = $_.Frequency_PerfTime
        }
      })
  }
}

function Read-Network {
  $rows = @(Get-Rows 'Win32_PerfRawData_Tcpip_NetworkInterface' @('Name', 'BytesReceivedPersec', 'BytesSentPersec', 'PacketsReceivedErrors', 'PacketsOutboundErrors', 'PacketsReceivedDiscarded', 'PacketsOutboundDiscarded', 'Timestamp_PerfTime', 'Frequency_PerfTime') '')
  return @{
    interfaces = @($rows | Select-Object -First 100 | ForEach-Object {
        @{
          name = [string]$_.Name; received = $_.BytesReceivedPersec; sent = $_.BytesSentPersec
          errors = [long]$_.PacketsReceivedErrors + [long]$_.PacketsOutboundErrors
          drops = [long]$_.PacketsReceivedDiscarded + [long]$_.PacketsOutboundDiscarded
          ticks = $_.Timestamp_PerfTime; frequency = $_.Frequency_PerfTime
        }
      })
  }
}

# Fixed volumes, those without a letter included where we may see them.
function Read-Volumes {
  try {
    $rows = @(Get-Rows 'Win32_Volume' @('Name', 'DriveLetter', 'Capacity', 'FreeSpace', 'FileSystem') 'DriveType = 3')
    $volumes = @($rows | ForEach-Object { @{ path = [string]$_.Name; capacity = $_.Capacity; free = $_.FreeSpace; fileSystem = [string]$_.FileSystem } })
  }
  catch {
    $rows = @(Get-Rows 'Win32_LogicalDisk' @('DeviceID', 'Size', 'FreeSpace', 'FileSystem') 'DriveType = 3')
    $volumes = @($rows | ForEach-Object { @{ path = [string]$_.DeviceID; capacity = $_.Size; free = $_.FreeSpace; fileSystem = [string]$_.FileSystem } })
  }
  return @{ volumes = @($volumes | Select-Object -First 256) }
}
`;
