#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/client/daemon_launcher.h"
#include "cli/client/invocation_context.h"
#include "cli/commands/demo_evidence.h"
#include "common/process/command.h"

namespace workmux::cli {

struct DemoOptions {
  std::string backend = "namespace";
  std::string image;
};

// A scratch directory with a home, a repository, a tmux server and a daemon of
// its own: nothing of the user's is read or touched but the programs on PATH and
// where the container engine is.
class DemoWorld {
 public:
  // Makes the directory (0700) and its files; starts nothing.
  static absl::StatusOr<DemoWorld> Create(const DemoOptions& options, const Invocation& invocation,
                                          std::stop_token stop);
  // Tears down what Teardown did not.
  ~DemoWorld();
  DemoWorld(DemoWorld&&) noexcept;
  DemoWorld& operator=(DemoWorld&&) = delete;

  // The repository's first commit with branches main and keep, the tmux server
  // and the daemon.
  absl::Status Start();
  // Ends and removes everything, whatever state it is in, and says what was
  // looked for and what was left; what is left is ended too. Once.
  std::vector<Expectation> Teardown();

  // `arguments` for this same program, in the repository. A failure is an error
  // that ends with what the program said.
  absl::StatusOr<std::string> Workmux(const std::vector<std::string>& arguments);
  absl::StatusOr<std::string> Git(const std::vector<std::string>& arguments);
  absl::StatusOr<std::string> Tmux(const std::vector<std::string>& arguments);

  absl::StatusOr<DemoRepository> ReadRepository();
  absl::StatusOr<std::set<std::string>> ListHome() const;

  const DaemonLauncher& launcher() const { return *launcher_; }
  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path worktree() const { return root_ / "project__worktrees/hello"; }
  std::filesystem::path secret_file() const { return root_ / "home/.ssh/id_demo"; }
  std::filesystem::path hook_mark() const { return root_ / "hook-ran"; }
  // The argument by which the process that the agent leaves is known.
  const std::string& process_argument() const { return process_argument_; }

 private:
  DemoWorld(DemoOptions options, std::filesystem::path root, std::stop_token stop);

  void MakeEnvironment(const Env& caller);
  absl::Status WriteFiles();
  absl::Status WriteHome();
  absl::StatusOr<std::string> Run(std::vector<std::string> argv);
  Expectation ContainersGone();

  DemoOptions options_;
  std::filesystem::path root_;  // empty: torn down
  std::filesystem::path cli_path_;
  std::stop_token stop_;
  std::string process_argument_;
  Env env_;
  std::optional<DaemonLauncher> launcher_;
};

}  // namespace workmux::cli
