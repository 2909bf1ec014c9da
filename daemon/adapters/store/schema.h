#pragma once

#include <string>
#include <vector>

namespace workmux::daemon {

// One entry per schema version, applied in order and never edited afterwards.
inline std::vector<std::string> SchemaMigrations() {
  return {
      R"sql(
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, sandbox TEXT NOT NULL, backend TEXT NOT NULL,
  common_dir TEXT NOT NULL, main_worktree TEXT NOT NULL, worktree TEXT NOT NULL, git_dir TEXT NOT NULL,
  branch TEXT NOT NULL, is_main TEXT NOT NULL, git TEXT NOT NULL, cwd TEXT NOT NULL, agent TEXT NOT NULL,
  token TEXT NOT NULL, bridge_address TEXT NOT NULL, bridge_port TEXT NOT NULL, bridge_dir TEXT NOT NULL,
  client_pid TEXT NOT NULL, client_start TEXT NOT NULL, boot_id TEXT NOT NULL,
  tmux_socket TEXT NOT NULL, server_start TEXT NOT NULL, pane_id TEXT NOT NULL, started TEXT NOT NULL,
  icon_working TEXT NOT NULL, icon_waiting TEXT NOT NULL, icon_done TEXT NOT NULL
) STRICT;
CREATE TABLE agents (
  tmux_socket TEXT NOT NULL, server_start TEXT NOT NULL, pane_id TEXT NOT NULL,
  status TEXT NOT NULL, status_since TEXT NOT NULL, updated TEXT NOT NULL, title TEXT NOT NULL,
  workdir TEXT NOT NULL, worktree TEXT NOT NULL, repository TEXT NOT NULL, branch TEXT NOT NULL,
  agent_kind TEXT NOT NULL, session_id TEXT NOT NULL,
  PRIMARY KEY (tmux_socket, server_start, pane_id)
) STRICT;
CREATE TABLE sandboxed_repositories (common_dir TEXT PRIMARY KEY) STRICT;
CREATE TABLE approved_configs (
  common_dir TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (common_dir, sha256)
) STRICT;
CREATE TABLE worktrees (
  common_dir TEXT NOT NULL, path TEXT NOT NULL, branch TEXT NOT NULL, base TEXT NOT NULL,
  token TEXT NOT NULL, created TEXT NOT NULL, PRIMARY KEY (common_dir, path)
) STRICT;
CREATE TABLE operations (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL) STRICT;
CREATE TABLE operation_steps (
  operation INTEGER NOT NULL REFERENCES operations(id) ON DELETE CASCADE, step TEXT NOT NULL
) STRICT)sql",
      "ALTER TABLE sessions ADD COLUMN edit_format TEXT NOT NULL DEFAULT '1'",
      "ALTER TABLE sessions ADD COLUMN sealed_dir TEXT NOT NULL DEFAULT ''",
      // Containers were Docker's only.
      "ALTER TABLE sessions ADD COLUMN main_writable TEXT NOT NULL DEFAULT '1';"
      "ALTER TABLE sessions ADD COLUMN masks TEXT NOT NULL DEFAULT '';"
      "UPDATE sessions SET backend = 'docker' WHERE backend = 'container'",
      "CREATE TABLE images (engine TEXT NOT NULL, image TEXT NOT NULL, image_id TEXT NOT NULL, "
      "checked TEXT NOT NULL, stale TEXT NOT NULL, PRIMARY KEY (engine, image)) STRICT",
      "CREATE TABLE meant_sandboxes (session TEXT PRIMARY KEY, expectation TEXT NOT NULL, "
      "combination TEXT NOT NULL) STRICT;"
      "CREATE TABLE verified_combinations (combination TEXT PRIMARY KEY) STRICT",
      "ALTER TABLE sessions ADD COLUMN proxy_token TEXT NOT NULL DEFAULT '';"
      "ALTER TABLE sessions ADD COLUMN proxy_address TEXT NOT NULL DEFAULT '';"
      "ALTER TABLE sessions ADD COLUMN proxy_port TEXT NOT NULL DEFAULT '0';"
      "ALTER TABLE sessions ADD COLUMN network_policy TEXT NOT NULL DEFAULT 'enforce'",
      "CREATE TABLE network_events (id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, "
      "session TEXT NOT NULL, sandbox TEXT NOT NULL, kind TEXT NOT NULL, host TEXT NOT NULL, "
      "service TEXT NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, "
      "count TEXT NOT NULL, bytes_up TEXT NOT NULL, bytes_down TEXT NOT NULL, "
      "lasted TEXT NOT NULL) STRICT;"
      "CREATE TABLE network_allowances (session TEXT NOT NULL, rule TEXT NOT NULL, "
      "private TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (session, rule)) STRICT",
      "ALTER TABLE sessions ADD COLUMN host_ports TEXT NOT NULL DEFAULT '';"
      "ALTER TABLE sessions ADD COLUMN agent_profile TEXT NOT NULL DEFAULT ''",
      "ALTER TABLE sessions ADD COLUMN credentials TEXT NOT NULL DEFAULT '';"
      "ALTER TABLE sessions ADD COLUMN authority TEXT NOT NULL DEFAULT ''",
  };
}

}  // namespace workmux::daemon
