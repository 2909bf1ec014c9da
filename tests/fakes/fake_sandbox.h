#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "daemon/ports/agent_configs.h"
#include "daemon/ports/bridge_listeners.h"
#include "daemon/ports/egress_gateway.h"
#include "daemon/ports/firewall_gates.h"
#include "daemon/ports/git_boundary.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::test {

// What the three fakes below did, in order: "prepare NAME", "release NAME",
// "close ID", "unwatch PATH", … A call fails when its first word is in
// `failures`. Thread-safe but for `failures`, which a test sets beforehand.
class SandboxLog {
 public:
  absl::Status Enter(const std::string& call, const std::string& subject) {
    MutexLock lock(mu_);
    calls_.push_back(call + " " + subject);
    const auto failure = failures.find(call);
    return failure == failures.end() ? absl::OkStatus() : failure->second;
  }
  std::vector<std::string> calls() const {
    MutexLock lock(mu_);
    return calls_;
  }
  // How many calls had this first word.
  int Count(const std::string& call) const {
    MutexLock lock(mu_);
    int count = 0;
    for (const std::string& made : calls_) count += made.starts_with(call + " ") ? 1 : 0;
    return count;
  }
  void Clear() {
    MutexLock lock(mu_);
    calls_.clear();
  }

  std::map<std::string, absl::Status> failures;

 private:
  mutable Mutex mu_;
  std::vector<std::string> calls_ WM_GUARDED_BY(mu_);
};

class FakeSandboxBackend : public daemon::SandboxBackend {
 public:
  FakeSandboxBackend(std::string name, SandboxLog& log) : name_(std::move(name)), log_(log) {}

  std::string_view name() const override { return name_; }
  daemon::ImageStore* images() override { return store; }
  absl::Status Check(std::string_view image, const Env&) override {
    WM_RETURN_IF_ERROR(log_.Enter("check", std::string(image)));
    return store == nullptr ? absl::OkStatus() : store->IdOf(std::string(image)).status();
  }
  absl::Status CheckOptions(const daemon::SandboxConfig&) override {
    const auto failure = log_.failures.find("options");
    return failure == log_.failures.end() ? absl::OkStatus() : failure->second;
  }
  absl::Status CheckNetwork(daemon::SandboxNetwork) override {
    const auto failure = log_.failures.find("network");
    return failure == log_.failures.end() ? absl::OkStatus() : failure->second;
  }
  absl::StatusOr<BridgeAddress> Bridge(const Env&) override {
    WM_RETURN_IF_ERROR(log_.Enter("bridge", name_));
    return BridgeAddress{.listen = "172.17.0.1", .host = "host.docker.internal"};
  }
  absl::StatusOr<std::string> FirewallAddress(const Env&) override {
    WM_RETURN_IF_ERROR(log_.Enter("firewall-address", name_));
    return "172.17.0.1";
  }
  absl::Status ApplyFirewall(const daemon::SandboxSpec& spec) override {
    walled = spec;
    return log_.Enter("firewall", spec.name);
  }
  absl::Status Prepare(const daemon::SandboxSpec& spec, daemon::ProgressSink&,
                       std::stop_token) override {
    prepared = spec;
    if (store != nullptr) WM_RETURN_IF_ERROR(store->IdOf(spec.image).status());
    existing[spec.name] = {spec.name, spec.session_id, false};
    return log_.Enter("prepare", spec.name);
  }
  absl::StatusOr<daemon::ExecPlan> PlanRun(const daemon::SandboxSpec& spec, const Env&) override {
    WM_RETURN_IF_ERROR(log_.Enter("plan", spec.name));
    return daemon::ExecPlan{.argv = {"enter", spec.name}, .env = {}, .cwd = spec.cwd, .files = {}};
  }
  absl::StatusOr<daemon::ExecPlan> PlanAttach(const daemon::SandboxSpec& spec,
                                              std::span<const std::string> command, bool,
                                              const Env&) override {
    WM_RETURN_IF_ERROR(log_.Enter("attach", spec.name));
    return daemon::ExecPlan{
        .argv = {command.begin(), command.end()}, .env = {}, .cwd = spec.cwd, .files = {}};
  }
  absl::StatusOr<daemon::ExecPlan> PlanLogs(std::string_view, const daemon::LogsWanted&,
                                            const Env&) override {
    return daemon::ExecPlan{};
  }
  absl::StatusOr<daemon::SandboxExit> ConfirmExit(std::string_view name, ExitStatus seen) override {
    WM_RETURN_IF_ERROR(log_.Enter("confirm", std::string(name)));
    if (!start_failure.empty()) return daemon::SandboxExit{127, start_failure};
    return daemon::SandboxExit{seen.ShellCode(), {}};
  }
  absl::Status Stop(std::string_view name, std::chrono::seconds) override {
    return log_.Enter("stop", std::string(name));
  }
  absl::Status Halt(std::string_view name) override {
    return log_.Enter("halt", std::string(name));
  }
  absl::Status Release(std::string_view name) override {
    existing.erase(std::string(name));
    return log_.Enter("release", std::string(name));
  }
  bool outlives_client() const override { return outlives; }
  absl::StatusOr<std::vector<daemon::SandboxInfo>> List() override {
    WM_RETURN_IF_ERROR(log_.Enter("list", name_));
    std::vector<daemon::SandboxInfo> all;
    for (const auto& [name, info] : existing) all.push_back(info);
    return all;
  }

