#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/base/mutex.h"
#include "daemon/adapters/container/engine_client.h"
#include "daemon/adapters/container/engine_images.h"
#include "daemon/adapters/container/run_argv.h"
#include "daemon/adapters/container/start_gate.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// Sandboxes as containers of a local engine. The engine is the one that the
// daemon's environment names, for every call: a container that one engine made
// cannot be started by another. Check refuses a caller whose environment names
// another one (ENGINE_DIFFERS).
class ContainerBackend : public SandboxBackend {
 public:
  // `instance` is the label by which this daemon knows its own containers, `gate_dir`
  // a directory of its own (StartGate).
  ContainerBackend(CommandRunner& runner, RuntimeTraits traits, const Env& environment,
                   std::string instance, std::filesystem::path gate_dir);

  std::string_view name() const override { return client_.traits().name; }
  ImageStore* images() override { return &images_; }
  bool outlives_client() const override { return true; }
  absl::Status Check(std::string_view image, const Env& env) override;
  absl::Status CheckEngine(const Env& env) override;
  bool mounts_files() const override { return client_.traits().file_mounts; }
  absl::Status CheckOptions(const SandboxConfig& config) override;
  absl::Status CheckNetwork(SandboxNetwork network) override {
    return CheckRuntimeNetwork(client_.traits(), network);
  }
  absl::StatusOr<BridgeAddress> Bridge(const Env& env) override;
  absl::StatusOr<std::string> FirewallAddress(const Env& env) override;
  absl::Status ApplyFirewall(const SandboxSpec& spec) override;
  absl::Status Prepare(const SandboxSpec& spec, ProgressSink& progress,
                       std::stop_token stop) override;
  absl::StatusOr<ExecPlan> PlanRun(const SandboxSpec& spec, const Env& caller) override;
  absl::StatusOr<ExecPlan> PlanAttach(const SandboxSpec& spec, std::span<const std::string> command,
                                      bool tty, const Env& caller) override;
  absl::StatusOr<SandboxMakeup> Describe(const SandboxSpec& spec, const Env& caller) override;
  absl::StatusOr<SandboxProvenance> Provenance(const std::string& image) override;
  absl::StatusOr<ExecPlan> PlanLogs(std::string_view name, const LogsWanted& wanted,
                                    const Env& caller) override;
  absl::StatusOr<SandboxExit> ConfirmExit(std::string_view name, ExitStatus seen) override;
  absl::Status Stop(std::string_view name, std::chrono::seconds grace) override;
  absl::Status Halt(std::string_view name) override;
  absl::Status Release(std::string_view name) override;
  absl::Status ReleaseAll(std::span<const std::string> names) override;
  absl::StatusOr<std::vector<SandboxInfo>> List() override;
  absl::StatusOr<std::map<std::string, SandboxUsage>> Usage(
      std::span<const std::string> names) override;

 private:
  ExecPlan PlanOf(EngineCall call, const Env& caller) const;
  absl::StatusOr<EngineFacts> Facts();
  bool IsRemote() const;
  absl::Status Create(EngineCall call, std::stop_token stop) const;
  absl::Status PrepareRun(const SandboxSpec& spec);
  SandboxExit WhyRefused(std::string_view name, ExitStatus seen);
  absl::Status Forget(const std::string& name);
  absl::Status Remove(std::span<const std::string> names) const;
  absl::StatusOr<std::string> FindGateway();
  absl::StatusOr<std::string> Version();
  absl::StatusOr<SandboxProvenance> FindImage(const std::string& image);

  EngineClient client_;
  EngineImages images_;
  const std::string instance_;
  const StartGate gate_;
  Mutex mu_;
  std::optional<std::string> gateway_ WM_GUARDED_BY(mu_);
  std::optional<EngineFacts> facts_ WM_GUARDED_BY(mu_);
  std::string version_ WM_GUARDED_BY(mu_);
  std::optional<std::string> version_stamp_ WM_GUARDED_BY(mu_);  // when it was asked
  struct KnownImage {
    std::string stamp;  // of the store's list
    SandboxProvenance image;
  };
  std::map<std::string, KnownImage> images_known_ WM_GUARDED_BY(mu_);
  // What clients were told to run, until its Release.
  std::map<std::string, SandboxSpec, std::less<>> planned_ WM_GUARDED_BY(mu_);
};

// What `inspect --format '{{json .State}}'` says about the end of a container.
// Pure; kDataLoss when it is not of that form.
absl::StatusOr<SandboxExit> ExitFromState(std::string_view json, ExitStatus seen);

}  // namespace workmux::daemon
