#pragma once

#include <filesystem>
#include <string>

namespace workmux::cli {

// What the scripted agent of `workmux demo` has to know of the host in order to
// go for it.
struct DemoTargets {
  std::filesystem::path home;       // the host's, with a secret in it
  std::filesystem::path hook_mark;  // what a planted hook would make when it ran
  std::string process_argument;     // of the `sleep` that it leaves behind
};

// Where it writes what came of it, below its worktree: lines of key=value.
inline constexpr char kDemoReport[] = ".demo-report";
inline constexpr char kDemoFile[] = "hello.txt";

// A POSIX shell script. It writes its task into kDemoFile and commits that,
// leaves a process, waits for an answer on its terminal, and then tries what no
// agent should be able to do. Statuses: working, waiting, working, done.
std::string DemoAgentScript(const DemoTargets& targets);

}  // namespace workmux::cli
