#include "cli/commands/sandbox_verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/terminal/progress_display.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "workmux/control/v1/sandbox.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using Json = nlohmann::ordered_json;
using Response = pb::VerifySandboxResponse;

bool Differs(const Response& response, const std::string& defence) {
  return std::any_of(
      response.differences().begin(), response.differences().end(),
      [&](const Response::Difference& difference) { return difference.defence() == defence; });
}

std::string Mark(bool passed, bool color) {
  const std::string mark = passed ? "✓" : "✗";
  if (!color) return mark;
  return (passed ? "\x1b[32m" : "\x1b[31m") + mark + "\x1b[0m";
}

}  // namespace

std::string VerificationText(const Response& response, bool color) {
  std::string text =
      Format("{} ({})\n", Printable(response.sandbox()), Printable(response.backend()));
  for (const std::string& defence : response.defences()) {
    text += Format("{} {}\n", Mark(!Differs(response, defence), color), Printable(defence));
    for (const Response::Difference& difference : response.differences()) {
      if (difference.defence() != defence) continue;
      text += Format("    expected: {}\n    found:    {}\n", Printable(difference.expected()),
                     Printable(difference.found()));
    }
  }
  if (!response.weakened().empty()) text += "weakened by your configuration:\n";
  for (const std::string& weakened : response.weakened())
    text += Format("    {}\n", Printable(weakened));
  if (response.ended()) text += "The sandbox was stopped.\n";
  return text;
}

std::string VerificationJson(const Response& response) {
  Json checks = Json::array();
  for (const std::string& defence : response.defences())
    checks.push_back({{"defence", defence}, {"passed", !Differs(response, defence)}});
  Json differences = Json::array();
  for (const Response::Difference& difference : response.differences()) {
    differences.push_back({{"defence", difference.defence()},
                           {"expected", difference.expected()},
                           {"found", difference.found()}});
  }
  Json weakened = Json::array();
  for (const std::string& what : response.weakened()) weakened.push_back(what);
  const Json json = {{"sandbox", response.sandbox()},
                     {"backend", response.backend()},
                     {"verified", response.differences().empty()},
                     {"checks", std::move(checks)},
                     {"differences", std::move(differences)},
                     {"weakened", std::move(weakened)},
                     {"stopped", response.ended()}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<int> RunSandboxVerify(const SandboxVerifyOptions& options, const CommandEnv& env) {
  pb::VerifySandboxRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_RETURN_IF_ERROR(CheckUtf8(options.session, "the sandbox's name"));
  request.set_sandbox(options.session);
  ProgressDisplay progress(env.terminal);
  progress.SetTitle("looking at the sandbox from inside");
  const absl::StatusOr<Response> response = env.daemon.VerifySandbox(request);
  progress.Finish();
  WM_RETURN_IF_ERROR(response.status());
  env.terminal.Out(options.json ? VerificationJson(*response)
                                : VerificationText(*response, env.terminal.color()));
  return response->differences().empty() ? kExitOk : kExitFailed;
}

}  // namespace workmux::cli
