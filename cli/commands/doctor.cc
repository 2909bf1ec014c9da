#include "cli/commands/doctor.h"

#include "cli/exit_code.h"
#include "cli/terminal/progress_display.h"
#include "cli/terminal/table.h"
#include "common/base/status.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

std::string_view Word(pb::DiagnoseResponse::Verdict verdict) {
  switch (verdict) {
    case pb::DiagnoseResponse::VERDICT_OK:
      return "ok";
    case pb::DiagnoseResponse::VERDICT_WARNING:
      return "warning";
    case pb::DiagnoseResponse::VERDICT_MISSING:
      return "missing";
    default:
      return "unknown";
  }
}

}  // namespace

absl::StatusOr<int> RunDoctor(const DoctorOptions& /*options*/, const CommandEnv& env) {
  pb::DiagnoseRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  ProgressDisplay progress(env.terminal);
  progress.SetTitle("checking");
  const auto response = env.daemon.Diagnose(request);
  progress.Finish();
  if (!response.ok()) return response.status();
  std::vector<std::vector<std::string>> rows;
  std::string fixes;
  int exit_code = kExitOk;
  for (const auto& check : response->checks()) {
    rows.push_back({check.name(), std::string(Word(check.verdict())), check.found()});
    if (!check.fix().empty()) {
      fixes += Format("{}: {}\n", PrintableLines(check.name()), PrintableLines(check.fix()));
    }
    if (check.verdict() == pb::DiagnoseResponse::VERDICT_MISSING) exit_code = kExitFailed;
  }
  env.terminal.Out(FormatTable({"CHECK", "VERDICT", "FOUND"}, rows));
  if (!fixes.empty()) env.terminal.Out("\n" + fixes);
  return exit_code;
}

}  // namespace workmux::cli
