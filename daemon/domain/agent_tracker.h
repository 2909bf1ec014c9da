#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "daemon/config/config.h"
#include "daemon/domain/session_record.h"
#include "daemon/ports/multiplexers.h"
#include "daemon/ports/records.h"

namespace workmux::daemon {

// What each agent last said of itself, by pane. The one place through which a
// status or title goes, whether a hook on the host or a sandbox sent it.
// Thread-safe. Records are written before a call returns, so they survive the
// daemon.
class AgentTracker {
 public:
  // Facts about the pane that the caller knows; empty ones keep what is stored.
  struct Facts {
    std::filesystem::path workdir;
    std::filesystem::path worktree;
    std::filesystem::path repository;
    std::string branch;
    std::string agent_kind;
    std::string session_id;
  };

  AgentTracker(AgentRecords& records, Multiplexers& multiplexers);

  // Reads the stored records. Those whose pane is known to be gone are dropped;
  // a server that does not answer keeps its records.
  absl::Status Load();

  // kNone clears. The icon is shown on the pane's window; when tmux cannot be
  // reached the status is kept all the same and the error returned.
  absl::Status SetStatus(const std::string& tmux_socket, const std::string& pane_id,
                         AgentStatus status, const StatusIcons& icons, const Facts& facts);
  // `title` comes from a guest: it is reduced to harmless characters first.
  absl::Status SetTitle(const std::string& tmux_socket, const std::string& pane_id,
                        std::string_view title);

  std::vector<AgentRecord> All() const;
  // Forgets panes of this server that tmux no longer has. Returns those it has,
  // so that a caller who also wants their names need not ask again.
  absl::StatusOr<std::vector<PaneInfo>> Reconcile(const std::string& tmux_socket);

  struct Change {
    AgentRecord record;
    bool gone = false;
  };
  using Observer = std::function<void(const Change&)>;
  class Subscription;
  // Every record there is, then each change. The observer must not block and is
  // called with no lock of the tracker's held by others' calls in between.
  std::unique_ptr<Subscription> Subscribe(Observer observer);

  class Subscription {
   public:
    Subscription(AgentTracker& tracker, std::uint64_t id) : tracker_(tracker), id_(id) {}
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    AgentTracker& tracker_;
    const std::uint64_t id_;
  };

 private:
  using Key = std::pair<std::string, std::string>;  // socket, pane

  struct Server {
    absl::StatusOr<std::shared_ptr<Multiplexer>> multiplexer;
    std::string start;  // empty: not known
  };

  absl::StatusOr<std::shared_ptr<Multiplexer>> Connect(const std::string& tmux_socket);
  Server Ask(const std::string& tmux_socket);
  // What is known of the pane; nothing when that was said of an earlier server.
  AgentRecord Known(const Key& key, const std::string& server_start) const WM_REQUIRES(mu_);
  absl::Status Keep(const AgentRecord& record) WM_REQUIRES(mu_);
  void Forget(const Key& key);
  void Publish(const Change& change) WM_REQUIRES(mu_);

  AgentRecords& records_;
  Multiplexers& multiplexers_;

  mutable Mutex mu_;
  std::map<Key, AgentRecord> agents_ WM_GUARDED_BY(mu_);
  std::map<std::string, std::weak_ptr<Multiplexer>> observed_ WM_GUARDED_BY(mu_);
  std::map<std::uint64_t, Observer> observers_ WM_GUARDED_BY(mu_);
  std::uint64_t next_observer_ WM_GUARDED_BY(mu_) = 0;
};

}  // namespace workmux::daemon
