#include "cli/client/channel.h"

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/base/version.h"

namespace workmux::cli {
namespace {

// A prompt may have 8 MiB and a status listing many agents.
constexpr int kMaxMessage = 32 << 20;

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(UniqueFd socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetMaxSendMessageSize(kMaxMessage);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomInsecureChannelFromFd("workmuxd", socket.Release(), arguments);
}

void AddClientMetadata(grpc::ClientContext& context) {
  context.AddMetadata("workmux-client-version", kVersion);
  context.AddMetadata("workmux-api-major", kApiMajor);
}

}  // namespace workmux::cli
