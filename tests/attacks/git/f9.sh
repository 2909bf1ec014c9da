# Other branches, tags, packed-refs, reflogs and other worktrees.
common=$(git rev-parse --git-common-dir)
git update-ref refs/heads/main topic
git update-ref -d refs/heads/other
git tag -d light
git branch -m clean dirty
git pack-refs --all
echo "$(git rev-parse topic) refs/heads/clash" > "$common/packed-refs"
rm -rf "$common/logs"
rm -f "$common/index"
echo 'ref: refs/heads/topic' > "$common/HEAD"
git worktree prune --expire=now
git symbolic-ref refs/remotes/origin/HEAD refs/heads/topic
exit 0
