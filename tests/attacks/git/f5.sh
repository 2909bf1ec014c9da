# The pointers: the worktree's .git file, and commondir and gitdir behind it.
admin=$(git rev-parse --git-dir)
git init -q --bare evil
git --git-dir=evil config core.bare false
git --git-dir=evil config core.fsmonitor ": > $WM_MARKER.pointer #"
echo "gitdir: $PWD/evil" > .git
cp .git evil/pointer
echo "gitdir: $PWD/evil" > evil/pointer
mv evil/pointer .git
rm -f .git
ln -s evil .git
ln -f evil/HEAD .git
echo "gitdir: $PWD/evil" > .git
echo "$PWD/evil" > "$admin/commondir"
echo "$PWD/elsewhere/.git" > "$admin/gitdir"
exit 0
