#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/secret.h"
#include "common/os/paths.h"
#include "daemon/config/config.h"
#include "daemon/domain/agent_config_plan.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/network_plan.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/worktree_claims.h"
#include "daemon/ports/git.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// A shell of the sandbox: bash where the image has it.
std::vector<std::string> ShellCommand();

enum class SessionPurpose { kRun, kAgent, kShell };

// What a client asks for when it opens a session.
struct SessionRequest {
  Caller caller;
  std::filesystem::path worktree;  // a directory; empty: the caller's cwd
  SessionPurpose purpose = SessionPurpose::kRun;
  std::vector<std::string> command;  // empty: the configured agent, or a shell
  bool shell_command = false;        // command is one string for `sh -c`
  std::string agent;
  std::string backend;
  std::string image;
  bool tty = false;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  pid_t client_pid = 0;
};

// Backends by name: the container runtimes and "namespace". Made once.
using SandboxBackends = std::map<std::string, SandboxBackend*, std::less<>>;

// The image that an agent's sandbox is made from, and where it lies.
struct ImageChoice {
  ImageStore* store = nullptr;  // nullptr: the backend uses none
  SandboxBackend* backend = nullptr;
  std::string image;
  std::string agent;  // profile name, or the configured one of an unknown program
};

// The policy of one session, decided before anything is made.
struct SessionPlan {
  std::string session_id;
  Worktree worktree;
  std::filesystem::path cwd;
  SandboxBackend* backend = nullptr;
  SandboxGit git = SandboxGit::kClone;
  std::string agent;
  std::string image;
  StatusIcons icons;
  ContainerConfig container;
  MainWorktreeAccess main_worktree = MainWorktreeAccess::kReadWrite;
  std::string rpc_host;  // empty: the backend's own
  std::vector<Mount> extra_mounts;
  std::vector<std::filesystem::path> masked_files;
  std::vector<std::string> env_passthrough;
  Env env;                                             // sandbox.env
  std::vector<std::string> argv;                       // the command as it runs inside
  std::vector<std::filesystem::path> protected_paths;  // read-only inside
  std::filesystem::path sealed_dir;                    // SandboxArea; one of them, or empty
  std::optional<AgentConfigPlan> agent_config;         // none: nothing is known of the agent
  Env agent_env;
  std::vector<std::filesystem::path> programs;
  std::vector<std::filesystem::path> path_dirs;  // of PATH, for the programs
  Git::Identity identity;
  bool bridge = false;
  NetworkPlan network;
  std::string agent_profile;  // whose presets count
  std::string config_hash;    // of the project file that was read; empty: none
  std::vector<std::string> warnings;

  // What the sandbox will be able to write.
  SandboxArea Area() const {
    return {worktree, git == SandboxGit::kClone, main_worktree == MainWorktreeAccess::kReadWrite,
            sealed_dir};
  }
};

// Configuration + request -> plan. Reads, never writes.
class SessionPlanner {
 public:
  // What a program needs of the host's file system, found as the caller's shell
  // would find it (links, `#!` lines, installations below the home directory).
  struct ProgramPaths {
    std::vector<std::filesystem::path> read_only;  // SandboxSpec::programs
    std::vector<std::filesystem::path> path_dirs;  // directories of PATH
  };
  using FindProgramFn =
      std::function<absl::StatusOr<ProgramPaths>(const std::string& program, const Env& env)>;

  struct Deps {
    Git& git;
    ConfigGate& config;
    const SandboxBackends& backends;
    FindProgramFn find_program;
    // The container backend to use when none is configured; a key of `backends`.
    std::function<std::string()> default_runtime;
    // The daemon's own directories, which no sandbox is given.
    std::vector<std::filesystem::path> own_dirs;
  };
  explicit SessionPlanner(Deps deps) : deps_(std::move(deps)) {}

  absl::StatusOr<SessionPlan> Plan(const SessionRequest& request);

  // Whether a sandbox for this agent could be made now, before a worktree or a
  // window is: program installed, engine answering, image present. Empty agent
  // and backend: the configured ones.
  absl::Status CheckReady(const Config& config, const std::string& agent,
                          const std::string& backend, const Env& caller);

  // As CheckReady chooses it.
  absl::StatusOr<ImageChoice> ChooseImage(const Config& config, const std::string& agent,
                                          const std::string& backend);

  // What the daemon adds while it brings the session to life.
  struct Endpoints {
    Secret token;
    std::filesystem::path bridge_dir;
    std::string rpc_host;
    std::uint16_t rpc_port = 0;
    Secret proxy_token;               // empty: the network is open
    std::filesystem::path guest_dir;  // holds the guest programs
    std::vector<Mount> git_mounts;
    std::vector<Mount> agent_mounts;
    std::string instance;
  };
  static absl::StatusOr<SandboxSpec> BuildSpec(const SessionPlan& plan,
                                               const SessionRequest& request,
                                               const Endpoints& endpoints);

 private:
  absl::StatusOr<SandboxBackend*> BackendFor(const Config& config, const std::string& chosen);
  absl::StatusOr<std::vector<Mount>> PlanExtraMounts(const SandboxConfig& sandbox,
                                                     const SandboxBackend& backend,
                                                     const Env& caller) const;
  absl::Status PlanHostFiles(const SandboxConfig& sandbox, const Caller& caller, SessionPlan& plan);

  const Deps deps_;
};

}  // namespace workmux::daemon
