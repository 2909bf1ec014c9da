#include "daemon/domain/session_planner.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/agent_command.h"
#include "daemon/domain/excluded_files.h"
#include "daemon/domain/extra_mounts.h"
#include "daemon/domain/image_name.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/domain/sandbox_environment.h"
#include "daemon/domain/worktree_claims.h"
#include "daemon/domain/worktree_naming.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// The original's HOME in a container, which runs as a user that its image does not know.
constexpr char kContainerHome[] = "/tmp";
constexpr char kNamespaceBackend[] = "namespace";

// "wm-<handle>-<id>" of what engines take in a name, and short enough for a host
// name too (HOST_NAME_MAX, limits.h). The id alone tells sandboxes apart.
std::string SandboxName(const std::string& handle, const std::string& session_id) {
  constexpr std::size_t kMaxHandle = 40;
  std::string name = "wm-";
  for (const char c : Slugify(handle)) {
    if (name.size() == 3 + kMaxHandle) break;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      name += c;
    } else if (!name.ends_with('-')) {
      name += '-';
    }
  }
  return name.ends_with('-') ? name + session_id : name + "-" + session_id;
}

absl::StatusOr<fs::path> HomeOf(const Env& caller) {
  const auto home = caller.find("HOME");
  if (home == caller.end() || !home->second.starts_with('/')) {
    return WithHint(FailedPrecondition("HOME is not set to an absolute path"),
                    "set HOME to your home directory");
  }
  return fs::path(home->second);
}

std::vector<std::string> CommandOf(const SessionRequest& request, const ResolvedAgent& agent) {
  if (request.shell_command) return {"/bin/sh", "-c", Join(request.command, " ")};
  if (!request.command.empty()) return request.command;
  if (request.purpose == SessionPurpose::kShell) return ShellCommand();
  return {"/bin/sh", "-c", BuildAgentCommand(agent, {})};
}

// The directory of new worktrees, when it exists inside a mounted worktree: read-only
// as a whole, it keeps a worktree that is added later out of the sandbox's reach.
fs::path SealedDirectory(const Config& config, const SandboxArea& area, const fs::path& home) {
  const Worktree& worktree = area.worktree;
  const auto dir = WorktreeDirectory(worktree.repository, config.worktree_dir, home);
  if (!dir.ok()) return {};
  std::error_code error;
  fs::path real = fs::canonical(*dir, error);
  if (error || !fs::is_directory(real, error)) return {};
  const fs::path& main = worktree.repository.main_worktree;
  const auto is_inside = [&](const fs::path& root) {
    return !root.empty() && real != root && IsWithin(real, root);
  };
  if (real == worktree.path || IsWithin(real, worktree.repository.common_dir)) return {};
  return is_inside(worktree.path) || (area.main_writable && is_inside(main)) ? real : fs::path();
}

// What lies inside the mounted worktrees and would redirect the host's git if the
// sandbox could write it: the pointer file of a main worktree whose git directory
// is elsewhere, and the other worktrees of the repository.
absl::StatusOr<std::vector<fs::path>> FindProtectedPaths(Git& git, const SandboxArea& area) {
  const Worktree& worktree = area.worktree;
  std::vector<fs::path> paths;
  if (!area.sealed_dir.empty()) paths.push_back(area.sealed_dir);
  const fs::path& main = worktree.repository.main_worktree;
  std::error_code error;
  if (area.main_writable && !main.empty() && main != worktree.path &&
      fs::is_regular_file(fs::symlink_status(main / ".git", error))) {
    paths.push_back(main / ".git");
  }
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> worktrees,
                      git.ListWorktrees(worktree.repository));
  for (const Worktree& other : worktrees) {
    if (other.missing || other.is_main || other.path == worktree.path) continue;
    if (!area.Exposes(other.path)) continue;
    // A worktree around this one cannot be read-only; its pointer file can.
    const bool is_around = IsWithin(worktree.path, other.path);
    paths.push_back(is_around ? other.path / ".git" : other.path);
  }
  return paths;
}

// The agent looks for a file where only a directory could be mounted: a link leads
// there (the seeds' form for Apple Container).
void LinkSeedFile(const AgentConfigPlan& config, std::vector<std::string>& argv) {
  if (config.seed_dir_target.empty()) return;
  argv.insert(argv.begin(),
              {"/bin/sh", "-c", "ln -sf \"$0\" \"$1\"; shift; exec \"$@\"",
               (config.seed_dir_target / "claude.json").native(), config.seed_target.native()});
}

