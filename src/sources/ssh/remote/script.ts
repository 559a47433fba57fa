/**
 * The one script that is ever run on a host by this source. POSIX sh, with coreutils or busybox; checked by shellcheck, and
 * run under dash and busybox in tests. It takes questions as arguments, three words each (`ask.ts`), and answers them in order
 * (`answers.ts`). It does nothing before its last line, so half of it is nothing.
 */
export const readScript = `# Reads what its arguments ask for and prints it; it writes nothing, starts nothing, and asks for no rights.
# Each question is three arguments: what, of what, and how much. Each answer is a line "@ NUMBER WORD" and, where there is
# something, its bytes in base64, so that nothing in a file can look like a line of ours.
export LC_ALL=C LANG=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The bytes of the standard input as base64; od where there is no base64, marked by a leading "x".
pack() {
  if [ "$packer" = base64 ]; then base64; else
    echo x
    od -An -v -tx1
  fi
}

tell() { echo "@ $number $1"; }

# What a path is when it cannot be read: nothing, a folder, or not for us.
unreadable() {
  if [ -d "$1" ]; then tell folder
  elif [ -e "$1" ] || [ -L "$1" ]; then tell denied
  elif hidden "$1"; then tell denied
  else tell absent; fi
}

# Whether one of the folders above a path may not be entered, so that nobody can say what is in it.
hidden() {
  above=\${1%/*}
  while [ -n "$above" ]; do
    if [ -d "$above" ]; then
      [ -x "$above" ] && return 1
      return 0
    fi
    above=\${above%/*}
  done
  return 1
}

# file PATH BYTES: the beginning.
read_start() {
  if [ -f "$1" ] && [ -r "$1" ]; then
    tell bytes
    head -c "$2" "$1" 2>/dev/null | pack
  else unreadable "$1"; fi
}

# part PATH BLOCK BLOCKS: a stretch, in blocks of 4096 bytes, which dd can seek to.
read_part() {
  if [ -f "$1" ] && [ -r "$1" ]; then
    tell bytes
    dd if="$1" bs=4096 skip="$2" count="$3" 2>/dev/null | pack
  else unreadable "$1"; fi
}

# list PATH COUNT: the names in a folder, one a line; a name with a line end in it reads as two that are not there.
list_folder() {
  if [ -d "$1" ] && [ -r "$1" ] && [ -x "$1" ]; then
    tell bytes
    # shellcheck disable=SC2012
    ls -1A "$1" 2>/dev/null | head -n "$2" | pack
  elif [ -d "$1" ]; then tell denied
  elif [ -e "$1" ]; then tell other
  else unreadable "$1"; fi
}

about() {
  if [ -e "$1" ] || [ -L "$1" ]; then
    tell bytes
    stat -c '%f %s %Y %i %d %u' "$1" 2>/dev/null | pack
  else unreadable "$1"; fi
}

link_target() {
  if [ -L "$1" ]; then
    tell bytes
    if [ "$2" = whole ]; then readlink -f "$1"; else readlink "$1"; fi 2>/dev/null | pack
  elif [ "$2" = whole ] && [ -e "$1" ]; then
    tell bytes
    readlink -f "$1" 2>/dev/null | pack
  else unreadable "$1"; fi
}

space() {
  tell bytes
  stat -f -c '%S %b %f %a %c %d' "$1" 2>/dev/null | pack
}

has_systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

unit() {
  if has_systemd; then
    tell bytes
    systemctl show --no-pager --property=Id,LoadState,ActiveState,SubState,Result,NRestarts,MainPID,ControlGroup -- "$1" 2>/dev/null |
      head -c 8192 | pack
  else tell absent; fi
}

failed_units() {
  if has_systemd; then
    tell bytes
    systemctl list-units --state=failed --plain --no-legend --no-pager --full 2>/dev/null | head -c 65536 | pack
  else tell absent; fi
}

# journal WHERE BYTES: what came after a cursor ("c…"), or since a second of the epoch ("s…").
journal() {
  if ! command -v journalctl >/dev/null 2>&1; then
    tell absent
    return
  fi
  tell bytes
  case $1 in
    c*) journalctl --no-pager --output=json --after-cursor="\${1#c}" 2>&1 ;;
    *) journalctl --no-pager --output=json --since="@\${1#s}" 2>&1 ;;
  esac | head -c "$2" | pack
}

# listening: the lines of /proc/net/tcp and tcp6 whose state is LISTEN.
listening() {
  tell bytes
  grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null | head -n 2000 | pack
}

# containers: a line "NAME IMAGE ID" for each that runs, of every engine that this user may ask. One that hangs must not
# keep the rest from being told.
containers() {
  engines=''
  command -v timeout >/dev/null 2>&1 || {
    tell absent
    return
  }
  for engine in docker podman nerdctl; do
    command -v "$engine" >/dev/null 2>&1 && engines="$engines $engine"
  done
  if [ -z "$engines" ]; then
    tell absent
    return
  fi
  tell bytes
  for engine in $engines; do
    case $engine in
      nerdctl) form='{{.Name}} {{.Image}} {{.Image}}' ;;
      *) form='{{.Name}} {{.Config.Image}} {{.Image}}' ;;
    esac
    timeout 2 "$engine" ps -q --no-trunc 2>/dev/null | head -n 500 |
      xargs -r timeout 2 "$engine" inspect --format "$form" 2>/dev/null
  done | head -c 65536 | pack
}

main() {
  if command -v base64 >/dev/null 2>&1; then packer='base64'; else packer='od'; fi
  number=0
  echo '@ begin'
  while [ $# -ge 3 ]; do
    number=$((number + 1))
    case $1 in
      file) read_start "$2" "$3" ;;
      part) read_part "$2" "\${3%+*}" "\${3#*+}" ;;
      list) list_folder "$2" "$3" ;;
      stat) about "$2" ;;
      link) link_target "$2" "$3" ;;
      space) space "$2" ;;
      unit) unit "$2" ;;
      failed) failed_units ;;
      journal) journal "$2" "$3" ;;
      listening) listening ;;
      containers) containers ;;
      zone) tell bytes && date '+%z %s' | pack ;;
      *) tell unknown ;;
    esac
    shift 3
  done
  echo '@ end'
}

main "$@" </dev/null
`;
