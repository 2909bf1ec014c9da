#include "daemon/domain/credential_files.h"

#include <fstream>

#include "common/base/status.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {

TEST_CASE("CheckCredentialsOutside: a secret that the sandbox is shown is refused") {
  namespace fs = std::filesystem;
  const test::TempDir dir;
  for (const char* name : {"worktree/sub", "tools", "home", "worktree-2"})
    fs::create_directories(dir.path() / name);
  for (const char* name : {"worktree/sub/key", "tools/key", "home/key", "worktree-2/key"})
    std::ofstream(dir.path() / name) << "secret";
  fs::create_symlink(dir.path() / "worktree/sub/key", dir.path() / "home/link");
  fs::create_symlink(dir.path() / "home/key", dir.path() / "worktree/link");
  SandboxSpec spec;
  spec.mounts = {{dir.path() / "worktree", "/work", false}};
  spec.programs = {dir.path() / "tools"};
  const auto check = [&](const char* name) {
    egress::CredentialRule rule;
    rule.host = "api.example.com";
    rule.file = dir.path() / name;
    return CheckCredentialsOutside(std::vector{rule}, spec);
  };
  // Where a link is that a sandbox can change leads anywhere.
  fs::create_directory_symlink(dir.path() / "worktree", dir.path() / "home/dir");
  fs::create_directory_symlink("loop", dir.path() / "home/loop");
  for (const char* inside :
       {"worktree/sub/key", "worktree/absent", "home/link", "tools/key", "home/../worktree/sub/key",
        "worktree/link", "home/dir/link", "home/loop/key"}) {
    INFO(inside);
    CHECK(ReasonOf(check(inside)) == "CREDENTIAL_INSIDE");
  }
  for (const char* outside : {"home/key", "home/absent", "worktree-2/key", "home/./key"}) {
    INFO(outside);
    CHECK_OK(check(outside));
  }
  egress::CredentialRule printed;
  printed.command = {"gh", "auth", "token"};
  CHECK_OK(CheckCredentialsOutside(std::vector{printed}, spec));
}

}  // namespace workmux::daemon
