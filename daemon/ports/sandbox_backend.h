#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/progress.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"
#include "daemon/ports/image_store.h"
#include "daemon/ports/sandbox_makeup.h"

namespace workmux::daemon {

struct SandboxInfo {
  std::string name;
  std::string session_id;
  bool running = false;
};

// What the processes of a sandbox use at this moment.
struct SandboxUsage {
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_usec = 0;  // since it started
  std::uint32_t processes = 0;
};

// Which part of a sandbox's output is shown.
struct LogsWanted {
  bool follow = false;
  std::uint32_t lines = 0;  // from the end; 0: all
};

// How a command that the client ran really ended.
struct SandboxExit {
  int code = 0;
  std::string start_failure;  // set when the command never ran
  // Of the start's failure, where more is known; as of an error of Prepare.
  std::string reason = {};
  std::string hint = {};
};

// Makes and ends sandboxes of one kind. Blocking, thread-safe.
class SandboxBackend {
 public:
  virtual ~SandboxBackend() = default;
  virtual std::string_view name() const = 0;
  // Where its sandboxes' images come from; nullptr: it uses none.
  virtual ImageStore* images() { return nullptr; }

  // Whether a sandbox could be made now: program installed, engine answering,
  // image present (empty: not asked). The error's hint names the fix.
  virtual absl::Status Check(std::string_view image, const Env& env) = 0;
  // Whether its sandboxes are those of the engine that this environment names.
  // ENGINE_DIFFERS. Starts no process.
  virtual absl::Status CheckEngine(const Env&) { return absl::OkStatus(); }
  // Whether a single file can be mounted, or only a directory.
  virtual bool mounts_files() const { return true; }
  // Whether this kind of sandbox can do what the configuration asks for; the
  // error names the key. Starts no process.
  virtual absl::Status CheckOptions(const SandboxConfig& config) = 0;
  // Whether its sandboxes can have such a network; RUNTIME_OPTION_UNSUPPORTED. Starts
  // no process.
  virtual absl::Status CheckNetwork(SandboxNetwork network) = 0;
  // The narrowest host address that sandboxes of this kind can reach, where the
  // bridge listens, and the name by which they reach it.
  struct BridgeAddress {
    std::string listen;
    std::string host;
    // Sandboxes can connect to a socket of this host that is mounted into them.
    bool mounted_socket = true;
  };
  virtual absl::StatusOr<BridgeAddress> Bridge(const Env& env) = 0;
  // The host's address that sandboxes with a firewall can reach, numeric.
  // NETWORK_NOT_RESTRICTABLE where there can be none.
  virtual absl::StatusOr<std::string> FirewallAddress(const Env&) {
    return absl::UnimplementedError("sandboxes of this kind cannot have a firewall");
  }
  // Lets the running sandbox reach spec.firewall and nothing else, from outside of it. OK
  // only when that was seen to hold; FIREWALL_FAILED. Takes about a second.
  virtual absl::Status ApplyFirewall(const SandboxSpec&) {
    return absl::UnimplementedError("sandboxes of this kind cannot have a firewall");
  }

  // Makes ready for PlanRun without running the command; IMAGE_NOT_FOUND. Some backends
  // bring the sandbox into being here, others leave it to what PlanRun plans, and what
  // the engine refuses is told by ConfirmExit then. The caller has looked at the sources
  // of its mounts (MountSources) and does so once more after it.
  virtual absl::Status Prepare(const SandboxSpec& spec, ProgressSink& progress,
                               std::stop_token stop) = 0;
  // What the client runs to start it on its own terminal, after Prepare. `caller` is
  // the client's environment. Where sandboxes outlive their clients it starts nothing
  // any more once this one was released or halted.
  virtual absl::StatusOr<ExecPlan> PlanRun(const SandboxSpec& spec, const Env& caller) = 0;
  // A further command in the running sandbox `name`.
  virtual absl::StatusOr<ExecPlan> PlanAttach(const SandboxSpec& spec,
                                              std::span<const std::string> command, bool tty,
                                              const Env& caller) = 0;
  // What runs `workmux probe` in the running sandbox spec.name, as its own user.
  virtual absl::StatusOr<ExecPlan> PlanProbe(const SandboxSpec& spec, const Env& caller) {
    return PlanAttach(spec, std::vector<std::string>{"/run/workmux/bin/workmux", "probe"},
                      /*tty=*/false, caller);
  }
  // What it makes of `spec`. kUnimplemented: its sandboxes cannot be compared.
  virtual absl::StatusOr<SandboxMakeup> Describe(const SandboxSpec&, const Env&) {
    return absl::UnimplementedError("sandboxes of this kind cannot be verified");
  }
  // What stands behind its sandboxes: engine and version, and the image, if any.
  virtual absl::StatusOr<SandboxProvenance> Provenance(const std::string&) {
    return absl::UnimplementedError("sandboxes of this kind cannot be verified");
  }
  // A program that shows what the sandbox printed; LOGS_NOT_KEPT.
  virtual absl::StatusOr<ExecPlan> PlanLogs(std::string_view name, const LogsWanted& wanted,
                                            const Env& caller) = 0;
  // Tells a failed start from a failing command.
  virtual absl::StatusOr<SandboxExit> ConfirmExit(std::string_view name, ExitStatus seen) = 0;
  // Ends every process of the sandbox: SIGTERM, then SIGKILL after `grace`.
  virtual absl::Status Stop(std::string_view name, std::chrono::seconds grace) = 0;
  // No process of it runs on after the call, and none ever again: frozen where the
  // backend can, which is fast, else killed. OK when there is none.
  virtual absl::Status Halt(std::string_view name) = 0;
  // Removes what is left of it; idempotent.
  virtual absl::Status Release(std::string_view name) = 0;
  // The same for many, in few processes. What could not be removed stays for the
  // next time; the first error is returned.
  virtual absl::Status ReleaseAll(std::span<const std::string> names) {
    absl::Status first;
    for (const std::string& name : names) first.Update(Release(name));
    return first;
  }
  // Whether a sandbox lives on when its client is gone; one that does can be
  // left behind as an orphan.
  virtual bool outlives_client() const = 0;
  // Sandboxes that exist now. Where they can be orphans: those of this daemon's
  // instance only.
  virtual absl::StatusOr<std::vector<SandboxInfo>> List() = 0;
  // By name; those that are gone or cannot be looked at are left out.
  virtual absl::StatusOr<std::map<std::string, SandboxUsage>> Usage(
      std::span<const std::string> names) = 0;
};

}  // namespace workmux::daemon
