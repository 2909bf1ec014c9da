#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

using Process = v1::ProbeReport::Process;

// Shorter values stand in arguments by chance.
constexpr std::size_t kShortestSecret = 8;

std::uint64_t Hexadecimal(std::string_view text) {
  std::uint64_t value = std::numeric_limits<std::uint64_t>::max();
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// As the sandbox's own processes see an id of the host's, user_namespaces(7).
class IdMap {
 public:
  explicit IdMap(const std::string& file) {
    std::string text;
    if (!ReadProcFile(file, text)) return;
    for (const std::string& line : SplitLines(text)) {
      Range range{};
      if (std::sscanf(line.c_str(), "%u %u %u", &range.inside, &range.outside, &range.count) == 3)
        ranges_.push_back(range);
    }
  }
  std::uint32_t Inside(std::uint32_t id) const {
    constexpr std::uint32_t kUnmapped = 65534;
    for (const Range& range : ranges_) {
      if (id >= range.outside && id - range.outside < range.count)
        return range.inside + (id - range.outside);
    }
    return kUnmapped;
  }

 private:
  struct Range {
    std::uint32_t inside;
    std::uint32_t outside;
    std::uint32_t count;
  };
  std::vector<Range> ranges_;
};

void Translate(const IdMap& map, google::protobuf::RepeatedField<std::uint32_t>& ids) {
  for (std::uint32_t& id : ids) id = map.Inside(id);
}

void AddNumbers(std::string_view text, google::protobuf::RepeatedField<std::uint32_t>& numbers) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find_first_of(" \t", at);
    long long number = 0;
    if (ParseInt(text.substr(at, end - at), number))
      numbers.Add(static_cast<std::uint32_t>(number));
    if (end == std::string_view::npos) return;
    at = end + 1;
  }
}

// "Name:\tvalue", proc_pid_status(5).
void AddStatusLine(std::string_view line, Process& process) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (name == "CapInh") process.set_inheritable(Hexadecimal(value));
  if (name == "CapPrm") process.set_permitted(Hexadecimal(value));
  if (name == "CapEff") process.set_effective(Hexadecimal(value));
  if (name == "CapBnd") process.set_bounding(Hexadecimal(value));
  if (name == "CapAmb") process.set_ambient(Hexadecimal(value));
  if (name == "NoNewPrivs") process.set_no_new_privileges(value == "1");
  if (name == "Seccomp") process.set_seccomp(static_cast<std::uint32_t>(Hexadecimal(value)));
  long long filters = 0;
  if (name == "Seccomp_filters" && ParseInt(value, filters))
    process.set_seccomp_filters(static_cast<std::uint32_t>(filters));
  if (name == "Uid") AddNumbers(value, *process.mutable_users());
  if (name == "Gid") AddNumbers(value, *process.mutable_groups());
  if (name == "Groups") AddNumbers(value, *process.mutable_further_groups());
}

// "Max processes    4096    4096    processes": the soft limit, which programs can
// raise up to the hard one; the hard one is what binds.
std::uint64_t HardLimit(std::string_view line) {
  constexpr std::size_t kHardColumn = 47;  // fs/proc/base.c, proc_pid_limits
  if (line.size() <= kHardColumn) return 0;
  std::string_view value = line.substr(kHardColumn);
  value = value.substr(0, value.find(' '));
  long long number = 0;
  return ParseInt(value, number) && number >= 0 ? static_cast<std::uint64_t>(number)
                                                : std::numeric_limits<std::uint64_t>::max();
}

using Variables = std::map<std::string, std::string>;

void AddVariable(const std::string& entry, Variables& variables) {
  const std::size_t equals = entry.find('=');
  if (equals != std::string::npos)
    variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
}

// Nothing when they cannot be read.
std::optional<Variables> VariablesOf(const Subject& subject, const std::string& directory) {
  Variables variables;
  // A process that may not be looked at cannot open its own file either.
  if (directory == subject.self()) {
    for (char** entry = ::environ; *entry != nullptr; ++entry) AddVariable(*entry, variables);
    return variables;
  }
  std::string text;
  if (!ReadProcFile(directory + "/environ", text)) return std::nullopt;
  for (const std::string& entry : Split(text, '\0')) AddVariable(entry, variables);
  return variables;
}

void AddProcess(const Subject& subject, const std::string& directory, const Variables& secrets,
                v1::ProbeReport& report) {
  Process& process = *report.add_processes();
  const auto read = [&](const char* file) {
    std::string text;
    if (!ReadProcFile(Format("{}/{}", directory, file), text)) process.add_unread(file);
    return text;
  };
  const std::string status = read("status");
  const std::string limits = read("limits");
  for (const std::string& line : SplitLines(status)) {
    AddStatusLine(line, process);
    // The last is the number in the innermost pid namespace.
    if (line.starts_with("NSpid:")) {
      google::protobuf::RepeatedField<std::uint32_t> pids;
      AddNumbers(Trim(std::string_view(line).substr(6)), pids);
      if (!pids.empty()) process.set_pid(static_cast<std::int32_t>(pids.Get(pids.size() - 1)));
    }
  }
  if (subject.is_outside()) {
    Translate(IdMap(directory + "/uid_map"), *process.mutable_users());
    const IdMap groups(directory + "/gid_map");
    Translate(groups, *process.mutable_groups());
    Translate(groups, *process.mutable_further_groups());
  }
  for (const std::string& line : SplitLines(limits)) {
    if (line.starts_with("Max processes")) process.set_most_processes(HardLimit(line));
  }
  const auto variables = VariablesOf(subject, directory);
  if (!variables) process.add_unread("environ");
  for (const auto& [name, value] : variables.value_or(Variables())) process.add_variables(name);
  const std::string arguments = read("cmdline");
  for (const auto& [name, value] : secrets) {
    if (arguments.find(value) != std::string::npos) process.add_exposed_secrets(name);
  }
}

}  // namespace

void AddProcesses(const Subject& subject, const v1::ProbeRequest& request,
                  v1::ProbeReport& report) {
  Variables secrets;
  const std::string& command = subject.is_outside() ? subject.second() : subject.self();
  // That they cannot be read is told below.
  for (const auto& [name, value] : VariablesOf(subject, command).value_or(Variables())) {
    const auto& wanted = request.secrets();
    if (value.size() >= kShortestSecret &&
        std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      secrets.emplace(name, value);
  }
  AddProcess(subject, command, secrets, report);
  if (subject.is_outside() || ::getpid() != 1)
    AddProcess(subject, subject.first(), secrets, report);
}

}  // namespace workmux::guest