  absl::StatusOr<std::map<std::string, daemon::SandboxUsage>> Usage(
      std::span<const std::string> names) override {
    std::map<std::string, daemon::SandboxUsage> usage;
    for (const std::string& name : names) usage[name] = {1 << 20, 5, 2};
    return usage;
  }

  std::map<std::string, daemon::SandboxInfo> existing;  // by name
  daemon::SandboxSpec prepared;                         // the last one
  daemon::SandboxSpec walled;                           // of ApplyFirewall
  std::string start_failure;
  daemon::ImageStore* store = nullptr;  // set: a missing image is IMAGE_NOT_FOUND
  bool outlives = true;

 private:
  const std::string name_;
  SandboxLog& log_;
};

class FakeEgressGateway : public daemon::EgressGateway {
 public:
  explicit FakeEgressGateway(SandboxLog& log) : log_(log) {}

  absl::StatusOr<Secret> NewAuthority(
      const std::vector<egress::CredentialRule>& credentials) override {
    WM_RETURN_IF_ERROR(log_.Enter("new-authority", credentials.front().host));
    return Secret("authority of " + credentials.front().host);
  }
  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Grant& grant) override {
    WM_RETURN_IF_ERROR(log_.Enter("open-proxy", session_id));
    open.insert_or_assign(session_id, grant);
    return grant.tcp_address.empty() ? 0
           : grant.tcp_port != 0     ? grant.tcp_port
                                     : std::uint16_t{4712};
  }
  absl::Status SetPolicy(const std::string& session_id, const egress::Policy& policy) override {
    const auto found = open.find(session_id);
    if (found == open.end()) return absl::NotFoundError("no proxy");
    found->second.policy = policy;
    return absl::OkStatus();
  }
  void Close(const std::string& session_id) override {
    if (open.erase(session_id) > 0) log_.Enter("close-proxy", session_id).IgnoreError();
  }

  std::map<std::string, Grant> open;

 private:
  SandboxLog& log_;
};

// Whoever asks is `Ask`.
class FakeFirewallGates : public daemon::FirewallGates {
 public:
  explicit FakeFirewallGates(SandboxLog& log) : log_(log) {}

