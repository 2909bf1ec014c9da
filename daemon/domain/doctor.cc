#include "daemon/domain/doctor.h"

#include <chrono>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/engine_advisories.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr char kUnknownVersion[] =
    "the version was not understood: compare it with the advisories by hand";

// The first "N.M" in the text, as in "git version 2.39.5" or "tmux 3.3a".
bool FindVersion(std::string_view text, int& major, int& minor) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto dot = text.find('.', i);
    const auto digits_end = text.find_first_not_of("0123456789", i);
    if (dot == std::string_view::npos) return false;
    if (digits_end != dot || dot == i) continue;
    const auto minor_end = text.find_first_not_of("0123456789", dot + 1);
    long long value = 0;
    if (!ParseInt(text.substr(i, dot - i), value)) continue;
    major = static_cast<int>(value);
    if (!ParseInt(text.substr(dot + 1, minor_end - dot - 1), value)) continue;
    minor = static_cast<int>(value);
    return true;
  }
  return false;
}

// How each tells its version and those of what it runs: lines "name version".
// docker-version(1), podman-info(1).
struct VersionQuery {
  const char* program;
  std::vector<std::string> arguments;
  const char* label;  // of a line that has no name of its own
};

std::vector<VersionQuery> VersionQueries() {
  return {{"docker",
           {"version", "--format",
            "{{range .Server.Components}}{{.Name}} {{.Version}}{{println}}{{end}}"},
           "docker"},
          {"podman", {"--version"}, "podman"},
          {"podman",
           {"info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Version}}"},
           ""},
          {"bwrap", {"--version"}, "bubblewrap"}};
}

// The program that a line of a query is about; empty: none with advisories.
std::string ProgramOf(std::string_view line, const VersionQuery& query) {
  for (const char* name : {"runc", "crun"}) {
    if (line.starts_with(name)) return name;
  }
  if (line.starts_with("Engine")) return "docker";
  return line.starts_with(query.label) ? query.label : "";
}

}  // namespace

std::vector<Doctor::Check> Doctor::Examine(const Caller& caller, const std::string& tmux_socket) {
  // tmux 3.2: client flags and new-window -e; git 2.31: worktree pointers, CAS and --path-format.
  std::vector<Check> checks = {CheckVersion(caller, "git", "--version", 2, 31, "git"),
                               CheckVersion(caller, "tmux", "-V", 3, 2, "tmux")};
  for (const auto& [name, backend] : backends_) checks.push_back(CheckBackend(caller, name));
  CheckAdvisories(caller, checks);
  checks.push_back(CheckFocusEvents(caller, tmux_socket));
  return checks;
}

Doctor::Check Doctor::CheckVersion(const Caller& caller, const std::string& program,
                                   const std::string& flag, int major, int minor,
                                   const std::string& package) {
  Check check{.name = program, .verdict = Verdict::kMissing, .found = {}, .fix = {}};
  Command command;
  command.argv = {program, flag};
  command.env = caller.env;
  const auto output = RunForOutput(runner_, command, {.stop = {}, .timeout = kPatience});
  if (!output.ok()) {
    check.found = MessageOf(output.status());
    check.fix = Format("install it: apt install {}", package);
    return check;
  }
  check.found = std::string(Trim(*output));
  int found_major = 0;
  int found_minor = 0;
  const bool known = FindVersion(check.found, found_major, found_minor);
  if (known && (found_major > major || (found_major == major && found_minor >= minor))) {
    check.verdict = Verdict::kOk;
  } else {
    check.fix = Format("install {} {}.{} or newer", program, major, minor);
  }
  return check;
}

Doctor::Check Doctor::CheckBackend(const Caller& caller, const std::string& name) {
  Check check{
      .name = "sandbox backend " + name, .verdict = Verdict::kOk, .found = "ready", .fix = {}};
  const absl::Status status = backends_.at(name)->Check("", caller.env);
  if (!status.ok()) {
    // One backend is enough to work with, so a missing one is no error.
    check.verdict = Verdict::kWarning;
    check.found = MessageOf(status);
    check.fix = HintOf(status);
  }
  return check;
}

void Doctor::CheckAdvisories(const Caller& caller, std::vector<Check>& checks) {
  for (const VersionQuery& query : VersionQueries()) {
    Command command;
    command.argv = {query.program};
    command.argv.insert(command.argv.end(), query.arguments.begin(), query.arguments.end());
    command.env = caller.env;
    // What is not installed or does not answer is told by its backend's check.
    const auto output = RunForOutput(runner_, command, {.stop = {}, .timeout = kPatience});
    if (!output.ok()) continue;
    bool understood = *query.label == '\0';
    for (const std::string& line : SplitLines(*output)) {
      const std::string program = ProgramOf(line, query);
      if (program.empty()) continue;
      understood = understood || program == query.label;
      Check check{.name = program, .verdict = Verdict::kOk, .found = {}, .fix = {}};
      if (program != query.label) check.name += Format(" of {}", query.program);
      check.found = std::string(Trim(line));
      const EngineVersion version = FindEngineVersion(line);
      const std::vector<std::string> open = OpenAdvisories(program, version);
      if (!version.known) {
        check.verdict = Verdict::kWarning;
        check.fix = kUnknownVersion;
      }
      if (!open.empty()) {
        check.verdict = Verdict::kWarning;
        check.fix =
            Format("older than the upstream fix of {}; check that your distribution has patched it",
                   Join(open, ", "));
      }
      checks.push_back(std::move(check));
    }
    if (understood) continue;
    checks.push_back(
        {.name = query.label,
         .verdict = Verdict::kWarning,
         .found = Printable(Trim(std::string_view(*output).substr(0, output->find('\n')))),
         .fix = kUnknownVersion});
  }
}

Doctor::Check Doctor::CheckFocusEvents(const Caller& caller, const std::string& tmux_socket) {
  Check check{.name = "tmux focus-events", .verdict = Verdict::kWarning, .found = {}, .fix = {}};
  Command command;
  command.argv = {"tmux", "-S", tmux_socket, "show-options", "-gv", "focus-events"};
  command.env = caller.env;
  command.env.erase("TMUX");
  const auto output = RunForOutput(runner_, command, {.stop = {}, .timeout = kPatience});
  if (!output.ok()) {
    check.found = "no tmux server answers";
    check.fix = "start tmux";
    return check;
  }
  check.found = std::string(Trim(*output));
  if (check.found == "on") {
    check.verdict = Verdict::kOk;
  } else {
    check.fix = "add to tmux.conf: set -g focus-events on";
  }
  return check;
}

}  // namespace workmux::daemon
