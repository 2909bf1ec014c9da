#include "daemon/adapters/container/container_backend.h"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/env.h"
#include "daemon/adapters/container/bridge_gateway.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

// What chooses the engine; empty counts as unset.
constexpr auto kEngineChoice = std::to_array<std::string_view>(
    {"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"});

// For the terminal of the person who runs the client.
constexpr auto kTerminalNames = std::to_array<std::string_view>({"TERM", "COLORTERM", "NO_COLOR"});

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
    const int code = state.value("ExitCode", 0);
    if (!NeverStarted(state) && error.empty()) return SandboxExit{code, ""};
    // As `docker run` does: 126 not executable, 127 not found, 125 all else.
    SandboxExit failed{code == 126 || code == 127 ? code : 125, error};
    if (failed.start_failure.empty()) failed.start_failure = "the container was not started";
    return failed;
  } catch (const json::exception&) {
    return DataLoss("the engine's report on the container has fields of another type");
  }
}

ContainerBackend::ContainerBackend(CommandRunner& runner, RuntimeTraits traits,
                                   const Env& environment, std::string instance)
    : client_(runner, traits, environment),
      images_(runner, traits, environment),
      instance_(std::move(instance)) {}

absl::Status ContainerBackend::Check(std::string_view image, const Env& env) {
  for (const std::string_view name : kEngineChoice) {
    if (Lookup(env, name) == Lookup(client_.env(), name)) continue;
    return WithHint(
        WithReason(FailedPrecondition("{} is {} here, but {} for workmuxd", name,
                                      Printable(Lookup(env, name)), Lookup(client_.env(), name)),
                   "ENGINE_DIFFERS"),
        "Run `workmux daemon stop` and start it again from this terminal.");
  }
  if (image.empty()) return List().status();
  // One process tells all three: a missing client, a silent engine, a missing image.
  return client_.Run({"image", "inspect", "--format", "{{.Id}}", "--", std::string(image)})
      .status();
}

absl::StatusOr<std::string> ContainerBackend::FindGateway() {
  const std::string network(client_.traits().network);
  WM_ASSIGN_OR_RETURN(const std::string out,
                      client_.Run({"network", "inspect", "--format", "{{json .}}", "--", network}));
  WM_ASSIGN_OR_RETURN(const std::vector<InterfaceAddress> local, LocalAddresses());
  absl::StatusOr<std::string> gateway = GatewayFrom(out, local);
  if (gateway.ok()) return gateway;
  return WithHint(Annotate(gateway.status(), Format("the engine's network {}", network)),
                  Format("Check `{} network inspect {}`.", client_.traits().program, network));
}

absl::StatusOr<SandboxBackend::BridgeAddress> ContainerBackend::Bridge(const Env&) {
  const std::string host(client_.traits().host_name);
  {
    const MutexLock lock(mu_);
    if (gateway_.has_value()) return BridgeAddress{*gateway_, host};
  }
  WM_ASSIGN_OR_RETURN(std::string gateway, FindGateway());
  const MutexLock lock(mu_);
  gateway_ = gateway;
  return BridgeAddress{std::move(gateway), host};
}

absl::Status ContainerBackend::Prepare(const SandboxSpec& spec, ProgressSink& progress,
                                       std::stop_token stop) {
  progress.Step("create", Format("Creating the container {}", spec.name));
  WM_ASSIGN_OR_RETURN(EngineCall call, BuildCreateCall(client_.traits(), spec));
  return Annotate(client_.Run(std::move(call), std::move(stop), std::chrono::seconds(60)).status(),
                  "cannot create the sandbox");
}

ExecPlan ContainerBackend::PlanOf(EngineCall call, const Env& caller) const {
  ExecPlan plan;
  plan.argv = std::move(call.argv);
  plan.env = std::move(call.env);
  for (const std::string_view name : kTerminalNames) {
    if (std::string value = Lookup(caller, name); !value.empty())
      plan.env[std::string(name)] = std::move(value);
  }
  for (const auto& [name, value] : client_.env()) plan.env[name] = value;
  plan.cwd = "/";
  plan.files = std::move(call.files);
  return plan;
}

absl::StatusOr<ExecPlan> ContainerBackend::PlanRun(const SandboxSpec& spec, const Env& caller) {
  return PlanOf(BuildStartCall(client_.traits(), spec.name), caller);
}

absl::StatusOr<ExecPlan> ContainerBackend::PlanAttach(const SandboxSpec& spec,
                                                      std::span<const std::string> command,
                                                      bool tty, const Env& caller) {
  WM_ASSIGN_OR_RETURN(EngineCall call, BuildExecCall(client_.traits(), spec, command, tty));
  return PlanOf(std::move(call), caller);
}

absl::StatusOr<SandboxExit> ContainerBackend::ConfirmExit(std::string_view name, ExitStatus seen) {
  const absl::StatusOr<std::string> state = client_.Run(
      {"inspect", "--type", "container", "--format", "{{json .State}}", "--", std::string(name)});
  // Already released: what the client saw is all that is left.
  if (absl::IsNotFound(state.status())) return SandboxExit{seen.ShellCode(), ""};
  if (!state.ok()) return state.status();
  return ExitFromState(*state, seen);
}

absl::Status ContainerBackend::Stop(std::string_view name, std::chrono::seconds grace) {
  EngineCall call;
  // Long options have other names across versions; -t is seconds in all of them.
  call.argv = {std::string(client_.traits().program), "stop", "-t",
               Format("{}", grace.count()),           "--",   std::string(name)};
  const absl::Status status =
      client_.Run(std::move(call), std::stop_token(), grace + std::chrono::seconds(30)).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status ContainerBackend::Release(std::string_view name) {
  // --volumes: the anonymous ones that the image declares would stay otherwise.
  const absl::Status status =
      client_.Run({"rm", "--force", "--volumes", "--", std::string(name)}).status();
  const bool gone = absl::IsNotFound(status) ||
                    MessageOf(status).find("is already in progress") != std::string::npos;
  return gone ? absl::OkStatus() : status;
}

absl::StatusOr<std::vector<SandboxInfo>> ContainerBackend::List() {
  WM_ASSIGN_OR_RETURN(const std::string out,
                      client_.Run({"ps", "--all", "--no-trunc", "--filter",
                                   Format("label={}={}", kLabelInstance, instance_), "--format",
                                   Format("{{{{.Names}}}}\t{{{{.Label \"{}\"}}}}\t{{{{.State}}}}",
                                          kLabelSession)}));
  std::vector<SandboxInfo> infos;
  for (const std::string& line : SplitLines(out)) {
    const std::vector<std::string> fields = Split(line, '\t');
    if (fields.size() != 3) return DataLoss("the engine's list of containers is not understood");
    const bool running =
        fields[2] == "running" || fields[2] == "paused" || fields[2] == "restarting";
    infos.push_back({fields[0], fields[1], running});
  }
  return infos;
}

}  // namespace workmux::daemon
