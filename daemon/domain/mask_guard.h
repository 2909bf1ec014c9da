#pragma once

#include <absl/status/statusor.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/domain/masked_file.h"

namespace workmux::daemon {

// Tells when a masked file is replaced. The kernel takes a mount away from a name
// that is unlinked or renamed over (mount_namespaces(7)), in every namespace: from
// then on the sandbox reads what the host puts there. Writing in place keeps it.
//
// inotify(7) tells after the fact: a sandbox that reads without pause can be
// faster. Nothing wakes while nothing changes beside the files.
class MaskGuard {
 public:
  // `on_replaced` is called once, from a worker, possibly before Watch returns.
  using OnReplaced = std::function<void(const std::filesystem::path& path)>;
  static absl::StatusOr<std::unique_ptr<MaskGuard>> Watch(EventLoop& loop, Executor& executor,
                                                          std::vector<MaskedFile> files,
                                                          OnReplaced on_replaced);
  // After it no call begins; one that runs goes on.
  ~MaskGuard();
  MaskGuard(const MaskGuard&) = delete;
  MaskGuard& operator=(const MaskGuard&) = delete;

 private:
  struct State;
  explicit MaskGuard(std::shared_ptr<State> state) : state_(std::move(state)) {}

  // Shared with the jobs that it posted.
  std::shared_ptr<State> state_;
};

}  // namespace workmux::daemon
