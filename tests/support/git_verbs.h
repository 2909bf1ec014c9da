#pragma once

namespace workmux::test {

struct GitVerb {
  const char* name;
  const char* script;
};

// What people and agents do with git every day, each in the worktree "wt" of a
// GitWorld. Run in two equal worlds, in a sandbox's view and outside.
inline constexpr GitVerb kGitVerbs[] = {
    {"status", "git status"},
    {"add", "echo n > n; echo 9 >> f; git add n f"},
    {"commit", "echo 9 >> f; git commit -qam nine; git commit -q --allow-empty -m empty"},
    {"amend", "echo 9 >> f; git commit -qa --amend -m again"},
    {"stash", "echo 9 >> f; git stash -q; git stash list; git stash pop -q"},
    {"stash twice",
     "echo 9 >> f; git stash -q; echo 8 >> g; git stash -q; git stash drop -q; git stash list"},
    {"checkout -b",
     "git checkout -q -b new; echo 9 >> f; git commit -qam new; git switch -q topic"},
    {"switch", "git switch -q other; git switch -q -; git switch -q -c third"},
    {"switch detached", "git switch -q --detach HEAD~1; git switch -q topic"},
    {"rebase clean", "git rebase -q clean"},
    {"rebase --abort", "git rebase -q clash; git rebase --abort"},
    {"rebase stopped", "git rebase -q clash"},
    {"rebase --skip", "git rebase -q clash; git rebase --skip"},
    {"rebase --continue", "git rebase -q clash; echo both > f; git add f; git rebase --continue"},
    {"rebase -i autosquash",
     "echo 9 >> f; git commit -qam x; echo 8 >> f; git commit -qa --fixup HEAD; git rebase -q -i "
     "--autosquash HEAD~2"},
    {"cherry-pick", "git cherry-pick clean"},
    {"cherry-pick --skip", "git cherry-pick clash~1 clean; git cherry-pick --skip"},
    {"cherry-pick --abort", "git cherry-pick clash; git cherry-pick --abort"},
    {"merge", "git merge -q clean"},
    {"merge conflict", "git merge -q clash; echo both > f; git add f; git commit -qm merged"},
    {"merge --abort", "git merge -q clash; git merge --abort"},
    {"merge --squash", "git merge -q --squash clean; git commit -qm squashed"},
    {"revert", "git revert --no-edit HEAD"},
    {"branch -D", "git branch -D other"},
    {"branch -d in use", "git branch -D main; git branch -D topic"},
    {"branch -m", "git branch -m other renamed"},
    {"branch -m own", "git branch -m mine"},
    {"branch --set-upstream-to", "git branch -q --set-upstream-to=main; git status -sb"},
    {"tag", "git tag a; git tag -a -m b b; git describe"},
    {"tag -d", "git tag -d light; git tag -d v1"},
    {"gc", "echo 9 >> f; git commit -qam nine; git gc -q --prune=now"},
    {"pack-refs", "git branch x; git pack-refs --all --prune; git branch -D x"},
    {"config",
     "git config commit.cleanup verbatim; git config --get commit.cleanup; git config --unset "
     "core.nothing; git commit -q --allow-empty -m ' x '; git config --get-regexp '^branch'"},
    {"worktree list", "git worktree list --porcelain | grep -c '^worktree'"},
    {"fsck", "git fsck --no-progress"},
    {"reset --soft", "git reset -q --soft HEAD~1"},
    {"reset --hard", "echo 9 >> f; git reset -q --hard HEAD~1"},
    {"log", "git log --oneline --all --graph --decorate"},
    {"diff", "echo 9 >> f; git diff; git diff --cached; git diff main...topic"},
    {"reflog",
     "git commit -q --allow-empty -m x; git reflog; git reset -q --hard HEAD@{1}; git reflog show "
     "topic"},
    {"restore",
     "echo 9 >> f; git add f; git restore --staged f; git restore f; git restore -s main f"},
    {"rm and mv", "git rm -q g; git mv f moved; git commit -qm moved"},
    {"clean", "touch x.o junk; git clean -qfd; git clean -qfdX; ls"},
    {"notes", "git notes add -m note; git log -1 --format=%N"},
    {"bisect", "git bisect start HEAD HEAD~2; git bisect reset"},
    {"update-ref -d", "git update-ref -d refs/tags/light; git for-each-ref refs/tags"},
    {"remote", "git remote add up ../other; git remote remove origin; git branch -r"},
    {"sparse-checkout",
     "git sparse-checkout set dir; ls; git status -s; git sparse-checkout disable"},
    {"orphan", "git checkout -q --orphan fresh; git commit -qm fresh"},
    {"blame and grep", "git blame f; git grep -n topic"},
    {"archive", "git archive HEAD | tar -t"},
};

// Everything that git says about where it stands, and the files.
inline constexpr char kGitState[] = R"sh(
exec 2>&1
git symbolic-ref -q HEAD || git rev-parse HEAD
git for-each-ref
git status --porcelain=v1 -b --ignored
git stash list
git ls-files -s
git log --all --format=%H | sort
git reflog --format='%H %gs'
d=$(git rev-parse --git-dir)
for m in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD AUTO_MERGE BISECT_START; do test -e "$d/$m" && echo "$m $(cat "$d/$m")"; done
for m in rebase-merge rebase-apply sequencer; do test -d "$d/$m" && (cd "$d/$m" && ls | sort); done
git fsck --no-progress --no-dangling
for x in $(git ls-files; git ls-files -o) ; do echo "== $x"; cat "$x"; done
)sh";

}  // namespace workmux::test
