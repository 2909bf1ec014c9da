# shellcheck shell=bash
# Sourced by packaging/quickstart and the scripts of tests/: the distribution's
# packages. The lists beside this file (debian/<list>) are the only place that
# names a package.

PACKAGE_LISTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/debian" && pwd)"
# An ordinary user's PATH lacks the directories of useradd, dockerd and iptables.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

# Runs its arguments as root. Without a terminal sudo must not wait for a password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    die "root rights are needed for: $1" "run this as root, or install sudo"
  elif [ -t 0 ]; then
    sudo "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    die "root rights are needed for: $1" "run this as root, or from a terminal where sudo can ask"
  fi
}

package_names() { # list...
  local list
  for list in "$@"; do sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$PACKAGE_LISTS/$list"; done
}

missing_packages() { # list...
  local name
  package_names "$@" | sort -u | while read -r name; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}

# Installs what is missing of the named lists; nothing, and no root, when all is there.
install_packages() { # list...
  command -v dpkg-query >/dev/null ||
    die "this machine has no dpkg" "install the packages named in packaging/packages/debian by hand"
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  if [ "${#missing[@]}" -eq 0 ]; then
    say "packages: all there"
    return
  fi
  say "packages: installing ${missing[*]}"
  as_root apt-get -qq update </dev/null || die "apt-get update failed"
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -eq 0 ] || die "still missing after the installation: ${missing[*]}"
}