// What the user's own configuration takes away of the boundary, said at every start.
void AddWeakenings(const SandboxConfig& sandbox, SessionPlan& plan) {
  const auto warn = [&plan](std::string_view key, const std::string& value) {
    plan.warnings.push_back(Format("sandbox.{}: {} weakens this sandbox", key, Printable(value)));
  };
  if (sandbox.git == SandboxGit::kShared) warn("git", "shared");
  if (plan.backend->name() == kNamespaceBackend) return;
  for (const std::string& name : sandbox.container.cap_add) warn("container.cap_add", name);
  for (const std::string& option : sandbox.container.security_opt)
    warn("container.security_opt", option);
}

}  // namespace

std::vector<std::string> ShellCommand() {
  return {"/bin/sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi"};
}

absl::StatusOr<SandboxBackend*> SessionPlanner::BackendFor(const Config& config,
                                                           const std::string& chosen) {
  std::string name = chosen.empty() ? config.sandbox.backend : chosen;
  if (name == "container") {
    const std::string& runtime = config.sandbox.container.runtime;
    name = runtime.empty() ? deps_.default_runtime() : runtime;
  } else if (name != kNamespaceBackend) {
    name.clear();  // a runtime's name alone is no backend's
  }
  const auto found = deps_.backends.find(name);
  if (found != deps_.backends.end()) return found->second;
  return WithHint(InvalidArgument("sandbox backend '{}' does not exist",
                                  Printable(chosen.empty() ? config.sandbox.backend : chosen)),
                  "use container or namespace");
}

absl::StatusOr<ImageChoice> SessionPlanner::ChooseImage(const Config& config,
                                                        const std::string& agent,
                                                        const std::string& backend) {
  WM_ASSIGN_OR_RETURN(SandboxBackend * chosen, BackendFor(config, backend));
  ImageChoice choice;
  choice.store = chosen->images();
  choice.backend = chosen;
  const ResolvedAgent resolved = ResolveAgent(config, agent);
  choice.agent = IsKnown(*resolved.profile) ? std::string(resolved.profile->name) : resolved.name;
  choice.image = ResolveImage(config.sandbox.image, resolved.profile->name);
  return choice;
}

absl::Status SessionPlanner::CheckReady(const Config& config, const std::string& agent,
                                        const std::string& backend, const Env& caller) {
  WM_ASSIGN_OR_RETURN(SandboxBackend * chosen, BackendFor(config, backend));
  WM_RETURN_IF_ERROR(chosen->CheckOptions(config.sandbox));
  WM_ASSIGN_OR_RETURN(const fs::path home, HomeOf(caller));
  WM_ASSIGN_OR_RETURN(const NetworkPlan network,
                      PlanNetwork(config.sandbox.network, *chosen, agent, home));
  if (network.network == SandboxNetwork::kFirewalled)
    WM_RETURN_IF_ERROR(chosen->FirewallAddress(caller).status());
  WM_RETURN_IF_ERROR(PlanExtraMounts(config.sandbox, *chosen, caller).status());
  WM_ASSIGN_OR_RETURN(const ImageChoice choice, ChooseImage(config, agent, backend));
  return chosen->Check(choice.image, caller);
}

absl::StatusOr<std::vector<Mount>> SessionPlanner::PlanExtraMounts(const SandboxConfig& sandbox,
                                                                   const SandboxBackend& backend,
                                                                   const Env& caller) const {
  if (sandbox.extra_mounts.empty()) return std::vector<Mount>();
  WM_ASSIGN_OR_RETURN(const fs::path home, HomeOf(caller));
  std::vector<fs::path> own = deps_.own_dirs;
  if (const auto paths = PathsFrom(caller); paths.ok()) own.push_back(paths->config);
  WM_ASSIGN_OR_RETURN(std::vector<Mount> mounts,
                      ResolveExtraMounts(sandbox.extra_mounts,
                                         OffLimitsFor(caller, home, ::geteuid(), std::move(own))));
  std::error_code error;
  for (const Mount& mount : mounts) {
    if (backend.mounts_files() || fs::is_directory(mount.source, error)) continue;
    return WithHint(
        WithReason(FailedPrecondition("sandbox.extra_mounts: {}: is a file, and {} mounts "
                                      "directories only",
                                      Printable(mount.source.native()), backend.name()),
                   "RUNTIME_OPTION_UNSUPPORTED"),
        "Name the directory that holds it, or set sandbox.container.runtime: docker.");
  }
  return mounts;
}

