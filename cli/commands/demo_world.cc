#include "cli/commands/demo_world.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <random>
#include <utility>

#include "cli/commands/demo_agent.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "common/process/shell_quote.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds kStepLimit{120};
// sun_path has 108 bytes, unix(7); the longest socket below takes some 60.
constexpr std::size_t kMaxBase = 40;

constexpr char kAgent[] = "demo-agent";

absl::StatusOr<fs::path> MakeRoot(const Env& env) {
  const auto found = env.find("TMPDIR");
  fs::path base = found != env.end() && found->second.starts_with('/') ? found->second : "/tmp";
  if (base.native().size() > kMaxBase) base = "/tmp";
  std::error_code error;
  base = fs::canonical(base, error);
  if (error) return ErrnoStatus(error.value(), "the directory for temporary files");
  std::string name = (base / "wm-demo-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return ErrnoStatus(errno, base.string());
  return fs::path(name);
}

absl::Status MakeDirectory(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  return error ? ErrnoStatus(error.value(), dir.string()) : absl::OkStatus();
}

std::string RandomDigits() {
  std::random_device source;
  return Format("{}", 100'000'000u + source() % 800'000'000u);
}

}  // namespace

absl::StatusOr<DemoWorld> DemoWorld::Create(const DemoOptions& options,
                                            const Invocation& invocation, std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(fs::path root, MakeRoot(invocation.env));
  DemoWorld world(options, std::move(root), std::move(stop));
  world.cli_path_ = invocation.cli_path;
  world.MakeEnvironment(invocation.env);
  WM_ASSIGN_OR_RETURN(Paths paths, PathsFrom(world.env_));
  world.launcher_.emplace(std::move(paths), world.env_);
  WM_RETURN_IF_ERROR(world.WriteFiles());
  return world;
}

DemoWorld::DemoWorld(DemoOptions options, fs::path root, std::stop_token stop)
    : options_(std::move(options)),
      root_(std::move(root)),
      stop_(std::move(stop)),
      process_argument_(RandomDigits()) {}

DemoWorld::DemoWorld(DemoWorld&& other) noexcept
    : options_(std::move(other.options_)),
      root_(std::exchange(other.root_, {})),
      cli_path_(std::move(other.cli_path_)),
      stop_(std::move(other.stop_)),
      process_argument_(std::move(other.process_argument_)),
      env_(std::move(other.env_)),
      launcher_(std::move(other.launcher_)) {}

DemoWorld::~DemoWorld() {
  if (!root_.empty()) Teardown();
}

void DemoWorld::MakeEnvironment(const Env& caller) {
  const auto lookup = [&](std::string_view name, const std::string& fallback) {
    const auto found = caller.find(name);
    return found == caller.end() || found->second.empty() ? fallback : found->second;
  };
  const std::string home = (root_ / "home").string();
  env_ = {{"HOME", home},
          {"PATH", home + "/.local/bin:" + lookup("PATH", "/usr/local/bin:/usr/bin:/bin")},
          {"XDG_RUNTIME_DIR", (root_ / "run").string()},
          {"XDG_CONFIG_HOME", home + "/.config"},
          {"XDG_STATE_HOME", home + "/.local/state"},
          {"TMPDIR", (root_ / "tmp").string()},
          {"WORKMUX_TMUX_SOCKET", (root_ / "tmux").string()},
          {"SHELL", "/bin/sh"},
          {"LANG", "C.UTF-8"},
          {"TERM", lookup("TERM", "xterm-256color")},
          {"GIT_CONFIG_NOSYSTEM", "1"}};
  for (const char* name : {"USER", "LOGNAME", "WORKMUX_DAEMON", "DOCKER_HOST", "DOCKER_CONTEXT"}) {
    if (std::string value = lookup(name, ""); !value.empty()) env_.emplace(name, std::move(value));
  }
  if (const std::string user_home = lookup("HOME", ""); !user_home.empty()) {
    env_.emplace("DOCKER_CONFIG", lookup("DOCKER_CONFIG", user_home + "/.docker"));
  }
}

absl::Status DemoWorld::WriteFiles() {
  for (const char* dir : {"home/.ssh", "home/.local/bin", "home/.config/workmux", "project"}) {
    WM_RETURN_IF_ERROR(MakeDirectory(root_ / dir));
  }
  for (const char* dir : {"run", "tmp"}) {
    WM_RETURN_IF_ERROR(MakePrivateDirectory(root_ / dir));
  }
  WM_RETURN_IF_ERROR(WriteHome());
  WM_RETURN_IF_ERROR(
      WriteFileAtomically(root_ / "project/README", "A repository to try things in.\n", 0644));
  WM_RETURN_IF_ERROR(
      WriteFileAtomically(root_ / "project/.gitignore", Format("{}\n", kDemoReport), 0644));
  const std::string script = DemoAgentScript(
      {.home = root_ / "home", .hook_mark = hook_mark(), .process_argument = process_argument_});
  // An image has no program of the host's home: there the repository brings it.
  const bool in_repository = options_.backend != "namespace";
  return WriteFileAtomically(root_ / (in_repository ? "project" : "home/.local/bin") / kAgent,
                             script, 0755);
}

