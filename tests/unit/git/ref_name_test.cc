#include "daemon/adapters/git/ref_name.h"

#include <string>

#include "common/base/status.h"
#include "tests/support/catch.h"
#include "tests/support/git_repo.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {

TEST_CASE("CheckBranch: hostile names are refused with a reason and a hint") {
  const std::string bad =
      GENERATE(as<std::string>{}, "", "-rf", "--upload-pack=x", "with space", "a..b", "a~1", "a^",
               "a:b", "a?b", "a*b", "a[b", "a\\b", "new\nline", "tab\t", "del\x7f", ".hidden",
               "a/.hidden", "a.lock", "a.lock/b", "a/", "/a", "a//b", "a.", "@", "HEAD", "a@{1}",
               std::string("nul\0x", 5), std::string(300, 'a'));
  const absl::Status status = CheckBranch(bad);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(ReasonOf(status) == "INVALID_BRANCH_NAME");
  CHECK(!HintOf(status).empty());
}

TEST_CASE("CheckBranch: unusual but valid names pass") {
  const std::string good =
      GENERATE(as<std::string>{}, "main", "feature/x", "$(touch${IFS}x)", "a;b", "a'b\"c",
               "größe/日本", "a@b", "a,b", "#1", std::string(250, 'a'), "a/-b");
  CHECK_OK(CheckBranch(good));
}

TEST_CASE("CheckBranch: agrees with git check-ref-format") {
  const test::GitRepo repo;
  for (const char* name :
       {"a",     "a/b", "-a", "a b",          "a..b", "a.lock", "@",    "a@{b",   "a/.b", "x.",
        "$(id)", "a;b", "ä",  "refs/heads/a", "a//b", "a\\b",   "HEAD", "a/HEAD", "{",    "a~b"}) {
    INFO(name);
    const bool git_takes = repo.TryGit({"check-ref-format", "--branch", name}).exit.ok();
    // --branch expands "@" to HEAD, and takes HEAD, which `git branch` refuses.
    const bool head = std::string_view(name) == "HEAD" || std::string_view(name) == "@";
    CHECK(CheckBranch(name).ok() == (git_takes && !head));
  }
}

TEST_CASE("CheckRevision: options, exclusions and ranges are refused") {
  for (const char* bad : {"", "-n1", "--all", "^main", "a..b", "a...b", "a\nb"}) {
    INFO(bad);
    CHECK_CODE(CheckRevision(bad), absl::StatusCode::kInvalidArgument);
  }
  for (const char* good : {"main", "HEAD~2", "v1^{commit}", "origin/main", "main@{1}"}) {
    INFO(good);
    CHECK_OK(CheckRevision(good));
  }
}

}  // namespace workmux::daemon
