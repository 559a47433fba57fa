import { scriptOf } from './prelude.ts';

// The package managers that are known, and for each: the version that is installed, whether another is to be had, what
// putting it in would do (asked without rights, and done by nobody), and the one command that does it.
const managers = `
manager() {
  if [ -x /usr/bin/apt-get ] && [ -x /usr/bin/dpkg-query ]; then echo apt
  elif [ -x /usr/bin/dnf ]; then echo dnf
  elif [ -x /sbin/apk ]; then echo apk; fi
}

installed() {
  case $(manager) in
    apt) [ "$(dpkg-query -W -f='\${db:Status-Abbrev}' "$1" 2>/dev/null | head -c 2)" = ii ] && dpkg-query -W -f='\${Version}\\n' "$1" 2>/dev/null | head -n 1 ;;
    dnf) rpm -q --qf '%{VERSION}-%{RELEASE}\\n' "$1" 2>/dev/null | grep -v ' ' | head -n 1 ;;
    apk) apk list --installed "$1" 2>/dev/null | sed -n "s/^$1-\\([0-9][^ ]*\\) .*/\\1/p" | head -n 1 ;;
  esac
}

# What would change, a line each: "change NAME" for a package put in or replaced, "remove NAME" for one that goes.
simulated() {
  case $(manager) in
    apt) apt-get -s -qq --allow-downgrades --no-install-recommends install "$1=$2" 2>&1 |
      sed -n 's/^Inst \\([^ ]*\\) .*/change=\\1/p; s/^Remv \\([^ ]*\\) .*/remove=\\1/p; s/^E: /problem=/p' ;;
    dnf) rpm -q --quiet "$1" || return 0
      dnf -q -C --assumeno downgrade "$1-$2" 2>&1 | awk '
        /^Downgrading:/ || /^Installing/ || /^Upgrading:/ || /^Reinstalling:/ { mode = "change"; next }
        /^Removing/ { mode = "remove"; next }
        /^Transaction Summary/ { mode = ""; next }
        /^Error:/ || /^No match/ { print "problem=" $0 }
        mode != "" && /^ [^ ]/ { print mode "=" $1 }' ;;
    apk) apk add --simulate "$1=$2" 2>&1 | sed -n 's/^([0-9/]*) \\(Downgrading\\|Upgrading\\|Installing\\|Replacing\\) \\([^ ]*\\) .*/change=\\2/p; s/^([0-9/]*) Purging \\([^ ]*\\) .*/remove=\\1/p; s/^ERROR: /problem=/p' ;;
  esac | head -n 200
}

# put HOW NAME VERSION: HOW is what the command is handed to.
put() {
  case $(manager) in
    apt) "$1" /usr/bin/apt-get -y -qq --allow-downgrades --no-install-recommends -o Dpkg::Options::=--force-confold install "$2=$3" ;;
    dnf) "$1" /usr/bin/dnf -q -y downgrade "$2-$3" ;;
    apk) "$1" /sbin/apk add "$2=$3" ;;
  esac
}

# Whether somebody is at it: the lock of dpkg, rpm or apk is held.
busy() {
  for pid in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$pid/comm" || continue
    case $name in
      dpkg | apt-get | apt | aptitude | unattended-upgr* | dnf | dnf5 | yum | rpm | apk)
        say busy "$name (pid \${pid#/proc/})"
        return
        ;;
    esac
  done
}
`;

/** $1: the package; $2: the version that is wanted. Only looks. */
export const lookPackageScript = scriptOf(`${managers}
main() {
  say manager "$(manager)"
  say version "$(installed "$1")"
  busy
  if [ "$2" != - ]; then
    simulated "$1" "$2"
    if put may "$1" "$2"; then say may yes; else say may no; fi
  fi
  machine_facts
}
`);

/**
 * $1: the package; $2: the version to put in; $3: the one that must be there before. Asked once more what it would do, and
 * nothing is done when that is more than the one package.
 */
export const putPackageScript = scriptOf(`${managers}
main() {
  now=$(installed "$1")
  say before "$now"
  if [ "$now" = "$2" ]; then say did yes
  elif [ "$now" != "$3" ]; then say did other
  elif [ "$(simulated "$1" "$2")" != "change=$1" ]; then
    say did more
    simulated "$1" "$2"
  else
    put as_root "$1" "$2"
  fi
  say version "$(installed "$1")"
}
`);