absl::Status DemoWorld::WriteHome() {
  const fs::path home = root_ / "home";
  WM_RETURN_IF_ERROR(WriteFileAtomically(secret_file(), Format("secret {}\n", RandomDigits())));
  WM_RETURN_IF_ERROR(WriteFileAtomically(home / "diary.txt", "Dear diary\n"));
  WM_RETURN_IF_ERROR(WriteFileAtomically(
      home / ".gitconfig",
      "[user]\n\tname = Demo\n\temail = demo@example.com\n[init]\n\tdefaultBranch = main\n"));
  // A login shell begins with the system's PATH.
  WM_RETURN_IF_ERROR(
      WriteFileAtomically(home / ".profile", "export PATH=" + ShellQuote(env_["PATH"]) + "\n"));
  std::string config = Format("agent: {}{}\n", options_.backend == "namespace" ? "" : "./", kAgent);
  config += "panes:\n  - command: <agent>\n    focus: true\n";
  config += Format("sandbox:\n  backend: {}\n", options_.backend);
  if (!options_.image.empty()) config += "  image: '" + options_.image + "'\n";
  return WriteFileAtomically(home / ".config/workmux/config.yaml", config);
}

absl::StatusOr<std::string> DemoWorld::Run(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  command.cwd = root_ / "project";
  command.env = env_;
  PosixCommandRunner runner;
  return RunForOutput(runner, command, {.stop = stop_, .timeout = kStepLimit});
}

absl::StatusOr<std::string> DemoWorld::Workmux(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {cli_path_.string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(std::move(argv));
}

absl::StatusOr<std::string> DemoWorld::Git(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"git"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(std::move(argv));
}

absl::StatusOr<std::string> DemoWorld::Tmux(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"tmux",      "-u", "-f",
                                   "/dev/null", "-S", (root_ / "tmux").string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(std::move(argv));
}

absl::Status DemoWorld::Start() {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"init", "--quiet", "--initial-branch=main"},
                                             {"add", "--all"},
                                             {"commit", "--quiet", "--message", "Begin"},
                                             {"branch", "keep"}}) {
    WM_RETURN_IF_ERROR(Git(arguments).status());
  }
  WM_RETURN_IF_ERROR(Tmux({"new-session", "-d", "-s", "demo", "-x", "120", "-y", "30"}).status());
  return Workmux({"daemon", "start"}).status();
}

absl::StatusOr<DemoRepository> DemoWorld::ReadRepository() {
  DemoRepository repository;
  WM_ASSIGN_OR_RETURN(const std::string refs,
                      Git({"for-each-ref", "--format=%(refname) %(objectname)"}));
  for (const std::string& line : SplitLines(refs)) {
    const auto space = line.find(' ');
    repository.refs.emplace(line.substr(0, space), line.substr(space + 1));
  }
  const fs::path git = root_ / "project/.git";
  for (const char* name : {"config", "config.worktree", "info/attributes", "info/exclude"}) {
    auto content = ReadFile(git / name);
    if (!content.ok() && !absl::IsNotFound(content.status())) return content.status();
    if (content.ok()) repository.config.emplace(name, *std::move(content));
  }
  std::error_code error;
  fs::directory_iterator entries(git / "hooks", error);
  if (error == std::errc::no_such_file_or_directory) return repository;
  if (error) return ErrnoStatus(error.value(), (git / "hooks").string());
  for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
    if (error) return ErrnoStatus(error.value(), (git / "hooks").string());
    struct stat info {};
    if (::lstat(entries->path().c_str(), &info) != 0)
      return ErrnoStatus(errno, entries->path().string());
    WM_ASSIGN_OR_RETURN(const std::string content, ReadFile(entries->path()));
    repository.hooks.emplace(entries->path().filename().string(),
                             Format("{:o} {}", info.st_mode, content));
  }
  return repository;
}

absl::StatusOr<std::set<std::string>> DemoWorld::ListHome() const {
  std::set<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(root_ / "home", error);
  for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
    names.insert(entries->path().filename().string());
  }
  if (error) return ErrnoStatus(error.value(), (root_ / "home").string());
  return names;
}

}  // namespace workmux::cli
