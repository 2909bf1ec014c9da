#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>

#include "common/process/command.h"

namespace workmux::daemon {

// How container runtimes differ, as data. Whether an engine is rootless is no
// trait: it is a fact about one installation and has to be asked for.
struct RuntimeTraits {
  std::string_view name;       // value of sandbox.container.runtime
  std::string_view program;    // the client, looked up in PATH
  std::string_view host_name;  // by which containers reach the host
  bool add_host = false;       // host_name must be given with --add-host
  std::string_view network;    // the default bridge network; empty: host_name is an address
  // Containers share the host's kernel: devices, groups, security options, limits
  // on processes, files and sockets as mounts. Otherwise each has a machine of its own.
  bool shares_kernel = true;
  // A mount may be a single file, and its fields are quoted as RFC 4180 has it.
  // Otherwise only directories whose paths need no quotes.
  bool file_mounts = true;
  // Each client takes so long that the terminal's makes and starts the container in one
  // run (BuildRunCall). Otherwise it is made beforehand, which tells what the engine
  // refuses before the terminal is touched.
  bool one_client_start = false;
  bool detaches = true;             // `start` takes --detach-keys
  std::string_view log_driver;      // one that keeps a limited log; empty: no choice
  std::string_view default_memory;  // when none is configured; empty: the runtime's
  std::string_view descriptors;     // directory that shows the client's own descriptors
  std::string_view label_lookup;    // how a template of `ps` asks for one; empty: `list` in JSON
  bool only_macos = false;
  std::string_view install_hint;
};

// In the order in which they are looked for.
std::span<const RuntimeTraits> AllRuntimeTraits();

// kInvalidArgument for a runtime that is not in the table.
absl::StatusOr<RuntimeTraits> RuntimeTraitsFor(std::string_view name);

// The runtime to use when none is configured: the first whose program is in the
// PATH of `env` and that belongs to this kind of host; none: docker.
std::string_view DefaultRuntime(const Env& env, bool macos);

}  // namespace workmux::daemon
