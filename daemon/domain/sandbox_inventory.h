#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/async/executor.h"
#include "daemon/domain/session_directory.h"
#include "daemon/domain/session_planner.h"

namespace workmux::daemon {

// A sandbox as its session's record and its backend know it.
struct SandboxEntry {
  enum class State {
    kRunning,
    kStopped,  // its processes are gone, or were never started
    kMissing,  // there is a session, but no sandbox of that name
    kUnknown,  // the backend did not answer
  };
  std::string name;
  std::string backend;
  State state = State::kUnknown;
  std::optional<SessionRecord> session;  // without one nobody waits for it: an orphan
  std::optional<SandboxUsage> usage;     // of a running one, when asked for
};

struct SandboxInventory {
  std::vector<SandboxEntry> entries;  // newest session first, orphans last
  std::vector<std::string> warnings;  // backends that could not be asked
};

// Asks each backend that has sessions, and `default_runtime`, once and all at the
// same time. What a backend does not tell is unknown, not gone. Blocking.
SandboxInventory TakeInventory(const SessionDirectory& sessions, const SandboxBackends& backends,
                               const std::string& default_runtime, bool usage, Executor& executor);

// What can go without anybody missing it: sandboxes without a session in which
// nothing runs, and superseded images.
struct UnusedThings {
  std::vector<SandboxEntry> sandboxes;
  std::vector<SupersededImage> images;
  std::vector<std::string> warnings;
};
// A running sandbox is never unused, an orphan neither: something may be at work in
// it that only its owner knows of. `choice`: the configured image, which may have
// no name but a digest; its store is the one that is looked into.
UnusedThings FindUnused(SandboxInventory inventory, const ImageChoice& choice);
// Removes them; what remains in `unused` is gone, the rest is warned about.
void RemoveUnused(const SandboxBackends& backends, const ImageChoice& choice, UnusedThings& unused);

}  // namespace workmux::daemon
