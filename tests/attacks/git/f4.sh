# Configuration that names further configuration.
printf '[core]\n\tfsmonitor = ": > %s.include #"\n' "$WM_MARKER" > evil.config
git config extensions.worktreeConfig true
git config --worktree core.fsmonitor ": > $WM_MARKER.worktree #"
git config --add include.path "$PWD/evil.config"
git config --add "includeIf.gitdir:/.path" "$PWD/evil.config"
printf '[core]\n\tfsmonitor = ": > %s.written #"\n' "$WM_MARKER" > "$(git rev-parse --git-dir)/config.worktree"
exit 0
