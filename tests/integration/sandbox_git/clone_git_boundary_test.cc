#include "daemon/sandbox_git/clone_git_boundary.h"

#include <deque>
#include <mutex>

#include "tests/integration/sandbox_git/boundary.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

class HeldExecutor : public daemon::Executor {
 public:
  void Post(absl::AnyInvocable<void()> job) override {
    std::lock_guard lock(mu_);
    jobs_.push_back(std::move(job));
  }
  std::size_t held() {
    std::lock_guard lock(mu_);
    return jobs_.size();
  }
  void RunAll() {
    for (;;) {
      absl::AnyInvocable<void()> job;
      {
        std::lock_guard lock(mu_);
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job();
    }
  }

 private:
  std::mutex mu_;
  std::deque<absl::AnyInvocable<void()>> jobs_;
};

TEST_CASE("CloneGitBoundary: a branch that moves faster than it is taken asks for one job",
          "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  HeldExecutor executor;
  auto git = Must(daemon::CloneGitBoundary::Create(world.runner(), executor, world.state()));
  Must(git->Prepare(boundary.worktree, world.env(), {}));
  REQUIRE_OK(git->Watch(boundary.worktree));
  boundary.MustInside("git commit -q --allow-empty -m one");
  REQUIRE(WaitUntil([&] { return executor.held() > 0; }));
  boundary.MustInside("for i in 1 2 3 4 5; do git commit -q --allow-empty -m $i; sleep 0.02; done");
  // Signals come in order: with the host's there, the guest's have been dealt with.
  world.Run(world.main(), "git branch another");
  REQUIRE(WaitUntil([&] { return executor.held() > 1; }));
  CHECK(executor.held() == 2);
  executor.RunAll();
  CHECK(boundary.HostTip() == boundary.MustInside("git rev-parse HEAD"));
}

TEST_CASE("CloneGitBoundary: after StopWatching a moved branch asks for nothing", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  HeldExecutor executor;
  auto git = Must(daemon::CloneGitBoundary::Create(world.runner(), executor, world.state()));
  Must(git->Prepare(boundary.worktree, world.env(), {}));
  REQUIRE_OK(git->Watch(boundary.worktree));
  git->StopWatching();
  boundary.MustInside("git commit -q --allow-empty -m one");
  CHECK_FALSE(WaitUntil([&] { return executor.held() > 0; }, std::chrono::milliseconds(100)));
  CHECK_CODE(git->Watch(boundary.worktree), absl::StatusCode::kUnavailable);
  git->Unwatch(boundary.worktree);
}

}  // namespace
}  // namespace workmux::test