absl::Status SessionPlanner::PlanHostFiles(const SandboxConfig& sandbox, const Caller& caller,
                                           SessionPlan& plan) {
  WM_ASSIGN_OR_RETURN(plan.extra_mounts, PlanExtraMounts(sandbox, *plan.backend, caller.env));
  if (sandbox.container.excluded_files.empty()) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(ExcludedFiles excluded,
                      FindExcludedFiles(sandbox.container.excluded_files, plan.worktree));
  plan.masked_files = std::move(excluded.files);
  plan.warnings.insert(plan.warnings.end(), excluded.warnings.begin(), excluded.warnings.end());
  WM_ASSIGN_OR_RETURN(const std::vector<fs::path> tracked,
                      deps_.git.Tracked(plan.worktree, sandbox.container.excluded_files));
  for (const fs::path& path : tracked) {
    plan.warnings.push_back(Format(
        "sandbox.container.excluded_files: {}: is tracked by git, whose history shows its content",
        Printable(path.native())));
  }
  return absl::OkStatus();
}

absl::StatusOr<SessionPlan> SessionPlanner::Plan(const SessionRequest& request) {
  SessionPlan plan;
  const fs::path asked = request.worktree.empty() ? request.caller.cwd : request.worktree;
  std::error_code error;
  plan.cwd = fs::canonical(asked, error);
  if (error) return NotFound("{}: {}", asked.string(), error.message());
  WM_ASSIGN_OR_RETURN(plan.worktree, deps_.git.Locate(plan.cwd));
  WM_ASSIGN_OR_RETURN(const LoadedConfig loaded,
                      deps_.config.LoadTrusted(request.caller, plan.cwd, plan.worktree));
  plan.config_hash = loaded.source.project_sha256;
  plan.warnings = loaded.warnings;
  const SandboxConfig& sandbox = loaded.config.sandbox;

  WM_ASSIGN_OR_RETURN(plan.backend, BackendFor(loaded.config, request.backend));
  WM_RETURN_IF_ERROR(plan.backend->CheckOptions(sandbox));
  const bool container = plan.backend->name() != kNamespaceBackend;

  const ResolvedAgent agent = ResolveAgent(loaded.config, request.agent);
  plan.agent = agent.name;
  plan.image =
      ResolveImage(request.image.empty() ? sandbox.image : request.image, agent.profile->name);
  plan.git = sandbox.git;
  plan.icons = loaded.config.status_icons;
  plan.container = sandbox.container;
  plan.main_worktree = sandbox.main_worktree;
  plan.rpc_host = sandbox.rpc_host;
  plan.env_passthrough = sandbox.env_passthrough;
  plan.env = {sandbox.env.begin(), sandbox.env.end()};
  plan.bridge = request.purpose != SessionPurpose::kShell;
  WM_ASSIGN_OR_RETURN(const fs::path home, HomeOf(request.caller.env));
  WM_ASSIGN_OR_RETURN(plan.network,
                      PlanNetwork(sandbox.network, *plan.backend, agent.profile->name, home));
  plan.agent_profile = std::string(agent.profile->name);
  plan.warnings.insert(plan.warnings.end(), plan.network.warnings.begin(),
                       plan.network.warnings.end());
  plan.argv = CommandOf(request, agent);
  plan.session_id = RandomHex(8);
  if (plan.git == SandboxGit::kClone) {
    plan.sealed_dir = SealedDirectory(loaded.config, plan.Area(), home);
    WM_ASSIGN_OR_RETURN(plan.protected_paths, FindProtectedPaths(deps_.git, plan.Area()));
  }
  WM_RETURN_IF_ERROR(PlanHostFiles(sandbox, request.caller, plan));
  AddWeakenings(sandbox, plan);
  WM_ASSIGN_OR_RETURN(plan.identity, deps_.git.GetIdentity(plan.worktree, request.caller.env));
  WM_ASSIGN_OR_RETURN(
      plan.agent_config,
      PlanAgentConfig({.agent = agent, .sandbox = sandbox, .home = home, .container = container}));
  if (plan.agent_config && !plan.backend->mounts_files()) {
    plan.agent_config->file_mounts = false;
    LinkSeedFile(*plan.agent_config, plan.argv);
  }
  if (container && !agent.profile->dir_variable.empty())
    plan.agent_env.emplace(agent.profile->dir_variable, agent.profile->container_dir);
  if (!container && !agent.command.program.empty()) {
    // An agent that is not installed is the shell's to report, inside.
    if (auto programs = deps_.find_program(agent.command.program, request.caller.env);
        programs.ok()) {
      plan.programs = std::move(programs->read_only);
      plan.path_dirs = std::move(programs->path_dirs);
    }
  }
  return plan;
}

