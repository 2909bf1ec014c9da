#include "guest/commands.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include "common/base/status.h"
#include "common/base/version.h"
#include "guest/guest_client.h"

namespace workmux::guest {
namespace {

namespace pb = ::workmux::guest::v1;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr char kHelp[] =
    "workmux inside a sandbox: talks to the workmux on the host.\n"
    "\n"
    "  workmux set-window-status working|waiting|done|clear   show what the agent does\n"
    "  workmux set-window-title TITLE                         show a title for the window\n"
    "  workmux heartbeat                                      check the way to the host\n"
    "\n"
    "Everything else is done on the host.\n";

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "workmux: %s\n", MessageOf(status).c_str());
  if (const std::string hint = HintOf(status); !hint.empty())
    std::fprintf(stderr, "hint: %s\n", hint.c_str());
  return kFailed;
}

int Usage(const char* message) {
  std::fprintf(stderr, "workmux: %s\nhint: see workmux --help\n", message);
  return kUsage;
}

int SetWindowStatus(std::span<const std::string> arguments) {
  if (arguments.size() != 1)
    return Usage("set-window-status takes one of working, waiting, done, clear");
  pb::Status status = pb::STATUS_UNSPECIFIED;
  if (arguments[0] == "working") status = pb::STATUS_WORKING;
  if (arguments[0] == "waiting") status = pb::STATUS_WAITING;
  if (arguments[0] == "done") status = pb::STATUS_DONE;
  if (arguments[0] == "clear") status = pb::STATUS_CLEAR;
  if (status == pb::STATUS_UNSPECIFIED)
    return Usage("set-window-status takes one of working, waiting, done, clear");
  if (std::getenv("WORKMUX_DISABLE_SET_WINDOW_STATUS") != nullptr) return 0;
  auto client = GuestClient::FromEnvironment();
  // A shell without a bridge has no window to show anything on.
  if (client.status().code() == absl::StatusCode::kFailedPrecondition) return 0;
  return Report(client.ok() ? client->SetStatus(status) : client.status());
}

int SetWindowTitle(std::span<const std::string> arguments) {
  if (arguments.size() != 1) return Usage("set-window-title takes one title");
  auto client = GuestClient::FromEnvironment();
  return Report(client.ok() ? client->SetTitle(arguments[0]) : client.status());
}

int Heartbeat() {
  auto client = GuestClient::FromEnvironment();
  if (!client.ok()) return Report(client.status());
  const auto version = client->Heartbeat();
  if (!version.ok()) return Report(version.status());
  std::printf("workmuxd %s\n", version->c_str());
  return 0;
}

}  // namespace

int RunWorkmux(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    std::fputs(kHelp, arguments.empty() ? stderr : stdout);
    return arguments.empty() ? kUsage : 0;
  }
  const std::string_view command = arguments[0];
  const auto rest = arguments.subspan(1);
  if (command == "--version") {
    std::printf("workmux %s (guest)\n", kVersion);
    return 0;
  }
  if (command == "set-window-status") return SetWindowStatus(rest);
  if (command == "set-window-title") return SetWindowTitle(rest);
  if (command == "heartbeat") return Heartbeat();
  std::fprintf(stderr,
               "workmux: '%s' is not available inside a sandbox\nhint: run it on the host\n",
               arguments[0].c_str());
  return kFailed;
}

}  // namespace workmux::guest
