#pragma once

#include <filesystem>
#include <string>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// Sandboxes from Linux namespaces with bubblewrap: no image, no engine. The
// client runs bwrap itself, on its own terminal and from its main thread; with
// the client the sandbox ends (--die-with-parent). The daemon starts none of its
// processes and finds them in /proc.
class NamespaceBackend : public SandboxBackend {
 public:
  // `environment`: where the programs are looked up. `guest_dir` holds the guest program,
  // here the probe.
  NamespaceBackend(CommandRunner& runner, Env environment, std::filesystem::path guest_dir = {});

  std::string_view name() const override { return "namespace"; }
  bool outlives_client() const override { return false; }
  // Errors: RUNTIME_NOT_INSTALLED, USER_NAMESPACES_FORBIDDEN, RUNTIME_FAILED.
  absl::Status Check(std::string_view image, const Env& env) override;
  absl::Status CheckOptions(const SandboxConfig&) override { return absl::OkStatus(); }
  absl::Status CheckNetwork(SandboxNetwork network) override;
  absl::StatusOr<BridgeAddress> Bridge(const Env& env) override;
  // Checks that a sandbox can be made; nothing comes into being yet.
  absl::Status Prepare(const SandboxSpec& spec, ProgressSink& progress,
                       std::stop_token stop) override;
  absl::StatusOr<ExecPlan> PlanRun(const SandboxSpec& spec, const Env& caller) override;
  // kUnimplemented: a process that enters the namespaces later has neither their
  // filter nor their bounds.
  absl::StatusOr<ExecPlan> PlanAttach(const SandboxSpec& spec, std::span<const std::string> command,
                                      bool tty, const Env& caller) override;
  // The host's own guest program, which looks at the sandbox's processes in /proc.
  absl::StatusOr<ExecPlan> PlanProbe(const SandboxSpec& spec, const Env& caller) override;
  absl::StatusOr<SandboxMakeup> Describe(const SandboxSpec& spec, const Env& caller) override;
  absl::StatusOr<SandboxProvenance> Provenance(const std::string& image) override;
  absl::StatusOr<ExecPlan> PlanLogs(std::string_view name, const LogsWanted& wanted,
                                    const Env& caller) override;
  absl::StatusOr<SandboxExit> ConfirmExit(std::string_view name, ExitStatus seen) override;
  absl::Status Stop(std::string_view name, std::chrono::seconds grace) override;
  absl::Status Halt(std::string_view name) override { return Release(name); }
  absl::Status Release(std::string_view name) override;
  absl::StatusOr<std::vector<SandboxInfo>> List() override;
  absl::StatusOr<std::map<std::string, SandboxUsage>> Usage(
      std::span<const std::string> names) override;

 private:
  struct Programs {
    std::filesystem::path bwrap;
    std::filesystem::path prlimit;
  };
  absl::StatusOr<Programs> FindPrograms() const;
  absl::Status Probe(std::stop_token stop);

  CommandRunner& runner_;
  const Env env_;
  const std::filesystem::path guest_dir_;
  Mutex mu_;
  bool probed_ WM_GUARDED_BY(mu_) = false;  // only success is remembered
};

}  // namespace workmux::daemon