absl::StatusOr<SandboxSpec> SessionPlanner::BuildSpec(const SessionPlan& plan,
                                                      const SessionRequest& request,
                                                      const Endpoints& endpoints) {
  SandboxSpec spec;
  const bool container = plan.backend->name() != kNamespaceBackend;
  spec.name = SandboxName(plan.worktree.handle(), plan.session_id);
  spec.session_id = plan.session_id;
  spec.instance = endpoints.instance;
  spec.worktree = plan.worktree.path;
  spec.cwd = plan.cwd;
  WM_ASSIGN_OR_RETURN(const fs::path home, HomeOf(request.caller.env));
  spec.home = container ? fs::path(kContainerHome) : home;

  MountPlanInput mounts;
  mounts.worktree = plan.worktree;
  mounts.share_git = plan.git == SandboxGit::kShared;
  mounts.git_mounts = endpoints.git_mounts;
  mounts.protected_paths = plan.protected_paths;
  mounts.agent_mounts = endpoints.agent_mounts;
  mounts.guest_bin_dir = endpoints.guest_dir;
  mounts.bridge_dir = endpoints.bridge_dir;
  mounts.extra_mounts = plan.extra_mounts;
  mounts.main_worktree = plan.main_worktree;
  mounts.masked_files = plan.masked_files;
  WM_ASSIGN_OR_RETURN(spec.mounts, PlanMounts(mounts));

  SandboxEnvironmentInput environment;
  environment.caller = request.caller.env;
  environment.agent = plan.agent_env;
  environment.passthrough = plan.env_passthrough;
  environment.configured = plan.env;
  environment.home = spec.home;
  environment.path_dirs = plan.path_dirs;
  environment.host_locale = !container;
  environment.git_name = plan.identity.name;
  environment.git_email = plan.identity.email;
  if (plan.bridge) {
    environment.bridge = {
        .host = plan.rpc_host.empty() || plan.network.network != SandboxNetwork::kOpen
                    ? endpoints.rpc_host
                    : plan.rpc_host,
        .port = endpoints.rpc_port,
        .token = endpoints.token};
  }
  spec.network = plan.network.network;
  spec.firewall = endpoints.firewall;
  if (spec.network == SandboxNetwork::kIsolated) {
    environment.proxy = {.host = "127.0.0.1",
                         .port = egress::kRelayProxyPort,
                         .token = endpoints.proxy_token,
                         .services = plan.network.host_ports,
                         .credentials = plan.network.credentials,
                         .authority_dir = kGuestBridgeDir};
  } else if (spec.network == SandboxNetwork::kFirewalled) {
    environment.proxy = {.host = spec.firewall.address,
                         .port = spec.firewall.proxy_port,
                         .relayed = false,
                         .token = endpoints.proxy_token,
                         .services = plan.network.host_ports,
                         .credentials = plan.network.credentials,
                         .authority_dir = kGuestBridgeDir};
  }
  WM_ASSIGN_OR_RETURN(spec.env, BuildSandboxEnvironment(environment));

  spec.argv = plan.argv;
  spec.agent = plan.agent;
  spec.image = plan.image;
  spec.container = plan.container;
  spec.uid = ::geteuid();
  spec.gid = ::getegid();
  spec.tty = request.tty;
  spec.rows = request.rows;
  spec.columns = request.columns;
  spec.programs = plan.programs;
  return spec;
}

}  // namespace workmux::daemon
