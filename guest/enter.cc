#include "guest/enter.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "guest/firewall/await.h"
#include "guest/firewall/direct_way.h"
#include "guest/first_process.h"
#include "guest/guest_client.h"
#include "guest/probe/probe.h"
#include "guest/relay.h"
#include "guest/socket_filter.h"

namespace workmux::guest {
namespace {

constexpr int kVerb = 2;  // arguments before the command
constexpr int kNotStarted = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
// "DEVICE:INODE:PATH", separated by tabs, which no path of a mount holds. The
// first is one that no sandbox can write.
constexpr char kMountsVariable[] = "WM_MOUNTS";
constexpr char kProbeVariable[] = "WM_PROBE";
constexpr char kRelayVariable[] = "WM_RELAY";
constexpr char kRestrictedVariable[] = "WM_RESTRICTED";
// The host's address, behind a firewall.
constexpr char kFirewallVariable[] = "WM_FIREWALL";

constexpr char kBridgeDirectory[] = "/run/workmux/bridge";
constexpr char kFirewallSocket[] = "/run/workmux/bridge/firewall.sock";

struct Expected {
  long long device = 0;
  long long inode = 0;
  std::string path;
};

bool Parse(const std::string& entry, Expected& expected) {
  const std::size_t first = entry.find(':');
  const std::size_t second = first == std::string::npos ? first : entry.find(':', first + 1);
  if (second == std::string::npos) return false;
  expected.path = entry.substr(second + 1);
  return ParseInt(entry.substr(0, first), expected.device) &&
         ParseInt(entry.substr(first + 1, second - first - 1), expected.inode);
}

bool IsThere(const Expected& expected) {
  struct stat info {};
  return ::lstat(expected.path.c_str(), &info) == 0 &&
         static_cast<long long>(info.st_dev) == expected.device &&
         static_cast<long long>(info.st_ino) == expected.inode;
}

bool MountsAreTrue(std::string_view text) {
  bool is_reference = true;
  for (const std::string& entry : Split(text, '\t')) {
    Expected expected;
    const bool parsed = Parse(entry, expected);
    if (parsed && IsThere(expected)) {
      is_reference = false;
      continue;
    }
    // An engine in a virtual machine shows the host's files under other numbers:
    // where the reference has another one, none can be compared.
    if (parsed && is_reference) return true;
    std::fprintf(stderr,
                 "workmux: %s: leads elsewhere by now; the command was not started\n"
                 "hint: Look at what replaced it, then start the sandbox again.\n",
                 Printable(expected.path).c_str());
    return false;
  }
  return true;
}

absl::Status LetHostDecide() {
  WM_ASSIGN_OR_RETURN(GuestClient client, GuestClient::FromEnvironment());
  WM_ASSIGN_OR_RETURN(const v1::ProbeRequest request, client.BeginProbe());
  return client.FinishProbe(Probe(Subject(), request));
}

// In a child, whose threads, descriptors and environment the command must not get.
bool PassesProbe() {
  const pid_t child = ::fork();
  if (child == 0) {
    PrepareForCalls();
    ::prctl(PR_SET_DUMPABLE, 0);
    const absl::Status decision = LetHostDecide();
    if (!decision.ok()) {
      std::fprintf(stderr,
                   "workmux: %s; the command was not started\n"
                   "hint: See every difference with: workmux daemon logs\n",
                   Printable(MessageOf(decision)).c_str());
    }
    ::_exit(decision.ok() ? 0 : kNotStarted);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool Done(const absl::Status& status) {
  if (status.ok()) return true;
  std::fprintf(stderr, "workmux: %s; the command was not started\n",
               Printable(MessageOf(status)).c_str());
  if (const std::string hint = HintOf(status); !hint.empty())
    std::fprintf(stderr, "hint: %s\n", Printable(hint).c_str());
  return false;
}

// The value of a variable that is for this program alone; null when it is not set.
const char* Take(const char* name) {
  const char* value = std::getenv(name);
  ::unsetenv(name);  // the text stays where it is
  return value;
}

int Execute(char* const* command) {
  ::execvp(command[0], command);
  const int error = errno;
  std::fprintf(stderr, "workmux: %s: %s\n", Printable(command[0]).c_str(), std::strerror(error));
  return error == ENOENT || error == ENOTDIR ? kNotFound : kNotExecutable;
}

// The daemon's look from inside, by this same file: it reports the ways that are open, and
// can be told of them only if it runs where there are some.
bool IsProbe(char* const* arguments) {
  char* const* const command = arguments + kVerb;
  return command[1] != nullptr && command[2] == nullptr &&
         std::strcmp(command[0], arguments[0]) == 0 && std::strcmp(command[1], "probe") == 0;
}

}  // namespace

int EnterSandbox(char* const* arguments) {
  char* const* const command = arguments + kVerb;
  if (*command == nullptr) return kNotFound;
  const char* mounts = Take(kMountsVariable);
  if (mounts != nullptr && !MountsAreTrue(mounts)) return kNotStarted;
  const char* relay = Take(kRelayVariable);
  const char* firewall = Take(kFirewallVariable);
  // First: the relay's and the probe's processes are under it as well.
  const bool restricted = Take(kRestrictedVariable) != nullptr;
  if (restricted && !Done(RestrictSockets())) return kNotStarted;
  if (firewall != nullptr && !Done(AwaitFirewall(kFirewallSocket, firewall))) return kNotStarted;
  const bool must_probe = Take(kProbeVariable) != nullptr;
  if (relay != nullptr && !Done(StartRelay(relay, kBridgeDirectory, arguments))) return kNotStarted;
  if (must_probe && !PassesProbe()) return kNotStarted;
  return ::getpid() == 1 ? RunAsFirst(command, &Execute) : Execute(command);
}

int JoinSandbox(char* const* arguments) {
  char* const* const command = arguments + kVerb;
  if (*command == nullptr) return kNotFound;
  if (!Done(RestrictSockets())) return kNotStarted;
  std::vector<std::string> addresses;
  if (const char* firewall = std::getenv(kFirewallVariable)) addresses.emplace_back(firewall);
  if (!IsProbe(arguments) && !Done(CheckNoDirectWay(addresses))) return kNotStarted;
  for (const char* name :
       {kMountsVariable, kProbeVariable, kRelayVariable, kRestrictedVariable, kFirewallVariable}) {
    ::unsetenv(name);
  }
  return Execute(command);
}

}  // namespace workmux::guest
