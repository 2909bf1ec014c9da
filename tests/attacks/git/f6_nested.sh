# Worktrees in a directory of the main checkout: putting something else at their
# place, and rewriting their pointers. "plain" is a directory like theirs.
main=$(dirname "$(git rev-parse --git-common-dir)")
case $main in .) main=$PWD ;; esac
cd "$main" || exit 1
git init -q --bare evil
git --git-dir=evil config core.bare false
git --git-dir=evil config core.fsmonitor ": > $WM_MARKER.nested #"
for dir in .worktrees/in .worktrees plain; do
  mv "$dir" "$dir.moved"
done
mkdir -p .worktrees/in
rm -f .worktrees/in/.git
mv .worktrees/in/.git .worktrees/in/pointer
echo "gitdir: $main/evil" > .worktrees/in/.git
rm -rf evil/pointer
exit 0
