#include "tests/support/workmux_world.h"

#include <sys/stat.h>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "tests/support/build_tree.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& message) { throw std::runtime_error(message); }

std::string Words(const std::vector<std::string>& argv) { return Join(argv, " "); }

CommandResult RunOrThrow(const Command& command, std::chrono::milliseconds limit) {
  RunOptions options;
  options.timeout = limit;
  auto result = PosixCommandRunner().Run(command, options);
  if (!result.ok()) Fail(Words(command.argv) + ": " + result.status().ToString());
  return *std::move(result);
}

std::string ReadProc(pid_t pid, const char* file) {
  return ReadWholeFile(fs::path("/proc") / std::to_string(pid) / file);
}

Command HostCommand(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.env = CurrentEnv();
  for (const auto& [name, value] : PodmanEnv()) command.env[name] = value;
  command.cwd = "/";
  return command;
}

std::string Engine(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const CommandResult result = RunOrThrow(HostCommand(argv), std::chrono::seconds(60));
  if (!result.exit.ok()) Fail(Words(argv) + ": " + result.err);
  return std::string(Trim(result.out));
}

bool Works(std::vector<std::string> argv) {
  const Command command = HostCommand(std::move(argv));
  auto result = PosixCommandRunner().Run(command, {});
  return result.ok() && result->exit.ok();
}

bool Have(bool usable, std::string_view what) {
  if (!usable) std::cout << "SKIPPED: " << what << "\n";
  return usable;
}

}  // namespace

fs::path WorkmuxWorld::cli() { return BinaryDir() / "bin/workmux"; }
fs::path WorkmuxWorld::daemon_program() { return BinaryDir() / "bin/workmuxd"; }

WorkmuxWorld::WorkmuxWorld(const std::string& config) {
  fs::create_directories(bin());
  fs::create_directories(runtime());
  fs::permissions(runtime(), fs::perms::owner_all);
  env_ = {{"PATH", bin().string() + ":" + cli().parent_path().string() +
                       ":/usr/local/bin:/usr/bin:/bin" +
                       // Podman's networks want iptables(8) where it is root's.
                       (::geteuid() == 0 ? ":/usr/sbin:/sbin" : "")},
          {"HOME", home().string()},
          {"USER", "tester"},
          {"SHELL", "/bin/bash"},
          {"TERM", "xterm-256color"},
          {"LC_ALL", "C.UTF-8"},
          {"XDG_RUNTIME_DIR", runtime().string()},
          {"WORKMUX_TMUX_SOCKET", tmux_socket().string()},
          {"GIT_CONFIG_NOSYSTEM", "1"}};
  GivePodman();
  if (!config.empty()) SetConfig(config);
}

WorkmuxWorld::~WorkmuxWorld() {
  try {
    if (tmux_started_) TryTmux({"kill-server"});
    if (!Daemons().empty())
      Run({"daemon", "stop", "--sandboxes"}, {.cwd = "/", .env = {}, .input = {}});
  } catch (const std::exception& error) {
    std::cerr << "ending a test's workmux: " << error.what() << "\n";
  }
  for (const pid_t pid : Processes()) ::kill(pid, SIGKILL);
  WaitUntil([this] { return Processes().empty(); });
  RemoveContainers();
}

// A store of its own that takes its images from the one of the tests: containers of
// another runtime directory would stand in each other's way (podman-system(1)).
void WorkmuxWorld::GivePodman() {
  const Env shared = PodmanEnv();
  if (shared.empty()) return;
  const fs::path dir = area() / "podman";
  for (const auto& [name, file] : shared) {
    const std::string from = fs::path(file).parent_path().string();
    std::string text = ReadWholeFile(file);
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + dir.native().size())) {
      text.replace(at, from.size(), dir.string());
    }
    if (name == "CONTAINERS_STORAGE_CONF")
      text += "[storage.options]\nadditionalimagestores = [\"" + from + "/store\"]\n";
    WriteFile(dir / fs::path(file).filename(), text);
    env_[name] = (dir / fs::path(file).filename()).string();
  }
}

std::vector<std::string> WorkmuxWorld::Containers(const std::string& program) const {
  if (program == "docker") return ContainersOf(area());
  const CommandResult listed = RunCommand({"podman", "ps", "--all", "--format", "{{.Names}}"},
                                          {.cwd = "/", .env = {}, .input = {}});
  if (!listed.exit.ok()) Fail("podman ps: " + listed.err);
  return SplitLines(listed.out);
}

void WorkmuxWorld::SetConfig(std::string_view text) const {
  WriteFile(home() / ".config/workmux/config.yaml", text);
}

void WorkmuxWorld::SetProjectConfig(std::string_view text) const {
  git_.Commit(".workmux.yaml", text, "configuration");
}

fs::path WorkmuxWorld::Install(std::string_view name, std::string_view script) const {
  const fs::path path = bin() / name;
  // Another file in its place: one that somebody begins to execute cannot be written
  // (ETXTBSY, execve(2)).
  const fs::path fresh = bin() / ("." + std::string(name) + ".new");
  WriteFile(fresh, script);
  fs::permissions(fresh, fs::perms::owner_all);
  fs::rename(fresh, path);
  return path;
}

