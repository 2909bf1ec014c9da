#include "daemon/domain/config_gate.h"

#include "daemon/config/config_trust.h"
#include "tests/fakes/fake_records.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

struct Fixture {
  Fixture() {
    test::WriteFile(root / ".keep", "");
    worktree.repository = {root / ".git", root};
    worktree.path = root;
    caller.cwd = root;
    caller.env = {{"HOME", (dir / "home").string()}};
  }
  void Write(std::string_view text) { test::WriteFile(file, text); }
  absl::StatusOr<LoadedConfig> LoadTrusted() { return gate.LoadTrusted(caller, root, worktree); }
  ConfigGate::Review Review() { return test::Must(gate.Inspect(caller, root, worktree)); }
  // As a first sandbox does.
  absl::Status Begin() {
    return gate.BeginSandboxing(root / ".git", test::Must(LoadTrusted()).source.project_sha256);
  }

  test::TempDir dir;
  const std::filesystem::path root = dir / "repo";
  const std::filesystem::path file = root / ".workmux.yaml";
  test::FakeTrustRecords trust;
  ConfigGate gate{trust};
  Worktree worktree;
  Caller caller;
};

TEST_CASE("ConfigGate: what no sandbox could have written needs no approval") {
  Fixture f;
  f.Write("agent: codex\n");
  CHECK(test::Must(f.LoadTrusted()).config.agent == "codex");
  f.Write("agent: gemini\n");
  CHECK(test::Must(f.LoadTrusted()).config.agent == "gemini");
  CHECK_FALSE(f.Review().needs_trust);
}

TEST_CASE("ConfigGate: the file of the moment before the first sandbox counts as approved") {
  Fixture f;
  f.Write("agent: codex\n");
  REQUIRE_OK(f.Begin());
  CHECK(test::Must(f.LoadTrusted()).config.agent == "codex");
}

TEST_CASE("ConfigGate: a file that changed since is refused, and shown all the same") {
  Fixture f;
  f.Write("agent: codex\n");
  REQUIRE_OK(f.Begin());
  f.Write("agent: evil\n");
  const absl::Status refused = f.LoadTrusted().status();
  CHECK_CODE(refused, absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(refused) == "CONFIG_NEEDS_TRUST");
  CHECK_THAT(HintOf(refused), Catch::Contains("workmux trust"));
  CHECK_THAT(MessageOf(refused), Catch::Contains(f.file.string()));
  CHECK(test::Must(f.gate.Load(f.caller, f.root, f.worktree)).config.agent == "evil");
  const ConfigGate::Review review = f.Review();
  CHECK(review.needs_trust);
  CHECK(review.content == "agent: evil\n");
  CHECK(review.file == f.file);
  // A later sandbox does not approve it in passing.
  REQUIRE_OK(f.gate.BeginSandboxing(f.root / ".git", review.sha256));
  CHECK_CODE(f.LoadTrusted(), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("ConfigGate: a file that came or went since the first sandbox is refused too") {
  Fixture f;
  SECTION("came") {
    REQUIRE_OK(f.Begin());
    REQUIRE_OK(f.LoadTrusted());
    f.Write("agent: evil\n");
  }
  SECTION("went") {
    f.Write("agent: codex\n");
    REQUIRE_OK(f.Begin());
    std::filesystem::remove(f.file);
  }
  CHECK(ReasonOf(f.LoadTrusted().status()) == "CONFIG_NEEDS_TRUST");
  CHECK(f.Review().needs_trust);
  REQUIRE_OK(f.gate.Approve(f.caller, f.root, f.worktree, f.Review().sha256));
  CHECK_OK(f.LoadTrusted());
}

TEST_CASE("ConfigGate: an approval is for the content that was shown") {
  Fixture f;
  f.Write("agent: codex\n");
  REQUIRE_OK(f.Begin());
  f.Write("agent: better\n");
  const std::string shown = f.Review().sha256;
  f.Write("agent: evil\n");
  CHECK_CODE(f.gate.Approve(f.caller, f.root, f.worktree, shown), absl::StatusCode::kAborted);
  CHECK_CODE(f.LoadTrusted(), absl::StatusCode::kFailedPrecondition);
  f.Write("agent: better\n");
  REQUIRE_OK(f.gate.Approve(f.caller, f.root, f.worktree, shown));
  CHECK(test::Must(f.LoadTrusted()).config.agent == "better");
}

TEST_CASE("ConfigGate: an approval counts in one repository only") {
  Fixture f;
  f.Write("agent: codex\n");
  REQUIRE_OK(f.Begin());
  Worktree other = f.worktree;
  other.repository.common_dir = f.dir / "other/.git";
  f.trust.sandboxed.insert(other.repository.common_dir);
  CHECK_CODE(f.gate.LoadTrusted(f.caller, f.root, other), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("ConfigGate: when it is not known whether a sandbox was there nothing is trusted") {
  Fixture f;
  f.Write("agent: codex\n");
  f.trust.failure = DataLoss("the state file is damaged");
  CHECK_CODE(f.LoadTrusted(), absl::StatusCode::kDataLoss);
  CHECK_CODE(f.gate.Inspect(f.caller, f.root, f.worktree), absl::StatusCode::kDataLoss);
}

TEST_CASE("ConfigGate: a repository where a sandbox could write is not trusted by itself") {
  Fixture f;
  REQUIRE_OK(f.Begin());
  Worktree inner;
  inner.path = f.root / "deep/inner";
  inner.repository = {inner.path / ".git", inner.path};
  test::WriteFile(inner.path / ".workmux.yaml", "agent: evil\n");
  test::WriteFile(inner.path / ".git/HEAD", "");
  test::WriteFile(f.root / ".git/HEAD", "");
  absl::StatusOr<Worktree> outer = f.worktree;
  ConfigGate gate{f.trust, [&](const std::filesystem::path& dir) {
                    return dir == f.root ? outer : absl::StatusOr<Worktree>(inner);
                  }};
  const auto load = [&] { return gate.LoadTrusted(f.caller, inner.path, inner); };
  CHECK(ReasonOf(load().status()) == "CONFIG_NEEDS_TRUST");
  CHECK_THAT(MessageOf(load().status()), Catch::Contains("where a sandbox could write"));
  // The same without a file of its own: its git configuration is as strange.
  std::filesystem::remove(inner.path / ".workmux.yaml");
  CHECK(ReasonOf(load().status()) == "CONFIG_NEEDS_TRUST");
  // What is around it cannot be told.
  f.trust.sandboxed.clear();
  CHECK(load().ok());
  outer = WithReason(FailedPrecondition("forged"), "FORGED_WORKTREE");
  CHECK(ReasonOf(load().status()) == "CONFIG_NEEDS_TRUST");
  outer = WithReason(FailedPrecondition("none"), "NOT_A_GIT_REPOSITORY");
  CHECK(load().ok());
  // A linked worktree elsewhere of a repository that lies inside.
  outer = f.worktree;
  REQUIRE_OK(f.trust.MarkSandboxed(f.root / ".git"));
  inner.path = f.dir / "elsewhere";
  std::filesystem::create_directories(inner.path);
  CHECK(ReasonOf(load().status()) == "CONFIG_NEEDS_TRUST");
}

}  // namespace
}  // namespace workmux::daemon
