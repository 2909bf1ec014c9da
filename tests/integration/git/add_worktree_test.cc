#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/integration/git/git_fixture.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

struct AddFixture : GitFixture {
  fs::path dir = repo.area() / "wt";
  AddWorktreeSpec Spec(const std::string& name) const {
    return {.path = dir / name,
            .branch = name,
            .create_branch = true,
            .base = "main",
            .env = repo.env()};
  }
};

void WriteHook(const fs::path& hook, const std::string& script) {
  test::WriteFile(hook, "#!/bin/sh\n" + script);
  fs::permissions(hook, fs::perms::owner_all);
}

}  // namespace

TEST_CASE("AddWorktree: a new branch without upstream, in one process") {
  struct Counting : PosixCommandRunner {
    absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) override {
      ++runs;
      return PosixCommandRunner::Run(command, options);
    }
    int runs = 0;
  } counting;
  AddFixture f;
  f.repo.Git({"config", "branch.autoSetupMerge", "always"});
  GitCli git(counting);
  REQUIRE_OK(git.AddWorktree(f.repository(), f.Spec("feature/x")));
  CHECK(counting.runs == 1);
  const Worktree made = f.At(f.dir / "feature/x");
  CHECK(made.branch == "feature/x");
  CHECK(made.head == f.Id("main"));
  CHECK(f.repo.TryGit({"rev-parse", "feature/x@{upstream}"}).exit.code != 0);
  CHECK(test::ReadWholeFile(f.dir / "feature/x/file.txt") == "first\n");
}

TEST_CASE("AddWorktree: hostile names stay names") {
  AddFixture f;
  const std::string name =
      GENERATE(as<std::string>{}, "$(touch${IFS}pwned)", "a;b", "'q\"", "größe", "a,b");
  AddWorktreeSpec spec = f.Spec(name);
  spec.path = f.dir / "-p, a:th \"with\"\nall";
  REQUIRE_OK(f.git.AddWorktree(f.repository(), spec));
  CHECK(f.At(spec.path).branch == name);
  CHECK(!fs::exists(f.repo.git_dir() / "pwned"));
}

TEST_CASE("AddWorktree: refusals name their reason and leave nothing") {
  AddFixture f;
  f.repo.AddWorktree("taken");
  AddWorktreeSpec spec = f.Spec("x");
  const auto reason = [&] { return ReasonOf(f.git.AddWorktree(f.repository(), spec)); };
  SECTION("branch exists") {
    spec.branch = "taken";
    CHECK(reason() == "BRANCH_EXISTS");
  }
  SECTION("bad branch") {
    spec.branch = "-f";
    CHECK(reason() == "INVALID_BRANCH_NAME");
  }
  SECTION("base is an option") {
    spec.base = "--force";
    CHECK(reason() == "INVALID_REVISION");
  }
  SECTION("no such base") {
    spec.base = "nowhere";
    CHECK(reason() == "NO_SUCH_COMMIT");
  }
  SECTION("no such branch") {
    spec.create_branch = false;
    CHECK(reason() == "NO_SUCH_BRANCH");
  }
  SECTION("checked out elsewhere") {
    spec.create_branch = false;
    spec.branch = "taken";
    CHECK(reason() == "BRANCH_CHECKED_OUT");
  }
  SECTION("path in use") {
    test::WriteFile(spec.path / "keep", "mine");
    CHECK(reason() == "PATH_EXISTS");
    CHECK(test::ReadWholeFile(spec.path / "keep") == "mine");
    return;
  }
  CHECK(!fs::exists(spec.path));
  CHECK(f.repo.TryGit({"rev-parse", "--verify", "-q", "refs/heads/x"}).exit.code != 0);
  CHECK(test::Must(f.git.ListWorktrees(f.repository())).size() == 2);
}

TEST_CASE("AddWorktree: the user's post-checkout hook runs; its failure undoes all") {
  AddFixture f;
  WriteHook(f.repo.git_dir() / "hooks/post-checkout", "touch ran; exit ${HOOK_EXIT:-0}");
  REQUIRE_OK(f.git.AddWorktree(f.repository(), f.Spec("good")));
  CHECK(fs::exists(f.dir / "good/ran"));
  AddWorktreeSpec spec = f.Spec("bad");
  spec.env["HOOK_EXIT"] = "3";
  CHECK(!f.git.AddWorktree(f.repository(), spec).ok());
  CHECK(!fs::exists(f.dir / "bad"));
  CHECK(!test::Must(f.git.BranchExists(f.repository(), "bad")));
  CHECK(test::Must(f.git.ListWorktrees(f.repository())).size() == 2);
}

TEST_CASE("AddWorktree: eight at once") {
  AddFixture f;
  std::vector<absl::Status> results(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < results.size(); ++i) {
      threads.emplace_back([&, i] {
        const std::string name = "b" + std::to_string(i);
        results[i] = f.git.AddWorktree(f.repository(), f.Spec(name));
        if (results[i].ok()) {
          results[i] =
              f.git.SetConfig(f.repository(), "workmux.worktree." + name + ".mode", "window");
        }
      });
    }
  }
  for (const absl::Status& result : results) CHECK_OK(result);
  CHECK(test::Must(f.git.ListWorktrees(f.repository())).size() == 9);
  CHECK(test::Must(f.git.GetConfig(f.repository(), "workmux.worktree.b7.mode")) == "window");
  CHECK(f.repo.Git({"fsck"}).find("error") == std::string::npos);
}

TEST_CASE("AddWorktree: a long checkout does not hold up the next one") {
  AddFixture f;
  const fs::path gate = f.repo.area() / "gate";
  WriteHook(
      f.repo.git_dir() / "hooks/post-checkout",
      "[ -z \"$GATE\" ] || { touch started; while [ ! -e \"$GATE\" ]; do sleep 0.01; done; }");
  AddWorktreeSpec slow = f.Spec("slow");
  slow.env["GATE"] = gate.string();
  absl::Status slow_result = absl::UnknownError("");
  std::jthread thread([&] { slow_result = f.git.AddWorktree(f.repository(), slow); });
  CHECK(test::WaitUntil([&] { return fs::exists(slow.path / "started"); }));
  CHECK_OK(f.git.AddWorktree(f.repository(), f.Spec("quick")));
  test::WriteFile(gate, "");
  thread.join();
  CHECK_OK(slow_result);
}

TEST_CASE("ForgetWorktree: exactly the one that is gone") {
  AddFixture f;
  const Worktree kept = f.Linked("kept");
  const Worktree gone = f.Linked("gone");
  const Worktree other = f.Linked("other");
  CHECK_CODE(f.git.ForgetWorktree(gone), absl::StatusCode::kFailedPrecondition);
  CHECK_CODE(f.git.ForgetWorktree(f.At(f.repo.root())), absl::StatusCode::kInvalidArgument);
  f.repo.Git({"worktree", "lock", gone.path.string()});
  fs::remove_all(gone.path);
  fs::remove_all(other.path);
  REQUIRE_OK(f.git.ForgetWorktree(gone));
  const auto listed = test::Must(f.git.ListWorktrees(f.repository()));
  REQUIRE(listed.size() == 3);
  CHECK(listed[1].path == kept.path);
  CHECK(listed[2].path == other.path);
  CHECK(listed[2].missing);
  // The branch is free again.
  CHECK_OK(f.git.AddWorktree(f.repository(), {.path = f.dir / "again",
                                              .branch = "gone",
                                              .create_branch = false,
                                              .base = "",
                                              .env = f.repo.env()}));
}

}  // namespace workmux::daemon
