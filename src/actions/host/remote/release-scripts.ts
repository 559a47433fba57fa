import { scriptOf } from './prelude.ts';

/** $1: where releases are; $2: the link. Only real folders directly in it count; names of other letters are passed over. */
export const lookReleasesScript = scriptOf(`
main() {
  if [ -L "$2" ]; then say link "$(readlink "$2")"; fi
  say root "$(readlink -f "$1")"
  say real "$(readlink -f "$2")"
  say linkedAt "$(stat -c %Y "$2" 2>/dev/null)"
  if [ -w "\${2%/*}" ] && [ -x "\${2%/*}" ]; then say writable yes; else say writable no; fi
  count=0
  for folder in "$1"/*; do
    if [ -d "$folder" ] && ! [ -L "$folder" ]; then
      say release "$(stat -c %Y "$folder" 2>/dev/null) \${folder##*/}"
      count=$((count + 1))
      [ "$count" -lt 1000 ] || break
    fi
  done
}
`);

/**
 * Points the link, in one step that nobody can see half of, and restarts the unit. $1: where releases are; $2: the link;
 * $3: the release it must lead to before, $4: after; $5: its new text; $6: a name beside it; $7: the unit; $8: its run that
 * is to end. A link that leads there already is left, and a run that is younger than it: a repeat has no second effect.
 */
export const pointScript = scriptOf(`
main() {
  root=$(readlink -f "$1")
  real=$(readlink -f "$2")
  say real "$real"
  if [ "$real" = "$root/$4" ]; then point=already
  elif [ "$real" = "$root/$3" ] && [ -L "$2" ]; then
    if [ -L "$1/$4" ] || ! [ -d "$1/$4" ]; then
      say point gone
      return
    fi
    rm -f "$6"
    if ! ln -s "$5" "$6" 2>/dev/null || ! mv -T -f "$6" "$2" 2>/dev/null; then
      rm -f "$6" 2>/dev/null
      say point refused
      return
    fi
    if [ "$(readlink -f "$2")" != "$root/$4" ]; then
      say point astray
      return
    fi
    point=now
  else
    say point other
    return
  fi
  say point "$point"
  if [ "$point" = already ] && young "$7" "$8" "$2"; then say did yes
  else as_root /usr/bin/systemctl restart -- "$7"; fi
  unit_facts "$7"
  machine_facts
}

# Whether what runs of a unit is another run than the old one, and no older than the link, whose time has whole seconds.
young() {
  [ "$(unit_property "$1" ActiveState)" = active ] || return 1
  [ "$(unit_property "$1" InvocationID)" != "$2" ] || return 1
  read -r up _ </proc/uptime
  started=$(unit_property "$1" ActiveEnterTimestampMonotonic)
  age=$((\${up%%.*} - \${started:-0} / 1000000))
  [ "$age" -le $(($(date +%s) - $(stat -c %Y "$3") + 1)) ]
}
`);