Command WorkmuxWorld::MakeCommand(std::vector<std::string> argv, const Where& where) const {
  Command command;
  command.argv = std::move(argv);
  command.cwd = where.cwd.empty() ? repo() : where.cwd;
  command.env = env_;
  for (const auto& [name, value] : where.env) command.env[name] = value;
  command.stdin_data = where.input;
  return command;
}

CommandResult WorkmuxWorld::RunCommand(std::vector<std::string> argv, const Where& where) const {
  return RunOrThrow(MakeCommand(std::move(argv), where), where.limit);
}

CommandResult WorkmuxWorld::Run(const std::vector<std::string>& arguments,
                                const Where& where) const {
  std::vector<std::string> argv = {cli().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand(std::move(argv), where);
}

std::string WorkmuxWorld::Must(const std::vector<std::string>& arguments,
                               const Where& where) const {
  const CommandResult result = Run(arguments, where);
  if (!result.exit.ok()) Fail("workmux " + Words(arguments) + ": " + result.out + result.err);
  std::string out = result.out;
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

std::unique_ptr<Program> WorkmuxWorld::StartCommand(
    std::vector<std::string> argv, std::optional<Program::Terminal> terminal) const {
  return std::make_unique<Program>(MakeCommand(std::move(argv), Where()), terminal);
}

std::unique_ptr<Program> WorkmuxWorld::Start(const std::vector<std::string>& arguments,
                                             std::optional<Program::Terminal> terminal) const {
  std::vector<std::string> argv = {cli().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return StartCommand(std::move(argv), terminal);
}

void WorkmuxWorld::StartTmux(const std::string& extra_config) {
  WriteFile(area() / "tmux.conf",
            "set -g status off\nset -g escape-time 0\n"
            "set -g default-command '/bin/bash --norc --noprofile'\n" +
                extra_config + "\n");
  tmux_started_ = true;
  // With a name of its own: tmux names other windows after what runs in them,
  // which for a moment is tmux itself.
  Command command = MakeCommand({"tmux", "-u", "-S", tmux_socket().string(), "-f",
                                 (area() / "tmux.conf").string(), "new-session", "-d", "-s", "main",
                                 "-n", "bash", "-x", "160", "-y", "48", "-c", repo().string()},
                                Where());
  command.env["PS1"] = "$ ";
  const CommandResult result = RunOrThrow(command, std::chrono::seconds(30));
  if (!result.exit.ok()) Fail("tmux new-session: " + result.err);
}

CommandResult WorkmuxWorld::TryTmux(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {"tmux", "-u", "-S", tmux_socket().string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunCommand(std::move(argv), Where());
}

std::string WorkmuxWorld::Tmux(std::vector<std::string> arguments) {
  if (!tmux_started_) StartTmux();
  const CommandResult result = TryTmux(arguments);
  if (!result.exit.ok()) Fail("tmux " + Words(arguments) + ": " + result.err);
  std::string out = result.out;
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

pid_t WorkmuxWorld::TmuxPid() { return std::stoi(Tmux({"display-message", "-p", "#{pid}"})); }

void WorkmuxWorld::TypeInPane(const std::string& target, const std::string& line) {
  Tmux({"send-keys", "-t", target, "-l", line});
  Tmux({"send-keys", "-t", target, "Enter"});
}

std::string WorkmuxWorld::PaneText(const std::string& target) {
  return Tmux({"capture-pane", "-p", "-S", "-", "-t", target});
}

std::string WorkmuxWorld::PaneOfWindow(const std::string& window_name) {
  for (const std::string& line :
       SplitLines(Tmux({"list-panes", "-a", "-F", "#{pane_id} #{window_name}"}))) {
    const auto blank = line.find(' ');
    if (line.substr(blank + 1) == window_name) return line.substr(0, blank);
  }
  return {};
}

std::vector<pid_t> WorkmuxWorld::Processes() const {
  // The environment of a process shows its NUL-terminated strings.
  const std::string wanted = "HOME=" + home().string() + '\0';
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = std::stoi(name);
    if (pid == ::getpid()) continue;
    const std::string environment = '\0' + ReadProc(pid, "environ");
    if (environment.find('\0' + wanted) != std::string::npos && IsAlive(pid)) pids.push_back(pid);
  }
  // Where a daemon can be inspected (a sanitized build) it is among them already.
  for (const pid_t pid : Daemons()) {
    if (std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  }
  return pids;
}

std::vector<pid_t> WorkmuxWorld::Daemons() const {
  // A daemon lets nobody look at its environment or descriptors; the lock that it
  // holds for life gives it away: "1: FLOCK ADVISORY WRITE <pid> <dev>:<inode> 0 EOF", proc(5).
  struct stat lock {};
  if (::stat((state() / "workmuxd.lock").c_str(), &lock) != 0) return {};
  std::set<pid_t> pids;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream fields(line);
    std::string number, kind, mode, access, place;
    pid_t pid = 0;
    if (!(fields >> number >> kind >> mode >> access >> pid >> place) || kind != "FLOCK") continue;
    const bool ours = place.substr(place.rfind(':') + 1) == std::to_string(lock.st_ino);
    if (ours && CommandLine(pid) == daemon_program().string()) pids.insert(pid);
  }
  return {pids.begin(), pids.end()};
}

pid_t WorkmuxWorld::Daemon() const {
  const std::vector<pid_t> pids = Daemons();
  if (pids.size() > 1) Fail("more than one daemon runs");
  return pids.empty() ? 0 : pids.front();
}

void WorkmuxWorld::KillDaemon() const {
  const pid_t pid = Daemon();
  if (pid == 0) Fail("no daemon runs");
  ::kill(pid, SIGKILL);
  if (!WaitForEnd(pid)) Fail("the daemon does not die");
}

std::string WorkmuxWorld::DaemonLog() const { return ReadWholeFile(state() / "workmuxd.log"); }

void WorkmuxWorld::RemoveContainers() const {
  try {
    for (const std::string& id : ContainersOf(area())) Works({"docker", "rm", "--force", "--", id});
    // Its files belong to numbers that only its user namespace has names for.
    const fs::path store = area() / "podman";
    if (!fs::exists(store / "store")) return;
    const Where here = {.cwd = "/", .env = {}, .input = {}};
    RunCommand({"podman", "rm", "--force", "--all"}, here);
    if (::geteuid() != 0) RunCommand({"podman", "unshare", "rm", "-rf", store.string()}, here);
  } catch (const std::exception&) {
    // No engine, so no containers.
  }
}

std::string CommandLine(pid_t pid) {
  std::string text = ReadProc(pid, "cmdline");
  while (text.ends_with('\0')) text.pop_back();
  for (char& c : text) {
    if (c == '\0') c = ' ';
  }
  return text;
}

bool IsAlive(pid_t pid) {
  const std::string stat = ReadProc(pid, "stat");
  const auto name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

bool WaitForEnd(pid_t pid, std::chrono::milliseconds limit) {
  return WaitUntil([pid] { return !IsAlive(pid); }, limit);
}

bool HaveTmux() { return Have(Works({"tmux", "-V"}), "no tmux"); }

bool HaveBubblewrap() {
  return Have(Works({"bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc",
                     "/proc", "true"}),
              "bubblewrap cannot make a sandbox here");
}

bool HaveDocker() {
  return Have(Works({"docker", "image", "inspect", TestImage()}),
              "no Docker engine with the image " + TestImage());
}

std::string TestImage() {
  const Env env = CurrentEnv();
  const auto image = env.find("WORKMUX_TEST_IMAGE");
  return image == env.end() || image->second.empty() ? "workmux-test:base" : image->second;
}

bool HavePodman() {
  return Have(!PodmanEnv().empty() && Works({"podman", "image", "exists", TestImage()}),
              "no Podman with the image " + TestImage());
}

bool CanUse(const std::string& engine) {
  const char* only = std::getenv("WORKMUX_TEST_ENGINE");
  if (only != nullptr && engine != only) return false;
  if (engine == "namespace") return HaveBubblewrap();
  return engine == "podman" ? HavePodman() : HaveDocker();
}

std::string SandboxConfigFor(const std::string& engine) {
  if (engine == "namespace") return "sandbox:\n  backend: namespace\n";
  return "sandbox:\n  backend: container\n  image: " + TestImage() +
         "\n  container: {runtime: " + engine + "}\n";
}

std::string SandboxConfigFor(const std::string& engine, const std::string& container) {
  if (engine == "namespace")
    return SandboxConfigFor(engine) + (container.empty() ? "" : "  container:\n" + container);
  return "sandbox:\n  backend: container\n  image: " + TestImage() +
         "\n  container:\n    runtime: " + engine + "\n" + container;
}

Env PodmanEnv() {
  const Env env = CurrentEnv();
  const auto dir = env.find("WORKMUX_TEST_PODMAN");
  if (dir == env.end() || dir->second.empty()) return {};
  return {{"CONTAINERS_CONF", dir->second + "/containers.conf"},
          {"CONTAINERS_STORAGE_CONF", dir->second + "/storage.conf"}};
}

std::string Docker(const std::vector<std::string>& arguments) {
  return Engine("docker", arguments);
}

std::vector<std::string> ContainersOf(const fs::path& directory) {
  std::vector<std::string> ids;
  const std::string format = "{{.ID}} {{.Label \"dev.workmux.worktree\"}}";
  const std::string listed =
      Docker({"ps", "--all", "--filter", "label=dev.workmux.worktree", "--format", format});
  for (const std::string& line : SplitLines(listed)) {
    const auto blank = line.find(' ');
    if (line.substr(blank + 1).starts_with(directory.string()))
      ids.push_back(line.substr(0, blank));
  }
  return ids;
}

}  // namespace workmux::test
