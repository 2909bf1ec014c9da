#pragma once

#include <string>
#include <vector>

#include "tests/support/attack_stage.h"

namespace workmux::test {

// A way in which sandboxes are restricted. The attacks run in each: another one is
// another row.
struct Environment {
  std::string name;         // for messages
  std::string engine;       // of SandboxConfigFor
  std::string enforcement;  // sandbox.network.enforcement
  bool as_root = false;     // where root runs the tests, and only there
  bool isolated() const { return enforcement == "isolated"; }
};

// Those that can be used here and now; of the others that belong to this user a
// SKIPPED line is printed.
std::vector<Environment> UsableEnvironments();

// A worktree for sandboxes of the environment, whose programs have this one beside them.
struct NetworkStage : AttackStage {
  explicit NetworkStage(const Environment& where);

  // What the script prints, both streams, in a sandbox that may reach nothing but what
  // `allowed` says (lines of sandbox.network); Status: the code with which it ended.
  std::string Restricted(const std::string& script, const std::string& allowed = "");
  // The same script with the defence off: sandbox.network.policy: allow.
  std::string Open(const std::string& script);
  // In a plain container of the engine, or with unshare(1), with these options of theirs
  // and nothing of workmux about it.
  std::string Plain(const std::vector<std::string>& options, const std::string& script);
  int status() const { return status_; }
  std::string RestrictedConfig(const std::string& allowed = "") const;

  const Environment environment;

 private:
  std::string Run(const std::string& config, const std::string& script);
  int status_ = 0;
};

// Lines of the output that are this one.
int CountLines(const std::string& out, std::string_view line);

}  // namespace workmux::test
