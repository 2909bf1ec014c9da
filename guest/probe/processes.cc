#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "common/base/strings.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

using Process = v1::ProbeReport::Process;

// Shorter values stand in arguments by chance.
constexpr std::size_t kShortestSecret = 8;
constexpr char kSelf[] = "/proc/self";

std::uint64_t Hexadecimal(std::string_view text) {
  std::uint64_t value = std::numeric_limits<std::uint64_t>::max();
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
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

Variables VariablesOf(const std::string& directory) {
  Variables variables;
  // A process that may not be looked at cannot open its own file either.
  if (directory == kSelf) {
    for (char** entry = ::environ; *entry != nullptr; ++entry) AddVariable(*entry, variables);
    return variables;
  }
  std::string text;
  if (!ReadProcFile(directory + "/environ", text)) return variables;
  for (const std::string& entry : Split(text, '\0')) AddVariable(entry, variables);
  return variables;
}

void AddProcess(const std::string& directory, const Variables& secrets, v1::ProbeReport& report) {
  std::string status;
  std::string limits;
  if (!ReadProcFile(directory + "/status", status) || !ReadProcFile(directory + "/limits", limits))
    return;
  Process& process = *report.add_processes();
  for (const std::string& line : SplitLines(status)) {
    AddStatusLine(line, process);
    long long pid = 0;
    if (line.starts_with("Pid:") && ParseInt(Trim(std::string_view(line).substr(4)), pid))
      process.set_pid(static_cast<std::int32_t>(pid));
  }
  for (const std::string& line : SplitLines(limits)) {
    if (line.starts_with("Max processes")) process.set_most_processes(HardLimit(line));
    if (line.starts_with("Max open files")) process.set_most_files(HardLimit(line));
  }
  for (const auto& [name, value] : VariablesOf(directory)) process.add_variables(name);
  std::string arguments;
  if (!ReadProcFile(directory + "/cmdline", arguments)) return;
  for (const auto& [name, value] : secrets) {
    if (arguments.find(value) != std::string::npos) process.add_exposed_secrets(name);
  }
}

}  // namespace

void AddProcesses(const v1::ProbeRequest& request, v1::ProbeReport& report) {
  constexpr char kCommand[] = "/proc/2";  // below a first process that only waits
  Variables secrets;
  for (const auto& [name, value] : VariablesOf(request.outsider() ? kCommand : kSelf)) {
    const auto& wanted = request.secrets();
    if (value.size() >= kShortestSecret &&
        std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      secrets.emplace(name, value);
  }
  if (!request.outsider()) AddProcess(kSelf, secrets, report);
  if (::getpid() != 1) AddProcess("/proc/1", secrets, report);
  if (request.outsider()) AddProcess(kCommand, secrets, report);
}

}  // namespace workmux::guest