  absl::Status Open(const std::string& session_id, const std::filesystem::path& socket,
                    Apply apply) override {
    WM_RETURN_IF_ERROR(log_.Enter("open-gate", session_id));
    open.insert_or_assign(session_id, std::pair(socket, std::move(apply)));
    return absl::OkStatus();
  }
  void Close(const std::string& session_id) override { open.erase(session_id); }
  absl::Status Ask(const std::string& session_id) {
    const auto found = open.find(session_id);
    if (found == open.end()) return absl::NotFoundError("no gate");
    return found->second.second();
  }

  std::map<std::string, std::pair<std::filesystem::path, Apply>> open;

 private:
  SandboxLog& log_;
};

class FakeBridgeListeners : public daemon::BridgeListeners {
 public:
  explicit FakeBridgeListeners(SandboxLog& log) : log_(log) {}

  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Secret& token,
                                     const Endpoints& endpoints) override {
    WM_RETURN_IF_ERROR(log_.Enter("open", session_id));
    open[session_id] = {token, endpoints};
    return endpoints.tcp_address.empty() ? 0
           : endpoints.tcp_port != 0     ? endpoints.tcp_port
                                         : std::uint16_t{4711};
  }
  void Close(const std::string& session_id) override {
    log_.Enter("close", session_id).IgnoreError();
    open.erase(session_id);
  }

  std::map<std::string, std::pair<Secret, Endpoints>> open;  // by session

 private:
  SandboxLog& log_;
};

class FakeGitBoundary : public daemon::GitBoundary {
 public:
  explicit FakeGitBoundary(SandboxLog& log) : log_(log) {}

  absl::Status Check() override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<daemon::Mount>> Prepare(const daemon::Worktree& worktree, const Env&,
                                                     std::stop_token) override {
    WM_RETURN_IF_ERROR(log_.Enter("clone", worktree.path.string()));
    // Stands where the host's git directory would show through.
    return std::vector<daemon::Mount>{{"/private.git", worktree.repository.common_dir, true}};
  }
  absl::Status Watch(const daemon::Worktree& worktree) override {
    WM_RETURN_IF_ERROR(log_.Enter("watch", worktree.path.string()));
    ++watched[worktree.path];
    return absl::OkStatus();
  }
  void Unwatch(const daemon::Worktree& worktree) override {
    log_.Enter("unwatch", worktree.path.string()).IgnoreError();
    if (--watched[worktree.path] == 0) watched.erase(worktree.path);
  }
  absl::Status Import(const daemon::Worktree& worktree, std::stop_token) override {
    return log_.Enter("import", worktree.path.string());
  }
  absl::Status Discard(const daemon::Worktree& worktree) override {
    return log_.Enter("discard", worktree.path.string());
  }

  std::map<std::filesystem::path, int> watched;

 private:
  SandboxLog& log_;
};

// Asked for nothing but what a test reads.
class FakeAgentConfigs : public daemon::AgentConfigs {
 public:
  absl::StatusOr<std::vector<daemon::Mount>> Prepare(const daemon::Worktree&,
                                                     const daemon::AgentConfigPlan& plan) override {
    WM_RETURN_IF_ERROR(failure);
    prepared = plan;
    return std::vector<daemon::Mount>{{"/private.agent", plan.target, true}};
  }
  void Watch(const daemon::Worktree& worktree) override {
    MutexLock lock(mu_);
    ++watched_[worktree.path];
  }
  void Unwatch(const daemon::Worktree& worktree) override {
    MutexLock lock(mu_);
    if (--watched_[worktree.path] == 0) watched_.erase(worktree.path);
  }
  absl::Status Discard(const daemon::Worktree&) override { return absl::OkStatus(); }

  // Worktrees whose logins are kept in step.
  std::size_t watches() const {
    MutexLock lock(mu_);
    return watched_.size();
  }
  void Forget() {
    MutexLock lock(mu_);
    watched_.clear();
  }

  absl::Status failure;
  std::optional<daemon::AgentConfigPlan> prepared;

 private:
  mutable Mutex mu_;
  std::map<std::filesystem::path, int> watched_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::test
