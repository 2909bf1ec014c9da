#pragma once

// What `workmux demo` makes of what it saw. Pure.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::cli {

// The agent's notes, by key. Of a key that stands twice the first counts: what
// was written before the agent met anything.
using DemoReport = std::map<std::string, std::string, std::less<>>;
DemoReport ParseDemoReport(std::string_view text);

// A repository of the host at one moment.
struct DemoRepository {
  std::map<std::string, std::string> refs;    // name -> object
  std::map<std::string, std::string> hooks;   // name -> mode and content
  std::map<std::string, std::string> config;  // file -> content
};

struct DemoEvidence {
  DemoReport report;
  DemoRepository before;  // while the agent waited, before it tried anything
  DemoRepository after;   // once its sandbox was gone
  std::string task;
  std::string worktree_file;          // content of the file in the worktree
  std::string branch_file;            // content of the file on the host's branch
  std::string secret;                 // as the host reads it, empty when it could not
  std::set<std::string> home;         // the entries of the host's home
  std::vector<std::string> statuses;  // in the order in which the daemon told them
  bool icons_shown = false;           // the window list had each one's icon
  bool process_seen = false;          // the agent's background process ran
  int processes_left = 0;             // of those, after the sandbox
};

// The branch the agent works on.
inline constexpr char kDemoBranchRef[] = "refs/heads/hello";

struct Expectation {
  std::string claim;
  bool met = false;
  std::string reason;  // what was seen
};

// Each is met only by something that was observed: a report that lacks an
// attempt shows nothing.
std::vector<Expectation> JudgeWhatItCould(const DemoEvidence& evidence);
std::vector<Expectation> JudgeWhatItCouldNot(const DemoEvidence& evidence);

}  // namespace workmux::cli
