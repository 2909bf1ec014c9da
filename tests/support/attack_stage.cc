#include "tests/support/attack_stage.h"

#include <cstring>

#include "common/process/shell_quote.h"
#include "tests/support/build_tree.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

namespace fs = std::filesystem;

AttackStage::AttackStage() : tree(world.area() / "tree") {
  world.git().Git({"worktree", "add", "--quiet", "-b", "topic", tree.string()});
  fs::copy_file(BinaryDir() / "tests/attacker", tree / "attacker");
}

CommandResult AttackStage::Inside(const std::string& script) const {
  return world.Run({"sandbox", "run", tree.string(), "--", script},
                   {.cwd = tree, .env = {}, .input = {}, .limit = std::chrono::seconds(120)});
}

std::unique_ptr<Program> AttackStage::StartInside(const std::string& script) const {
  return world.Start({"sandbox", "run", tree.string(), "--", script});
}

std::unique_ptr<Program> AttackStage::StartPolling(const std::string& secret,
                                                   const std::vector<std::string>& paths) const {
  fs::remove(tree / "counters");
  std::string script = "exec " + ShellQuote(attacker()) + " poll counters " + ShellQuote(secret);
  for (const std::string& path : paths) script += " \"" + path + "\"";
  auto program = StartInside(script);
  if (!WaitUntil([&] { return Counted().rounds > 0; }))
    throw std::runtime_error("nothing polls: " + program->out() + program->err());
  return program;
}

AttackStage::Counters AttackStage::Counted() const {
  Counters counters;
  const std::string bytes = ReadWholeFile(tree / "counters");
  if (bytes.size() == sizeof counters) std::memcpy(&counters, bytes.data(), sizeof counters);
  return counters;
}

bool AttackStage::PollsOn(std::uint64_t rounds) const {
  const std::uint64_t begin = Counted().rounds;
  return WaitUntil([&] { return Counted().rounds >= begin + rounds + 1; });
}

std::chrono::milliseconds AttackStage::StoodStillAfter(
    std::chrono::steady_clock::time_point since) const {
  constexpr std::chrono::milliseconds kStill{300};
  std::uint64_t rounds = Counted().rounds;
  auto last = std::chrono::steady_clock::now();
  const auto is_still = [&] {
    const auto now = std::chrono::steady_clock::now();
    if (const std::uint64_t counted = Counted().rounds; counted != rounds) {
      rounds = counted;
      last = now;
    }
    return now - last >= kStill;
  };
  if (!WaitUntil(is_still)) throw std::runtime_error("it goes on");
  return std::chrono::duration_cast<std::chrono::milliseconds>(last - since);
}

void SaveByRename(const fs::path& file, const std::string& content) {
  const fs::path fresh = file.parent_path() / ".fresh";
  WriteFile(fresh, content);
  fs::rename(fresh, file);
}

std::vector<pid_t> ProcessesMarked(const std::string& mark) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    if (pid != ::getpid() && CommandLine(pid).find(mark) != std::string::npos && IsAlive(pid))
      found.push_back(pid);
  }
  return found;
}

}  // namespace workmux::test
