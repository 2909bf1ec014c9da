#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace workmux::control::v1 {
class GetInfoResponse;
class ListAgentsResponse;
class ListSessionsResponse;
class ListWorktreesResponse;
}  // namespace workmux::control::v1

namespace workmux::cli {

// What scripts read: one line each, with a newline. Keys are never renamed or
// removed; what is not known is null. Bytes that are not UTF-8 become U+FFFD.

// An array of {handle, branch, path, is_main, mode, has_uncommitted_changes,
// is_open, created_at}; created_at in unix seconds.
std::string WorktreesJson(const control::v1::ListWorktreesResponse& response);

// An object {context, scope, agents, target_errors, counts of records}. `now` in
// unix seconds; `git` adds the git object of each agent.
std::string AgentsJson(const control::v1::ListAgentsResponse& response,
                       const std::vector<std::string>& targets, bool git, std::int64_t now);

// An array of {name, session_id, backend, state, worktree, agent, started_at,
// leased, usage}; started_at in unix seconds, usage {memory_bytes,
// cpu_microseconds, processes}; session_id is null for an orphan.
std::string SandboxesJson(const control::v1::ListSessionsResponse& response);

std::string DaemonInfoJson(const control::v1::GetInfoResponse& info);

}  // namespace workmux::cli
