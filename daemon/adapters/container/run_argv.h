#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/process/command.h"
#include "daemon/adapters/container/runtime_traits.h"
#include "daemon/adapters/container/start_gate.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// Labels by which containers of ours are found again.
inline constexpr char kLabelSession[] = "dev.workmux.session";
inline constexpr char kLabelWorktree[] = "dev.workmux.worktree";
inline constexpr char kLabelAgent[] = "dev.workmux.agent";
inline constexpr char kLabelInstance[] = "dev.workmux.instance";
inline constexpr char kLabelOwner[] = "dev.workmux.uid";

// Key sequence that detaches the client, in its own notation. An empty one
// would leave the default (Ctrl-P Ctrl-Q) on; nobody types this one.
inline constexpr char kDetachKeys[] = "ctrl-^,ctrl-],ctrl-^,ctrl-]";

// One run of the engine's client. `env` holds only what the arguments refer to;
// the client's own variables come on top.
struct EngineCall {
  std::vector<std::string> argv;
  Env env;
  std::vector<InheritedFile> files;
  std::string input;      // for its standard input
  bool terminal = false;  // Command::terminal_output
};

// Whether the runtime can do what the configuration asks for, by its traits. Pure.
// RUNTIME_OPTION_UNSUPPORTED names the key.
absl::Status CheckRuntimeOptions(const RuntimeTraits& traits, const SandboxConfig& config);

// gVisor and Kata Containers: the container's kernel is not the host's. Pure.
bool BringsOwnKernel(std::string_view oci_runtime);

// Whether the runtime can give its containers such a network. Pure.
// RUNTIME_OPTION_UNSUPPORTED.
absl::Status CheckRuntimeNetwork(const RuntimeTraits& traits, SandboxNetwork network);

// What only one installation of an engine can tell.
struct EngineFacts {
  bool rootless = false;  // the engine's root is the user who runs it
  // Limits on memory, CPUs and processes hold. A rootless engine on cgroup v1
  // ignores them.
  bool limits = true;
  // A file that changes with every name of an image; empty: none can be seen.
  std::string image_list;
};

// What the engine adds to the sandbox by itself, as it is seen from inside. Pure.
SandboxMakeup DescribeContainer(const RuntimeTraits& traits, const EngineFacts& facts,
                                const SandboxSpec& spec);

// Paths inside that the runtime itself makes read-only or hides, where it cannot
// mount a file over them.
struct GuardedFiles {
  std::vector<std::filesystem::path> read_only;
  std::vector<std::filesystem::path> hidden;
};

// `<runtime> create` for the sandbox. Pure. No value of the environment stands
// in argv. kInvalidArgument for a spec that cannot be expressed.
absl::StatusOr<EngineCall> BuildCreateCall(const RuntimeTraits& traits, const EngineFacts& facts,
                                           const SandboxSpec& spec,
                                           const GuardedFiles& guarded = {});

// `<runtime> run` for it, on the caller's terminal: RuntimeTraits::one_client_start. An
// empty path of `files` is left out.
absl::StatusOr<EngineCall> BuildRunCall(const RuntimeTraits& traits, const EngineFacts& facts,
                                        const SandboxSpec& spec, const StartGate::Files& files);

// `<runtime> start` on the caller's terminal.
EngineCall BuildStartCall(const RuntimeTraits& traits, std::string_view name);

// `<runtime> exec` with the user, directory and environment of the sandbox. In one with
// a restricted network through the guest program, which restricts the command's sockets.
absl::StatusOr<EngineCall> BuildExecCall(const RuntimeTraits& traits, const SandboxSpec& spec,
                                         std::span<const std::string> command, bool tty);

// `<runtime> logs`.
EngineCall BuildLogsCall(const RuntimeTraits& traits, std::string_view name,
                         const LogsWanted& wanted);

// The value of --mount: fields as RFC 4180 quotes them, which is how the engine
// reads them.
absl::StatusOr<std::string> MountOption(const Mount& mount);

}  // namespace workmux::daemon
