#!/bin/sh
# shell.sh ROOT: shellcheck over every shell script.
set -eu
cd "$1"

# By their first line, as programs carry no suffix.
scripts=$(find .ci packaging tests -type f -exec \
  awk 'FNR == 1 { if (/^#!.*[\/ ](ba)?sh$/ || /^# shellcheck shell=/) print FILENAME; nextfile }' {} +)
printf '%s\n' "$scripts" | tr '\n' '\0' | xargs -0 shellcheck -x
