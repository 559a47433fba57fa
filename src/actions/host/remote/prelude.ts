/**
 * What every script of the hands begins with: POSIX sh, with coreutils or busybox; checked by shellcheck, and run under dash
 * and busybox in tests. Scripts are static; what varies are their arguments. None does anything before its last line, so half
 * a script is nothing. They answer in lines NAME=VALUE between `@ begin` and `@ end` (`facts.ts`).
 */
export const prelude = `export LC_ALL=C LANG=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# One fact, on one line whatever is in it.
say() { printf '%s=%s\\n' "$1" "$(printf '%s' "$2" | tr -c '[:print:]' ' ' | head -c 2000)"; }

# Whether we may run exactly this as root: being root, or by a line of sudoers. Runs nothing.
may() {
  [ "$(id -u)" = 0 ] && return 0
  command -v sudo >/dev/null 2>&1 && sudo -n -l -- "$@" >/dev/null 2>&1
}

# Runs it as root. Says did=yes, did=failed with what it said, or did=forbidden when it was not run.
as_root() {
  if ! may "$@"; then
    say did forbidden
    return 1
  fi
  if [ "$(id -u)" = 0 ]; then said=$("$@" 2>&1 </dev/null); else said=$(sudo -n -- "$@" 2>&1 </dev/null); fi
  code=$?
  if [ "$code" = 0 ]; then
    say did yes
    return 0
  fi
  # sudo's own refusals begin like this; what it runs was not run.
  case $said in
    'sudo: '*) say did forbidden ;;
    *) say did failed ;;
  esac
  say code "$code"
  say said "$said"
  return 1
}

# The properties of a unit that tell whether it runs, and what ran before.
unit_facts() {
  systemctl show --no-pager --property=LoadState,ActiveState,SubState,InvocationID,MainPID,Job,ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic,CanReload -- "$1" 2>/dev/null |
    head -c 4096 | while IFS='=' read -r name value; do say "unit.$name" "$value"; done
}

# One property of a unit.
unit_property() {
  line=$(systemctl show --no-pager --property="$2" -- "$1" 2>/dev/null | head -n 1)
  printf '%s' "\${line#*=}"
}

# What people are told beside: since when the machine runs, and who is logged in.
machine_facts() {
  read -r up _ </proc/uptime && say machine.up "$up"
  say machine.now "$(date +%s)"
  who 2>/dev/null | head -n 10 | while read -r name line _; do say session "$name $line"; done
}
`;

/** A whole script: the prelude, its own functions, and the last line that begins it. */
export function scriptOf(body: string): string {
  return `${prelude}\n${body.trim()}\n\nwork() {\n  echo '@ begin'\n  main "$@"\n  echo '@ end'\n}\n\nwork "$@" </dev/null\n`;
}
