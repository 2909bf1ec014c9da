#include <filesystem>

#include "tests/integration/git/git_fixture.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// main and `work` both on top of the first commit; `conflict` decides whether
// they changed the same lines.
struct MergeFixture : GitFixture {
  Worktree work = Linked("work");
  Worktree main = At(repo.root());

  void Diverge(bool conflict) {
    repo.Commit(conflict ? "file.txt" : "main.txt", "main\n", "on main");
    repo.Commit("file.txt", "work\n", "one on work", work.path);
    repo.Commit("work.txt", "work\n", "two on work", work.path);
  }
  Git::MergeStep Step(const std::string& message = {}) const {
    return {.worktree = main,
            .commitish = "work",
            .message = message,
            .no_verify = false,
            .env = repo.env()};
  }
  // Everything that a failed merge must leave as it was.
  std::string State() {
    return Id("HEAD") + repo.Git({"status", "--porcelain=v2", "--branch"}) +
           repo.Git({"ls-files", "--stage"}) + repo.Git({"diff"}) +
           (fs::exists(repo.git_dir() / "MERGE_HEAD") ? "merging" : "") +
           (fs::exists(repo.git_dir() / "SQUASH_MSG") ? "squashing" : "");
  }
  void Hook(const std::string& name, const std::string& script) {
    const fs::path hook = repo.git_dir() / "hooks" / name;
    test::WriteFile(hook, "#!/bin/sh\n" + script + "\n");
    fs::permissions(hook, fs::perms::owner_all);
  }
};

}  // namespace

TEST_CASE("Merge: a merge commit, beside the user's untracked and edited files") {
  MergeFixture f;
  f.Diverge(false);
  f.repo.Commit("other.txt", "x");
  test::WriteFile(f.repo.root() / "other.txt", "edited");
  test::WriteFile(f.repo.root() / "untracked", "mine");
  REQUIRE_OK(f.git.Merge(f.Step()));
  CHECK(f.Id("HEAD^2") == f.Id("work"));
  CHECK(test::ReadWholeFile(f.repo.root() / "work.txt") == "work\n");
  CHECK(test::ReadWholeFile(f.repo.root() / "other.txt") == "edited");
}

TEST_CASE("Merge: a conflict names the files and leaves the target as it was") {
  MergeFixture f;
  f.Diverge(true);
  f.repo.Commit("other.txt", "x");
  test::WriteFile(f.repo.root() / "other.txt", "edited");
  test::WriteFile(f.repo.root() / "untracked", "mine");
  const std::string before = f.State();
  const absl::Status status = f.git.Merge(f.Step());
  CHECK_CODE(status, absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == "MERGE_CONFLICT");
  CHECK(MessageOf(status).find("file.txt") != std::string::npos);
  CHECK(f.State() == before);
}

TEST_CASE("Merge: what is in the way, and what is under way, is never touched") {
  MergeFixture f;
  f.Diverge(true);
  SECTION("an untracked file") {
    f.repo.Git({"reset", "--quiet", "--hard", "HEAD~1"});
    test::WriteFile(f.repo.root() / "work.txt", "precious");
    const std::string before = f.State();
    CHECK_CODE(f.git.Merge(f.Step()), absl::StatusCode::kFailedPrecondition);
    CHECK_CODE(f.git.SquashMerge(f.Step()), absl::StatusCode::kFailedPrecondition);
    CHECK(f.State() == before);
    CHECK(test::ReadWholeFile(f.repo.root() / "work.txt") == "precious");
  }
  SECTION("the user's own merge") {
    f.repo.TryGit({"merge", "work"});
    test::WriteFile(f.repo.root() / "file.txt", "half resolved");
    const std::string before = f.State();
    for (const absl::Status& status :
         {f.git.Merge(f.Step()), f.git.SquashMerge(f.Step()), f.git.Rebase(f.Step())}) {
      CHECK(ReasonOf(status) == "OPERATION_IN_PROGRESS");
    }
    CHECK(f.State() == before);
  }
}

TEST_CASE("Merge: hooks are the user's; no_verify runs none") {
  MergeFixture f;
  f.Diverge(false);
  f.Hook("pre-merge-commit", "echo refused by hook >&2; exit 1");
  f.Hook("post-merge", "touch ran");
  const std::string before = f.State();
  const absl::Status status = f.git.Merge(f.Step());
  CHECK(ReasonOf(status) == "MERGE_REFUSED");
  CHECK(MessageOf(status).find("refused by hook") != std::string::npos);
  CHECK(f.State() == before);
  Git::MergeStep step = f.Step();
  step.no_verify = true;
  REQUIRE_OK(f.git.Merge(step));
  CHECK(!fs::exists(f.repo.root() / "ran"));
}

