#!/bin/sh
# format.sh ROOT: fails when a C++ file is not as clang-format leaves it. The
# fix: git ls-files -z '*.cc' '*.h' | xargs -0 clang-format -i
set -eu
cd "$1"

# A copy of the tree without its history is searched instead.
if git rev-parse --git-dir >/dev/null 2>&1; then
  git ls-files -z -- '*.cc' '*.h'
else
  find common cli daemon guest tests \( -name '*.cc' -o -name '*.h' \) -print0
fi | xargs -0 clang-format --dry-run -Werror
