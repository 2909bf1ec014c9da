#include "cli/client/process_tree.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/base/format.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;

void AddChildren(pid_t pid, std::vector<pid_t>& tree) {
  std::error_code error;
  fs::directory_iterator tasks(Format("/proc/{}/task", pid), error);
  const fs::directory_iterator end;
  while (!error && tasks != end) {
    std::ifstream children(tasks->path() / "children");
    for (pid_t child = 0; children >> child;) tree.push_back(child);
    tasks.increment(error);
  }
}

}  // namespace

std::vector<pid_t> ProcessTree(pid_t root) {
  std::vector<pid_t> tree{root};
  for (std::size_t next = 0; next < tree.size(); ++next) AddChildren(tree[next], tree);
  return tree;
}

void SignalTree(pid_t root, int signal) {
  for (const pid_t pid : ProcessTree(root)) ::kill(pid, signal);
}

}  // namespace workmux::cli
