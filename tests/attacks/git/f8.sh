# Replaced objects, grafts and notes that make a review show something else.
evil=$(echo harmless | git hash-object -w --stdin)
git replace -f "$(git rev-parse main:g)" "$evil"
git notes add -f -m forged main
common=$(git rev-parse --git-common-dir)
echo "$(git rev-parse main)" > "$common/info/grafts"
echo "$(git rev-parse main)" > "$common/shallow"
exit 0
