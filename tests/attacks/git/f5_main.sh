# The pointers of a main checkout whose git directory lies elsewhere, and of
# another repository in it.
cd ../main || exit 1
git init -q --bare evil
git --git-dir=evil config core.bare false
git --git-dir=evil config core.fsmonitor ": > $WM_MARKER.main #"
for pointer in .git plain/.git; do
  rm -f "$pointer"
  mv "$pointer" "$pointer.old"
  echo "gitdir: $PWD/evil" > "$pointer"
done
exit 0
