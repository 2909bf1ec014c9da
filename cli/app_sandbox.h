#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/install_dev.h"
#include "cli/commands/sandbox_images.h"
#include "cli/commands/sandbox_list.h"
#include "cli/commands/sandbox_run.h"
#include "cli/commands/sandbox_verify.h"
#include "cli/exit_code.h"

namespace CLI {
class App;
}

namespace workmux::cli {

// The commands below `workmux sandbox`, with what the user typed for them.
class SandboxApp {
 public:
  using Run = std::function<absl::StatusOr<int>(const CommandEnv&)>;
  using AddFn = std::function<CLI::App&(const std::string& name, const std::string& summary,
                                        CommandKind kind, Run run)>;

  // `tail`: what followed the first `--`.
  explicit SandboxApp(std::vector<std::string> tail) : tail_(std::move(tail)) {}

  // Adds every command by `add`. This object must outlive them.
  void Define(const AddFn& add);

 private:
  void DefinePrograms(const AddFn& add);
  void DefineUpkeep(const AddFn& add);
  void DefineImages(const AddFn& add);

  const std::vector<std::string> tail_;
  SandboxRunOptions run_;
  SandboxRunOptions agent_;
  SandboxShellOptions shell_;
  SandboxListOptions list_;
  SandboxLogsOptions logs_;
  SandboxVerifyOptions verify_;
  SandboxStopOptions stop_;
  SandboxPruneOptions prune_;
  SandboxPullOptions pull_;
  SandboxBuildOptions build_;
  InitDockerfileOptions dockerfile_;
  InstallDevOptions install_dev_;
};

}  // namespace workmux::cli
