# Drivers by a chosen name, gitattributes(5).
common=$(git rev-parse --git-common-dir)
for where in .gitattributes "$common/info/attributes"; do
  echo '* filter=evil diff=evil merge=evil' > "$where"
done
git config filter.evil.clean ": > $WM_MARKER.clean; cat"
git config filter.evil.smudge ": > $WM_MARKER.smudge; cat"
git config filter.evil.required false
git config diff.evil.textconv ": > $WM_MARKER.textconv; cat"
git config diff.evil.command ": > $WM_MARKER.diff"
git config merge.evil.driver ": > $WM_MARKER.merge"
git config remote.origin.uploadpack ": > $WM_MARKER.uploadpack"
exit 0
