#pragma once

#include <absl/status/status.h>
#include <grpcpp/server.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "workmux/control/v1/agent.grpc.pb.h"
#include "workmux/control/v1/daemon.grpc.pb.h"
#include "workmux/control/v1/sandbox.grpc.pb.h"
#include "workmux/control/v1/workspace.grpc.pb.h"

namespace workmux::test {

namespace control = workmux::control::v1;

// The control interface on a real socket with nothing behind it: it answers from
// what a test has put in, keeps the requests, and lends out sessions whose plan
// the test names. Stop() and Start() are a daemon's death and return; what it
// knows outlives them.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::filesystem::path socket);
  ~FakeDaemon();
  void Start();
  void Stop();

  // What to answer. Set before the call.
  std::vector<control::WorkspaceEvent> events;  // of every workspace stream
  absl::Status workspace_status;                // how such a stream ends
  std::function<void()> on_workspace_stream;    // runs after the events
  bool hang_until_cancelled = false;
  control::InspectRemovalResponse inspection;
  control::ListWorktreesResponse worktrees;
  control::ListAgentsResponse agents;
  control::ReviewConfigResponse review;
  bool needs_trust = false;  // until TrustConfig comes
  control::ExecPlan plan;
  absl::Status session_status;  // not OK: OpenSession fails with it
  std::string start_failure;    // of CloseSession
  int start_failure_code = 0;
  std::string start_reason;
  std::string start_hint;

  // What came.
  std::vector<control::AddWorktreeRequest> added() const;
  std::vector<control::RemoveWorktreeRequest> removed() const;
  std::vector<control::SetStatusRequest> statuses() const;
  std::vector<control::OpenSessionRequest> opened() const;
  std::vector<control::CloseSessionRequest> closed() const;
  std::string trusted_sha256() const;
  std::string client_api_major() const;
  int resumed() const { return resumed_; }
  int stops() const { return stops_; }
  bool leased() const { return leases_ > 0; }
  void Revoke(const std::string& message);

 private:
  class Agents;
  class Daemons;
  class Sandboxes;
  class Workspaces;

  grpc::Status Lease(grpc::ServerContext& context,
                     grpc::ServerWriter<control::OpenSessionEvent>& writer);

  std::filesystem::path socket_;
  mutable Mutex mu_;
  std::vector<control::AddWorktreeRequest> added_ WM_GUARDED_BY(mu_);
  std::vector<control::RemoveWorktreeRequest> removed_ WM_GUARDED_BY(mu_);
  std::vector<control::SetStatusRequest> statuses_ WM_GUARDED_BY(mu_);
  std::vector<control::OpenSessionRequest> opened_ WM_GUARDED_BY(mu_);
  std::vector<control::CloseSessionRequest> closed_ WM_GUARDED_BY(mu_);
  std::string trusted_ WM_GUARDED_BY(mu_);
  std::string api_major_ WM_GUARDED_BY(mu_);
  std::string revocation_ WM_GUARDED_BY(mu_);
  std::atomic<int> resumed_{0};
  std::atomic<int> stops_{0};
  std::atomic<int> leases_{0};
  std::unique_ptr<Agents> agent_service_;
  std::unique_ptr<Daemons> daemon_service_;
  std::unique_ptr<Sandboxes> sandbox_service_;
  std::unique_ptr<Workspaces> workspace_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace workmux::test
