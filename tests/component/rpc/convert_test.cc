#include "daemon/rpc/convert.h"

#include "daemon/rpc/unary_call.h"
#include "tests/component/rpc/daemon_call.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;

TEST_CASE("convert: a caller is what the client says it is") {
  pb::InvocationContext context;
  context.set_cwd("/w");
  (*context.mutable_env())["HOME"] = "/home/u";
  context.set_cli_path("/usr/bin/workmux");
  context.set_interactive(true);
  const Caller caller = FromWire(context);
  CHECK(caller.cwd == "/w");
  CHECK(caller.env == Env{{"HOME", "/home/u"}});
  CHECK(caller.cli_path == "/usr/bin/workmux");
  CHECK(caller.interactive);
}

TEST_CASE("convert: each status has a word, and a clear is no status") {
  for (const AgentStatus status :
       {AgentStatus::kWorking, AgentStatus::kWaiting, AgentStatus::kDone}) {
    CHECK(test::Must(FromWire(ToWire(status))) == status);
  }
  CHECK(test::Must(FromWire(pb::AGENT_STATUS_CLEAR)) == AgentStatus::kNone);
  CHECK_CODE(FromWire(pb::AGENT_STATUS_UNSPECIFIED), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(FromWire(static_cast<pb::AgentStatus>(99)), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("convert: a plan keeps its arguments, variables and files") {
  const ExecPlan plan{
      .argv = {"bwrap", "--", "a b"}, .env = {{"A", "1"}}, .cwd = "/w", .files = {{7, "secret"}}};
  const pb::ExecPlan wire = ToWire(plan);
  CHECK(std::vector<std::string>(wire.argv().begin(), wire.argv().end()) == plan.argv);
  CHECK(wire.env().at("A") == "1");
  CHECK(wire.cwd() == "/w");
  REQUIRE(wire.files_size() == 1);
  CHECK(wire.files(0).number() == 7);
  CHECK(wire.files(0).content() == "secret");
}

TEST_CASE("convert: an exit status keeps its signal") {
  pb::ExitStatus wire;
  wire.set_signal(15);
  CHECK(FromWire(wire).ShellCode() == 143);
}

// What the daemon says to a client that names `major`; empty: names none.
absl::Status Hello(const std::string& major) {
  test::InProcessDaemon daemon;
  daemon.unary = [&](grpc::CallbackServerContext* context, pb::GetInfoResponse* response) {
    return UnaryCall<pb::GetInfoResponse>::Start(
        daemon.pool, response, [context](std::stop_token) -> absl::StatusOr<pb::GetInfoResponse> {
          WM_RETURN_IF_ERROR(CheckClientVersion(*context));
          return pb::GetInfoResponse();
        });
  };
  grpc::ClientContext context;
  if (!major.empty()) context.AddMetadata("workmux-api-major", major);
  pb::GetInfoResponse response;
  return FromGrpc(daemon.daemon()->GetInfo(&context, {}, &response));
}

TEST_CASE("convert: a client of another protocol is told how to get the same") {
  CHECK_OK(Hello(""));
  CHECK_OK(Hello(Format("{}", kApiMajor)));
  for (const std::string other : {"2", "0", "1x", "-1", "99999999999999999999"}) {
    INFO(other);
    const absl::Status refused = Hello(other);
    CHECK_CODE(refused, absl::StatusCode::kFailedPrecondition);
    CHECK(ReasonOf(refused) == "DAEMON_VERSION");
    CHECK_THAT(HintOf(refused), Catch::Contains("daemon restart"));
  }
}

}  // namespace
}  // namespace workmux::daemon
