#include "daemon/adapters/namespace/agent_program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/process/posix_command_runner.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;        // path_resolution(7)
constexpr int kMaxInterpreters = 4;  // execve(2), "Interpreter scripts"

// Visible in every sandbox.
constexpr auto kSystemTrees = std::to_array<std::string_view>(
    {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store"});

// Managers whose launchers look for their tools below one directory, by that
// directory's path below the home.
constexpr auto kManagers =
    std::to_array<std::string_view>({".volta", ".asdf", ".proto", ".local/share/mise",
                                     ".local/share/fnm", ".local/share/pnpm", ".bun/install"});

// Directories below the home that hold everybody's things.
constexpr auto kShared =
    std::to_array<std::string_view>({".local", ".local/share", ".config", ".cache"});

bool InSystemTree(const fs::path& path) {
  return std::any_of(kSystemTrees.begin(), kSystemTrees.end(),
                     [&](std::string_view tree) { return IsWithin(path, tree); });
}

std::size_t Depth(const fs::path& relative) {
  return static_cast<std::size_t>(std::distance(relative.begin(), relative.end()));
}

struct Resolved {
  fs::path real;
  std::vector<fs::path> links;  // those met on the way
};

absl::StatusOr<Resolved> Resolve(const fs::path& path) {
  Resolved resolved;
  std::deque<fs::path> rest(path.begin(), path.end());
  int links = 0;
  while (!rest.empty()) {
    const fs::path part = rest.front();
    rest.pop_front();
    if (part == "/" || part.empty() || part == ".") {
      if (part == "/") resolved.real = "/";
      continue;
    }
    if (part == "..") {
      resolved.real = resolved.real.parent_path();
      continue;
    }
    const fs::path next = resolved.real / part;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(next, error);
    if (!fs::is_symlink(status)) {
      if (!fs::exists(status)) return NotFound("{}: does not exist", next.native());
      resolved.real = next;
      continue;
    }
    if (++links > kMaxLinks)
      return FailedPrecondition("{}: too many symbolic links", path.native());
    const fs::path target = fs::read_symlink(next, error);
    if (error) return ErrnoStatus(error.value(), next.native());
    resolved.links.push_back(next);
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  return resolved;
}

// The directory that a program needs as a whole, or its file alone.
fs::path InstallationOf(const fs::path& program, const fs::path& home) {
  const fs::path relative = program.lexically_relative(home);
  const bool in_home = IsWithin(program, home);
  const auto narrow_enough = [&](const fs::path& dir) {
    const fs::path below = dir.lexically_relative(home);
    return !IsWithin(home, dir) &&
           (!in_home || (Depth(below) >= 2 && std::find(kShared.begin(), kShared.end(),
                                                        below.native()) == kShared.end())) &&
           Depth(dir) > 2;
  };
  if (in_home) {
    for (const std::string_view manager : kManagers) {
      if (IsWithin(relative, manager)) return home / manager;
    }
  }
  std::error_code error;
  for (fs::path dir = program.parent_path(); dir != dir.parent_path(); dir = dir.parent_path()) {
    if (dir.filename() == ".linuxbrew" || dir.filename() == "Cellar") {
      return dir.filename() == "Cellar" ? dir.parent_path() : dir;
    }
  }
  // The outermost node_modules: packages require one another across it. Node's
  // own prefix when that has node in it.
  fs::path modules;
  for (fs::path dir = program.parent_path(); dir != dir.parent_path() && dir != home;
       dir = dir.parent_path()) {
    if (dir.filename() == "node_modules") modules = dir;
  }
  if (!modules.empty()) {
    const fs::path prefix = modules.parent_path().parent_path();
    if (modules.parent_path().filename() == "lib" && narrow_enough(prefix) &&
        fs::exists(prefix / "bin/node", error)) {
      return prefix;
    }
    return modules;
  }
  const fs::path dir = program.parent_path();
  // A launcher beside the packages that it starts.
  if (fs::is_directory(dir / "node_modules", error) && narrow_enough(dir)) return dir;
  if (dir.filename() == "bin" && narrow_enough(dir.parent_path())) return dir.parent_path();
  return program;
}

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  for (std::string& word : Split(line, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

// The program that the kernel or env(1) would start for a script; empty for none.
std::string InterpreterOf(const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return {};
  char buffer[512];
  const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n < 3 || buffer[0] != '#' || buffer[1] != '!') return {};
  std::string_view line(buffer + 2, static_cast<std::size_t>(n) - 2);
  line = line.substr(0, line.find('\n'));
  const std::vector<std::string> words = Words(Trim(line));
  if (words.empty()) return {};
  if (fs::path(words[0]).filename() != "env") return words[0];
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i][0] != '-' && words[i].find('=') == std::string::npos) return words[i];
  }
  return {};
}

class Search {
 public:
  Search(const Env& env, fs::path home) : env_(env), home_(std::move(home)) {}

  absl::Status Add(std::string_view program, int depth) {
    WM_ASSIGN_OR_RETURN(const fs::path found, FindProgram(program, env_));
    if (!found.is_absolute()) return InvalidArgument("{}: not an absolute path", found.native());
    WM_ASSIGN_OR_RETURN(const Resolved resolved, Resolve(found));
    for (const fs::path& link : resolved.links) Keep(link);
    Keep(InSystemTree(resolved.real) ? resolved.real : InstallationOf(resolved.real, home_));
    if (!InSystemTree(found) && path_dirs_.insert(found.parent_path()).second) {
      result_.path_dirs.push_back(found.parent_path());
    }
    const std::string interpreter = InterpreterOf(resolved.real);
    if (interpreter.empty() || depth >= kMaxInterpreters) return absl::OkStatus();
    // An interpreter that is missing is the program's own failure, and its message.
    const absl::Status status = Add(interpreter, depth + 1);
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }

  AgentInstallation Take() {
    // Parents first, and nothing below a directory that is there as a whole.
    for (const fs::path& path : paths_) {
      const bool covered = std::any_of(result_.paths.begin(), result_.paths.end(),
                                       [&](const fs::path& dir) { return IsWithin(path, dir); });
      if (!covered) result_.paths.push_back(path);
    }
    return std::move(result_);
  }

 private:
  void Keep(const fs::path& path) {
    if (!InSystemTree(path) && !IsWithin(home_, path)) paths_.insert(path);
  }

  const Env& env_;
  const fs::path home_;
  std::set<fs::path> paths_;
  std::set<fs::path> path_dirs_;
  AgentInstallation result_;
};

}  // namespace

absl::StatusOr<AgentInstallation> FindAgentInstallation(std::string_view program, const Env& env) {
  const auto found = env.find("HOME");
  fs::path home = found == env.end() ? fs::path() : fs::path(found->second).lexically_normal();
  if (!home.is_absolute() || home == "/") {
    return WithReason(FailedPrecondition("HOME is not set to a home directory"), "HOME_INVALID");
  }
  if (!home.has_filename()) home = home.parent_path();
  std::error_code error;
  if (fs::path real = fs::canonical(home, error); !error) home = real;
  Search search(env, home);
  WM_RETURN_IF_ERROR(search.Add(program, 0));
  return search.Take();
}

}  // namespace workmux::daemon
