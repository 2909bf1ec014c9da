#pragma once

#include <filesystem>
#include <string>

#include "common/process/command.h"
#include "tests/support/git_world.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

// Which sandbox: SandboxConfigFor and `sandbox.git`.
struct SandboxKind {
  std::string engine = "namespace";
  std::string git = "clone";
};

// A whole workmux whose sandboxes run scripts in the repositories of GitWorlds.
// Its user is the one of a GitWorld: the same identity and git configuration.
class SandboxWorld {
 public:
  SandboxWorld();

  // A shell script in a sandbox of its own that `workmux sandbox run` makes for
  // the checkout `cwd`, with what GitWorld sets for git and `extra` exported.
  CommandResult Inside(const SandboxKind& kind, const GitWorld& repository,
                       const std::filesystem::path& cwd, const std::string& script,
                       const Env& extra = {});
  WorkmuxWorld& workmux() { return workmux_; }

 private:
  WorkmuxWorld workmux_;
};

}  // namespace workmux::test
