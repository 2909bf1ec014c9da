#include "daemon/adapters/container/container_backend.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/env.h"
#include "daemon/adapters/container/bridge_gateway.h"
#include "daemon/adapters/container/cgroup_usage.h"
#include "daemon/adapters/container/container_list.h"
#include "daemon/adapters/container/first_process.h"

namespace workmux::daemon {
namespace {

// What chooses the engine; empty counts as unset.
constexpr auto kEngineChoice = std::to_array<std::string_view>(
    {"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"});

// For the terminal of the person who runs the client.
constexpr auto kTerminalNames = std::to_array<std::string_view>({"TERM", "COLORTERM", "NO_COLOR"});

// What one process removes, and how long it may take: an engine needs a tenth of a
// second for a container on a slow disk.
constexpr std::size_t kRemovedAtOnce = 50;
constexpr std::chrono::seconds kRemoveLimit{60};

// A process that does not go within it waits for a device.
constexpr std::chrono::seconds kKillLimit{1};

}  // namespace

ContainerBackend::ContainerBackend(CommandRunner& runner, RuntimeTraits traits,
                                   const Env& environment, std::string instance,
                                   std::filesystem::path gate_dir)
    : client_(runner, traits, environment),
      images_(runner, traits, environment),
      instance_(std::move(instance)),
      gate_(std::move(gate_dir)) {}

absl::Status ContainerBackend::CheckEngine(const Env& env) {
  for (const std::string_view name : kEngineChoice) {
    if (Lookup(env, name) == Lookup(client_.env(), name)) continue;
    return WithHint(
        WithReason(FailedPrecondition("{} is {} here, but {} for workmuxd", name,
                                      Printable(Lookup(env, name)), Lookup(client_.env(), name)),
                   "ENGINE_DIFFERS"),
        "Run `workmux daemon stop` and start it again from this terminal.");
  }
  return absl::OkStatus();
}

absl::Status ContainerBackend::Check(std::string_view image, const Env& env) {
  WM_RETURN_IF_ERROR(CheckEngine(env));
  if (image.empty()) return List().status();
  // One process tells all three: a missing client, a silent engine, a missing image.
  std::vector<std::string> arguments = {"image", "inspect"};
  if (client_.traits().shares_kernel) arguments.insert(arguments.end(), {"--format", "{{.Id}}"});
  arguments.insert(arguments.end(), {"--", std::string(image)});
  return client_.Run(std::move(arguments)).status();
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

// Whether Podman's client asks an engine in another process, perhaps elsewhere.
bool ContainerBackend::IsRemote() const {
  return client_.traits().name == "podman" &&
         (!Lookup(client_.env(), "CONTAINER_HOST").empty() ||
          !Lookup(client_.env(), "CONTAINER_CONNECTION").empty());
}

absl::Status ContainerBackend::CheckOptions(const SandboxConfig& config) {
  WM_RETURN_IF_ERROR(CheckRuntimeOptions(client_.traits(), config));
  // podman(1), --runtime: a remote client does not have it.
  if (config.container.oci_runtime.empty() || !IsRemote()) return absl::OkStatus();
  return WithHint(
      WithReason(FailedPrecondition(
                     "sandbox.container.oci_runtime: Podman's engine is remote and chooses itself"),
                 "RUNTIME_OPTION_UNSUPPORTED"),
      "Remove the key, or unset CONTAINER_HOST and CONTAINER_CONNECTION.");
}

// Asked once: an engine does not become another one while its client's environment
// stays the same.
absl::StatusOr<EngineFacts> ContainerBackend::Facts() {
  {
    const MutexLock lock(mu_);
    if (facts_.has_value()) return *facts_;
  }
  EngineFacts facts;
  if (client_.traits().name == "podman") {
    WM_ASSIGN_OR_RETURN(
        const std::string out,
        client_.Run({"info", "--format",
                     "{{.Host.Security.Rootless}}\t{{.Host.CgroupsVersion}}\t"
                     "{{.Store.GraphRoot}}/{{.Store.GraphDriverName}}-images/images.json"}));
    const std::vector<std::string> said = Split(Trim(out), '\t');
    if (said.size() != 3 || (said[0] != "true" && said[0] != "false"))
      return DataLoss("the engine does not say whether it is rootless");
    facts.rootless = said[0] == "true";
    facts.limits = !facts.rootless || said[1] != "v1";
    facts.image_list = said[2];
  }
  const MutexLock lock(mu_);
  facts_ = facts;
  return facts;
}

absl::StatusOr<SandboxBackend::BridgeAddress> ContainerBackend::Bridge(const Env&) {
  const RuntimeTraits& traits = client_.traits();
  const std::string host(traits.host_name);
  // The address is fixed, and belongs to this host as soon as a container runs.
  if (traits.network.empty()) return BridgeAddress{host, host, false};
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  // Its containers have a network of their own, in which no address is this host's:
  // they connect through the mounted socket.
  if (facts.rootless) return BridgeAddress{"127.0.0.1", host, true};
  {
    const MutexLock lock(mu_);
    if (gateway_.has_value()) return BridgeAddress{*gateway_, host, true};
  }
  WM_ASSIGN_OR_RETURN(std::string gateway, FindGateway());
  const MutexLock lock(mu_);
  gateway_ = gateway;
  return BridgeAddress{std::move(gateway), host, true};
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

absl::StatusOr<ExecPlan> ContainerBackend::PlanAttach(const SandboxSpec& spec,
                                                      std::span<const std::string> command,
                                                      bool tty, const Env& caller) {
  WM_ASSIGN_OR_RETURN(EngineCall call, BuildExecCall(client_.traits(), spec, command, tty));
  return PlanOf(std::move(call), caller);
}

absl::StatusOr<ExecPlan> ContainerBackend::PlanLogs(std::string_view name, const LogsWanted& wanted,
                                                    const Env& caller) {
  return PlanOf(BuildLogsCall(client_.traits(), name, wanted), caller);
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

// Killed by its pid, which takes no client; else frozen, and then it waits for Release,
// which kills it without waking it. A rootless engine on cgroup v1 cannot freeze.
absl::Status ContainerBackend::Halt(std::string_view name) {
  if (client_.traits().one_client_start) {
    const std::optional<StartGate::FirstProcess> first = gate_.Find(name);
    const absl::Status shut = gate_.Shut(name);
    if (first && KillFirstProcess(first->pid, first->container, kKillLimit).ok())
      return absl::OkStatus();
    if (!shut.ok()) return Release(name);
  }
  if (client_.traits().shares_kernel) {
    const absl::Status paused = client_.Run({"pause", "--", std::string(name)}).status();
    if (paused.ok() || absl::IsNotFound(paused)) return absl::OkStatus();
  }
  return Release(name);
}

absl::Status ContainerBackend::Remove(std::span<const std::string> names) const {
  EngineCall call;
  call.argv = {std::string(client_.traits().program), "rm", "--force"};
  // The anonymous ones that the image declares would stay otherwise.
  if (client_.traits().shares_kernel) call.argv.emplace_back("--volumes");
  call.argv.emplace_back("--");
  call.argv.insert(call.argv.end(), names.begin(), names.end());
  return client_.Run(std::move(call), std::stop_token(), kRemoveLimit).status();
}

absl::Status ContainerBackend::ReleaseAll(std::span<const std::string> names) {
  absl::Status first;
  while (!names.empty()) {
    const auto batch = names.first(std::min(names.size(), kRemovedAtOnce));
    names = names.subspan(batch.size());
    for (const std::string& name : batch) first.Update(Forget(name));
    if (Remove(batch).ok()) continue;
    // The client removes what it can: each that is left says why.
    for (const std::string& name : batch) first.Update(Release(name));
  }
  return first;
}

// A client that is still on its way makes nothing that runs.
absl::Status ContainerBackend::Forget(const std::string& name) {
  if (!client_.traits().one_client_start) return absl::OkStatus();
  {
    const MutexLock lock(mu_);
    planned_.erase(name);
  }
  return gate_.Shut(name);
}

absl::Status ContainerBackend::Release(std::string_view name) {
  const std::vector<std::string> names = {std::string(name)};
  const absl::Status forgotten = Forget(names[0]);
  const absl::Status status = Remove(names);
  const bool gone = status.ok() || absl::IsNotFound(status) ||
                    MessageOf(status).find("is already in progress") != std::string::npos;
  return gone ? forgotten : status;
}

absl::StatusOr<std::vector<SandboxInfo>> ContainerBackend::List() {
  const RuntimeTraits& traits = client_.traits();
  if (traits.label_lookup.empty()) {
    WM_ASSIGN_OR_RETURN(const std::string out, client_.Run({"list", "--all", "--format", "json"}));
    return SandboxesFromJson(out, instance_);
  }
  WM_ASSIGN_OR_RETURN(const std::string out,
                      client_.Run({"ps", "--all", "--no-trunc", "--filter",
                                   Format("label={}={}", kLabelInstance, instance_), "--format",
                                   Format("{{{{.Names}}}}\t{}{}\"}}}}\t{{{{.State}}}}",
                                          traits.label_lookup, kLabelSession)}));
  return SandboxesFromTable(out);
}

// One process of the engine's client for all; the rest is read from the kernel.
absl::StatusOr<std::map<std::string, SandboxUsage>> ContainerBackend::Usage(
    std::span<const std::string> names) {
  std::map<std::string, SandboxUsage> usage;
  if (names.empty() || !client_.traits().shares_kernel) return usage;
  std::vector<std::string> arguments = {
      "inspect", "--type", "container", "--format", "{{.Name}}\t{{.State.Pid}}", "--"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  WM_ASSIGN_OR_RETURN(const std::string out, client_.Run(std::move(arguments)));
  for (const std::string& line : SplitLines(out)) {
    const std::vector<std::string> fields = Split(line, '\t');
    long long pid = 0;
    if (fields.size() != 2 || !ParseInt(fields[1], pid) || pid <= 0) continue;
    // Docker puts a slash before the name.
    const std::string name = fields[0].starts_with('/') ? fields[0].substr(1) : fields[0];
    if (auto used = ReadCgroupUsage(static_cast<pid_t>(pid))) usage[name] = *used;
  }
  return usage;
}

}  // namespace workmux::daemon
