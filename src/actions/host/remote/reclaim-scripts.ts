import { scriptOf } from './prelude.ts';

// Paths that processes hold open, as far as this user may see.
const holding = `
held_paths() { ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n 's/^.* -> \\(\\/.*\\)$/\\1/p' | sort -u; }

is_held() { printf '%s\\n' "$held" | grep -Fxq -- "$1"; }
`;

// How large the journal and the packages' cache are, and how full a file system is.
const measuring = `
kilobytes() { du -sk "$@" 2>/dev/null | (
  sum=0
  while read -r size _; do sum=$((sum + size)); done
  echo "$sum"
); }

# package_cache HOW: HOW is what the command is handed to.
package_cache() {
  how=$1
  if [ -x /usr/bin/apt-get ]; then cache=/var/cache/apt/archives; set -- /usr/bin/apt-get clean
  elif [ -x /usr/bin/dnf ]; then cache=/var/cache/dnf; set -- /usr/bin/dnf clean packages
  elif [ -x /sbin/apk ]; then cache=/var/cache/apk; set -- /sbin/apk cache clean
  else return 1; fi
  "$how" "$@"
}

measure() {
  say journal "$(kilobytes /var/log/journal /run/log/journal)"
  if package_cache true; then say cache "$(kilobytes "$cache")"; fi
  say disk "$(stat -f -c '%a %b %S' "$1" 2>/dev/null)"
}
`;

/**
 * $1: age in minutes; $2: what to keep of the journal, or -; $3: yes for the packages' cache; $4: at most so many files;
 * then pairs of a folder and a pattern of names. Prints what could go, and changes nothing.
 */
export const lookReclaimScript = scriptOf(`${holding}${measuring}
main() {
  minutes=$1 keep=$2 packages=$3 most=$4
  shift 4
  measure "\${1:-/var/log}"
  if [ "$keep" != - ]; then
    if may /usr/bin/journalctl "--vacuum-size=$keep"; then say may.journal yes; else say may.journal no; fi
  fi
  if [ "$packages" = yes ]; then
    if package_cache may; then say may.cache yes; else say may.cache no; fi
  fi
  held=$(held_paths)
  while [ $# -ge 2 ]; do
    if ! [ -e "$1" ]; then say folder "absent $1"
    elif [ "$(readlink -f "$1")" != "$1" ]; then say folder "moved $1"
    elif ! [ -d "$1" ]; then say folder "none $1"
    elif ! [ -w "$1" ] || ! [ -x "$1" ]; then say folder "closed $1"
    else
      say folder "$(stat -c '%d:%i' "$1") $1"
      find "$1" -maxdepth 1 -xdev -type f -name "$2" ! -name '*[[:cntrl:]]*' -mmin "+$minutes" -exec stat -c 'file=%i %s %Y %n' {} + 2>/dev/null |
        head -n "$most" | while read -r line; do
        if ! is_held "\${line#* * * }"; then printf '%s\\n' "$line"; fi
      done
    fi
    shift 2
  done
}
`);

/**
 * $1: what to keep of the journal, or -; $2: yes for the packages' cache; then pairs of a file as it was ("inode size time")
 * and its path. A file is removed only while it is still exactly that, reached without a symlink, and not held open.
 */
export const reclaimScript = scriptOf(`${holding}${measuring}
main() {
  keep=$1 packages=$2
  shift 2
  removed=0 bytes=0 failed=0
  held=$(held_paths)
  while [ $# -ge 2 ]; do
    if [ -f "$2" ] && ! [ -L "$2" ] && [ "$(stat -c '%i %s %Y' "$2" 2>/dev/null)" = "$1" ] &&
      [ "$(readlink -f "$2")" = "$2" ] && ! is_held "$2"; then
      size=\${1#* }
      if rm -f -- "$2" 2>/dev/null; then
        removed=$((removed + 1)) bytes=$((bytes + \${size%% *}))
      else failed=$((failed + 1)); fi
    fi
    shift 2
  done
  say removed "$removed"
  say bytes "$bytes"
  say refused "$failed"
  if [ "$keep" != - ]; then as_root /usr/bin/journalctl "--vacuum-size=$keep" | sed 's/^/journal./'; fi
  if [ "$packages" = yes ]; then package_cache as_root | sed 's/^/cache./'; fi
  measure /var/log
}
`);

/** Which of the files "inode size time" and path are as they were, which are gone. Changes nothing. */
export const lookFilesScript = scriptOf(`${measuring}
main() {
  gone=0 waiting=0
  while [ $# -ge 2 ]; do
    if ! [ -e "$2" ] && ! [ -L "$2" ]; then gone=$((gone + 1))
    elif [ "$(stat -c '%i %s %Y' "$2" 2>/dev/null)" = "$1" ]; then waiting=$((waiting + 1)); fi
    shift 2
  done
  say gone "$gone"
  say waiting "$waiting"
  measure /var/log
}
`);
