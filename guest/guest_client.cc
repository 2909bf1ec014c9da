#include "guest/guest_client.h"

#include <grpcpp/grpcpp.h>
#include <malloc.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/base/status.h"
#include "common/base/version.h"
#include "common/rpc/grpc_status.h"

namespace workmux::guest {
namespace {

namespace pb = ::workmux::guest::v1;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kMountedSocket[] = "/run/workmux/bridge/bridge.sock";
constexpr milliseconds kDeadline{5000};
constexpr milliseconds kRestartPatience{2000};
// Without an answer the command would not run at all.
constexpr milliseconds kStartPatience{30'000};
constexpr milliseconds kRetryPause{50};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool IsSocket(const char* path) {
  struct stat info {};
  return ::stat(path, &info) == 0 && S_ISSOCK(info.st_mode);
}

std::string Target(const std::string& host, const std::string& port) {
  if (IsSocket(kMountedSocket)) return Format("unix:{}", std::string_view(kMountedSocket));
  if (host.empty() || port.empty()) return {};
  return host.find(':') == std::string::npos ? Format("dns:///{}:{}", host, port)
                                             : Format("dns:///[{}]:{}", host, port);
}

// Calls once, and while the daemon is away again: a status that a hook reports
// during a restart of the daemon must not be lost.
template <class Call>
absl::Status Retrying(const std::string& token, Call call,
                      milliseconds patience = kRestartPatience) {
  const auto give_up = steady_clock::now() + patience;
  for (;;) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token);
    context.AddMetadata("workmux-guest-version", kVersion);
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    const grpc::Status status = call(context);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || steady_clock::now() > give_up) {
      return FromGrpc(status);
    }
    std::this_thread::sleep_for(kRetryPause);
  }
}

}  // namespace

void PrepareForCalls() {
  // A static program has no NSS: names are resolved by gRPC's own resolver.
  ::setenv("GRPC_DNS_RESOLVER", "ares", 0);
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  // gRPC's threads each take a heap of their own otherwise, for one short call.
  ::mallopt(M_ARENA_MAX, 1);
}

absl::StatusOr<GuestClient> GuestClient::FromEnvironment() {
  const std::string token = Variable("WM_RPC_TOKEN");
  const std::string target = Target(Variable("WM_RPC_HOST"), Variable("WM_RPC_PORT"));
  if (token.empty() || target.empty()) {
    return WithHint(FailedPrecondition("this sandbox has no bridge to the host"),
                    "start it with: workmux sandbox agent");
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // How long one attempt to connect may take, despite its name: a busy host needs it.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(kDeadline.count()));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(kRetryPause.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kRetryPause.count()));
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "workmux");
  auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  return GuestClient(pb::GuestService::NewStub(channel), token);
}

absl::Status GuestClient::SetStatus(pb::Status status) {
  pb::SetStatusRequest request;
  request.set_status(status);
  pb::SetStatusResponse response;
  return Retrying(token_, [&](grpc::ClientContext& context) {
    return stub_->SetStatus(&context, request, &response);
  });
}

absl::Status GuestClient::SetTitle(const std::string& title) {
  pb::SetTitleRequest request;
  request.set_title(title);
  pb::SetTitleResponse response;
  return Retrying(token_, [&](grpc::ClientContext& context) {
    return stub_->SetTitle(&context, request, &response);
  });
}

absl::StatusOr<std::string> GuestClient::Heartbeat() {
  const pb::HeartbeatRequest request;
  pb::HeartbeatResponse response;
  WM_RETURN_IF_ERROR(Retrying(token_, [&](grpc::ClientContext& context) {
    return stub_->Heartbeat(&context, request, &response);
  }));
  return response.host_version();
}

absl::StatusOr<pb::ProbeRequest> GuestClient::BeginProbe() {
  const pb::BeginProbeRequest request;
  pb::BeginProbeResponse response;
  WM_RETURN_IF_ERROR(Retrying(
      token_,
      [&](grpc::ClientContext& context) { return stub_->BeginProbe(&context, request, &response); },
      kStartPatience));
  return std::move(*response.mutable_probe());
}

absl::Status GuestClient::FinishProbe(pb::ProbeReport report) {
  pb::FinishProbeRequest request;
  request.set_report(report.SerializeAsString());
  pb::FinishProbeResponse response;
  return Retrying(
      token_,
      [&](grpc::ClientContext& context) {
        return stub_->FinishProbe(&context, request, &response);
      },
      kStartPatience);
}

}  // namespace workmux::guest
