#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/mount_sources.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/session_planner.h"
#include "daemon/ports/sandbox_makeup.h"
#include "workmux/state/v1/expectation.pb.h"

namespace workmux::daemon {

struct ExpectationInput {
  const SessionPlan& plan;
  const SandboxSpec& spec;
  const SandboxMakeup& makeup;
  const std::vector<MountSources::Source>& sources;
  std::vector<std::string> image_variables;
  std::vector<std::filesystem::path> sockets;
  std::vector<std::string> mount_points;  // of this host
};

// How the sandbox is meant to look from inside. What the user asked for is no
// difference later; it is listed as weakened. Pure.
state::v1::Expectation BuildExpectation(const ExpectationInput& input);

// What two sandboxes of one policy have in common: without the worktree, the
// sockets and the numbers of files. For a key, not to be read back.
std::string PolicyOf(const state::v1::Expectation& expectation);

// The database holds text.
std::string ToText(const state::v1::Expectation& expectation);
// False for what ToText did not make.
bool FromText(std::string_view text, state::v1::Expectation& expectation);

}  // namespace workmux::daemon
