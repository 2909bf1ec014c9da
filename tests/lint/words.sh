#!/bin/sh
# words.sh ROOT: fails when a file of ours holds a path of one machine, an open
# end, or a word that does not belong into a published tree.
set -eu
cd "$1"

# This file holds the patterns, and a licence is quoted as it is.
files=$(find . -type f -not -path './.git' -not -path './.git/*' -not -path './build*' -not -path './tests/lint/words.sh' \
  -not -path './LICENSE' -not -path '*/__pycache__/*')
status=0

# refuse <why> <extended regular expression> [allowed expression]
refuse() {
  found=$(printf '%s\n' "$files" | tr '\n' '\0' | xargs -0 grep -nIE -e "$2" || true)
  if [ -n "${3:-}" ]; then found=$(printf '%s\n' "$found" | grep -vE -e "$3" || true); fi
  [ -n "$found" ] || return 0
  printf '%s:\n%s\n' "$1" "$found" >&2
  status=1
}

refuse "an open end without an owner" '\b(TODO|FIXME|XXX|HACK)\b'
refuse "the home folder of a person" '/(home|Users)/[A-Za-z]' \
  '/(home|Users)/(user|users|me|you|dev|alice|bob|agent|test|u|x)\b'
# Where this clone lies, unless that is too short a path to mean anything.
case "$PWD" in
  /*/*/*) refuse "the folder of this clone" "$(printf %s "$PWD" | sed 's/[.[\*^$+?(){|]/\\&/g')\b" ;;
esac
refuse "a debugging leftover" '\b(std::cerr|printf|fprintf\(stderr,) *[(<]* *"(DEBUG|here)\b'
refuse "a merge left half done" '^(<<<<<<<|>>>>>>>) '
refuse "a credential" '-----BEGIN [A-Z ]*PRIVATE KEY|\b(ghp|gho|ghs)_[A-Za-z0-9]{36}|\bAKIA[0-9A-Z]{16}\b'
exit "$status"
