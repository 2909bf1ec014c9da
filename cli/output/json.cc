#include "cli/output/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output/agent_status.h"
#include "workmux/control/v1/agent.pb.h"
#include "workmux/control/v1/daemon.pb.h"
#include "workmux/control/v1/sandbox.pb.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using Json = nlohmann::ordered_json;

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json OrNull(bool known, const Json& value) { return known ? value : Json(nullptr); }
Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json AgentJson(const pb::Agent& agent, bool git, std::int64_t now) {
  const std::int64_t since = agent.status_unix_seconds();
  Json json = {
      {"worktree", agent.worktree()},
      {"branch", agent.branch()},
      {"status", OrNull(std::string(StatusWord(agent.status())))},
      {"elapsed_secs", OrNull(since > 0, std::max<std::int64_t>(0, now - since))},
      {"title", OrNull(agent.title())},
      {"pane_id", agent.pane_id()},
      {"workdir", agent.workdir()},
      {"agent_kind", OrNull(agent.agent_kind())},
      {"session", OrNull(agent.session())},
      {"window_name", OrNull(agent.window_name())},
      {"updated_ts", agent.updated_unix_seconds()},
  };
  if (agent.has_blocked()) {
    json["blocked_requests"] = {{"count", agent.blocked().count()},
                                {"last_host", OrNull(agent.blocked().last_host())},
                                {"last_reason", agent.blocked().last_reason()},
                                {"last_ts", agent.blocked().last_unix_seconds()}};
  }
  if (git) {
    json["git"] = {
        {"has_staged", OrNull(agent.has_has_staged(), agent.has_staged())},
        {"has_unstaged", OrNull(agent.has_has_unstaged(), agent.has_unstaged())},
        {"has_unmerged_commits",
         OrNull(agent.has_has_unmerged_commits(), agent.has_unmerged_commits())},
    };
  }
  return json;
}

}  // namespace

std::string WorktreesJson(const pb::ListWorktreesResponse& response) {
  Json list = Json::array();
  for (const auto& entry : response.worktrees()) {
    list.push_back({
        {"handle", entry.handle()},
        {"branch", entry.branch()},
        {"path", entry.path()},
        {"is_main", entry.is_main()},
        {"mode", entry.mode()},
        {"has_uncommitted_changes",
         OrNull(entry.has_has_uncommitted_changes(), entry.has_uncommitted_changes())},
        {"is_open", OrNull(entry.has_is_open(), entry.is_open())},
        {"created_at", OrNull(entry.has_created_unix_seconds(), entry.created_unix_seconds())},
    });
  }
  return Line(list);
}

std::string AgentsJson(const pb::ListAgentsResponse& response,
                       const std::vector<std::string>& targets, bool git, std::int64_t now) {
  Json agents = Json::array();
  for (const auto& agent : response.agents()) agents.push_back(AgentJson(agent, git, now));
  Json errors = Json::array();
  for (const auto& error : response.target_errors()) {
    errors.push_back(
        {{"target", error.target()}, {"code", error.code()}, {"message", error.message()}});
  }
  // The database has no unreadable records one by one, so those counts are zero.
  const Json json = {
      {"context", {{"backend", response.backend()}, {"instance", response.instance()}}},
      {"scope", {{"repository", OrNull(response.repository())}, {"targets", targets}}},
      {"state_files_total", response.records_total()},
      {"state_files_invalid", 0},
      {"state_files_invalid_unattributed", 0},
      {"state_files_invalid_matching_context", 0},
      {"state_files_matching_context", response.records_matching_context()},
      {"reconciled_agent_count", response.agents_size()},
      {"agents", std::move(agents)},
      {"target_errors", std::move(errors)},
  };
  return Line(json);
}

std::string SandboxesJson(const pb::ListSessionsResponse& response) {
  const auto state = [](const pb::ListSessionsResponse::Session& session) -> Json {
    switch (session.state()) {
      case pb::ListSessionsResponse::STATE_RUNNING:
        return "running";
      case pb::ListSessionsResponse::STATE_STOPPED:
        return "stopped";
      case pb::ListSessionsResponse::STATE_MISSING:
        return "missing";
      default:
        return nullptr;
    }
  };
  Json list = Json::array();
  for (const auto& session : response.sessions()) {
    Json usage;
    if (session.has_usage()) {
      usage = {{"memory_bytes", session.usage().memory_bytes()},
               {"cpu_microseconds", session.usage().cpu_microseconds()},
               {"processes", session.usage().processes()}};
    }
    const bool orphan = session.session_id().empty();
    list.push_back({{"name", session.sandbox()},
                    {"session_id", OrNull(session.session_id())},
                    {"backend", session.backend()},
                    {"state", state(session)},
                    {"worktree", OrNull(session.worktree())},
                    {"agent", OrNull(session.agent())},
                    {"started_at", OrNull(!orphan, session.started_unix_seconds())},
                    {"leased", session.leased()},
                    {"usage", std::move(usage)}});
  }
  return Line(list);
}

std::string DaemonInfoJson(const pb::GetInfoResponse& info) {
  Json features = Json::array();
  for (const auto& feature : info.features()) features.push_back(feature);
  Json degraded = Json::array();
  for (const auto& task : info.degraded()) degraded.push_back(task);
  return Line({{"version", info.version()},
               {"api_major", info.api_major()},
               {"pid", info.pid()},
               {"started_at", info.started_unix_seconds()},
               {"open_sessions", info.open_sessions()},
               {"features", std::move(features)},
               {"degraded", std::move(degraded)},
               {"log_file", OrNull(info.log_file())}});
}

}  // namespace workmux::cli
