// How a container comes to life, and how it is told that it did not.

#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "daemon/adapters/container/container_backend.h"
#include "daemon/adapters/container/directory_mounts.h"
#include "daemon/adapters/container/option_errors.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

constexpr char kNotStarted[] = "the container was not started";
constexpr char kCannotCreate[] = "cannot create the sandbox";

// The client writes this instant for "never".
bool NeverStarted(const json& state) {
  return state.value("StartedAt", std::string("0001-01-01T00:00:00Z")).starts_with("0001-01-01");
}

}  // namespace

absl::StatusOr<SandboxExit> ExitFromState(std::string_view text, ExitStatus seen) {
  const json state = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object()) return DataLoss("the engine's report on the container is not understood");
  try {
    // The client went away and the container did not.
    if (state.value("Running", false)) return SandboxExit{seen.ShellCode(), ""};
    const std::string error = state.value("Error", std::string());
    int code = state.value("ExitCode", 0);
    if (!NeverStarted(state) && error.empty()) return SandboxExit{code, ""};
    // As `docker run` does: 126 not executable, 127 not found, 125 all else. Podman notes
    // nothing and leaves it to its client, whose 126 is for all else, too.
    if (code == 0 && seen.ShellCode() == 127) code = 127;
    SandboxExit failed{code == 126 || code == 127 ? code : 125, error};
    if (failed.start_failure.empty()) failed.start_failure = kNotStarted;
    return failed;
  } catch (const json::exception&) {
    return DataLoss("the engine's report on the container has fields of another type");
  }
}

absl::Status ContainerBackend::Prepare(const SandboxSpec& spec, ProgressSink& progress,
                                       std::stop_token stop) {
  progress.Step("create", Format("Creating the container {}", spec.name));
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  if (!facts.limits && (!spec.container.memory.empty() || !spec.container.cpus.empty())) {
    progress.Warn("Rootless Podman on cgroup v1 does not limit memory or CPUs.");
  }
  if (client_.traits().one_client_start) return PrepareRun(spec);
  if (client_.traits().file_mounts) {
    WM_ASSIGN_OR_RETURN(EngineCall call, BuildCreateCall(client_.traits(), facts, spec));
    return Create(std::move(call), std::move(stop));
  }
  WM_ASSIGN_OR_RETURN(DirectoryMounts mounts, PlanDirectoryMounts(spec.mounts, &KindOfFile));
  SandboxSpec reduced = spec;
  reduced.mounts = std::move(mounts.mounts);
  WM_ASSIGN_OR_RETURN(EngineCall call,
                      BuildCreateCall(client_.traits(), facts, reduced, mounts.guarded));
  return Create(std::move(call), std::move(stop));
}

// All that can be said without a client: the engine's own no comes with the start.
absl::Status ContainerBackend::PrepareRun(const SandboxSpec& spec) {
  WM_RETURN_IF_ERROR(Annotate(FindImage(spec.image).status(), kCannotCreate));
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  return BuildRunCall(client_.traits(), facts, spec, {}).status();
}

absl::Status ContainerBackend::Create(EngineCall call, std::stop_token stop) const {
  return Annotate(client_.Run(std::move(call), std::move(stop), std::chrono::seconds(60)).status(),
                  kCannotCreate);
}

absl::StatusOr<ExecPlan> ContainerBackend::PlanRun(const SandboxSpec& spec, const Env& caller) {
  const RuntimeTraits& traits = client_.traits();
  if (!traits.one_client_start) return PlanOf(BuildStartCall(traits, spec.name), caller);
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  WM_ASSIGN_OR_RETURN(StartGate::Files files, gate_.Open(spec.name));
  // An engine elsewhere would write its pid elsewhere.
  if (IsRemote()) files.pid.clear();
  WM_ASSIGN_OR_RETURN(EngineCall call, BuildRunCall(traits, facts, spec, files));
  {
    const MutexLock lock(mu_);
    planned_[spec.name] = spec;
  }
  return PlanOf(std::move(call), caller);
}

absl::StatusOr<SandboxExit> ContainerBackend::ConfirmExit(std::string_view name, ExitStatus seen) {
  // Its inspection tells no exit code; the client hands on the command's.
  if (!client_.traits().shares_kernel) return SandboxExit{seen.ShellCode(), ""};
  if (client_.traits().one_client_start && gate_.IsWaiting(name)) return WhyRefused(name, seen);
  const absl::StatusOr<std::string> state = client_.Run(
      {"inspect", "--type", "container", "--format", "{{json .State}}", "--", std::string(name)});
  // Already released: what the client saw is all that is left.
  if (absl::IsNotFound(state.status())) return SandboxExit{seen.ShellCode(), ""};
  if (!state.ok()) return state.status();
  WM_ASSIGN_OR_RETURN(SandboxExit exit, ExitFromState(*state, seen));
  exit.start_failure = NameOption(exit.start_failure);
  return exit;
}

// The client that was to make the container ended without one, and what it said went
// to the terminal: asked once more, the engine says it again.
SandboxExit ContainerBackend::WhyRefused(std::string_view name, ExitStatus seen) {
  SandboxExit refused{125, kNotStarted};
  std::optional<SandboxSpec> spec;
  {
    const MutexLock lock(mu_);
    if (auto found = planned_.find(name); found != planned_.end()) spec = found->second;
  }
  // podman-run(1), "Exit status": of Podman itself. Any other is of one who ended it.
  if (seen.ShellCode() != 125 || !spec) return refused;
  const absl::StatusOr<EngineFacts> facts = Facts();
  if (!facts.ok()) return refused;
  absl::StatusOr<EngineCall> call = BuildCreateCall(client_.traits(), *facts, *spec);
  if (!call.ok()) return refused;
  const absl::Status why = Create(*std::move(call), {});
  if (why.ok()) {
    const std::vector<std::string> names = {spec->name};
    Remove(names).IgnoreError();
    return refused;
  }
  return {125, MessageOf(why), ReasonOf(why), HintOf(why)};
}

}  // namespace workmux::daemon