TEST_CASE("SquashMerge: one commit with the given message, or the subjects") {
  MergeFixture f;
  f.Diverge(false);
  f.repo.Git({"config", "merge.ff", "false"});
  const std::string parent = f.Id("HEAD");
  SECTION("given") {
    REQUIRE_OK(f.git.SquashMerge(f.Step("Title; $(id)\n\n# kept\n")));
    CHECK(f.repo.Git({"log", "-1", "--format=%B"}) == "Title; $(id)\n\n# kept");
  }
  SECTION("made") {
    REQUIRE_OK(f.git.SquashMerge(f.Step()));
    CHECK(f.repo.Git({"log", "-1", "--format=%B"}) ==
          "Merge work (squashed)\n\n* one on work\n* two on work");
  }
  CHECK(f.Id("HEAD^") == parent);
  CHECK(f.repo.TryGit({"rev-parse", "--verify", "-q", "HEAD^2"}).exit.code != 0);
  CHECK(f.repo.Git({"diff", "HEAD", "work", "--", "file.txt", "work.txt"}).empty());
  const std::string done = f.State();
  REQUIRE_OK(f.git.SquashMerge(f.Step("again")));
  CHECK(f.State() == done);
}

TEST_CASE("SquashMerge: failures put everything back") {
  MergeFixture f;
  const bool conflict = GENERATE(true, false);
  f.Diverge(conflict);
  if (!conflict) f.Hook("commit-msg", "exit 1");
  test::WriteFile(f.repo.root() / "untracked", "mine");
  const std::string before = f.State();
  const absl::Status status = f.git.SquashMerge(f.Step());
  CHECK_CODE(status, absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == (conflict ? "MERGE_CONFLICT" : "MERGE_REFUSED"));
  CHECK(f.State() == before);
  CHECK(!fs::exists(f.repo.root() / "work.txt"));
}

TEST_CASE("SquashMerge: refuses a target with tracked changes") {
  MergeFixture f;
  f.Diverge(false);
  test::WriteFile(f.repo.root() / "main.txt", "edited");
  const std::string before = f.State();
  CHECK(ReasonOf(f.git.SquashMerge(f.Step())) == "TARGET_DIRTY");
  CHECK(f.State() == before);
}

TEST_CASE("Rebase: in the source; a conflict stays for the user") {
  MergeFixture f;
  const bool conflict = GENERATE(true, false);
  f.Diverge(conflict);
  Git::MergeStep step = f.Step();
  step.worktree = f.work;
  step.commitish = "main";
  const absl::Status status = f.git.Rebase(step);
  if (conflict) {
    CHECK(ReasonOf(status) == "REBASE_CONFLICT");
    CHECK_CODE(status, absl::StatusCode::kAborted);
    CHECK(HintOf(status).find("git rebase --continue") != std::string::npos);
    CHECK(test::Must(f.git.Changes(f.work, {})).operation == "rebase");
    f.repo.Git({"rebase", "--abort"}, f.work.path);
  } else {
    REQUIRE_OK(status);
    CHECK(f.Id("work~2") == f.Id("main"));
  }
  test::WriteFile(f.work.path / "file.txt", "dirty");
  CHECK(ReasonOf(f.git.Rebase(step)) == "REBASE_REFUSED");
}

TEST_CASE("Switch: to a branch, not to what is none or elsewhere") {
  MergeFixture f;
  f.repo.Git({"branch", "$(x);y"});
  REQUIRE_OK(f.git.Switch(f.main, "$(x);y", f.repo.env()));
  CHECK(f.At(f.main.path).branch == "$(x);y");
  REQUIRE_OK(f.git.Switch(f.main, "$(x);y", f.repo.env()));
  CHECK_CODE(f.git.Switch(f.main, "none", f.repo.env()), absl::StatusCode::kNotFound);
  CHECK_CODE(f.git.Switch(f.main, "--orphan", f.repo.env()), absl::StatusCode::kInvalidArgument);
  CHECK(ReasonOf(f.git.Switch(f.main, "work", f.repo.env())) == "SWITCH_REFUSED");
  CHECK(f.At(f.main.path).branch == "$(x);y");
}

}  // namespace workmux::daemon
