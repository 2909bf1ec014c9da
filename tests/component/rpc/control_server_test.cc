#include "daemon/rpc/control_server.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "common/io/socket.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "workmux/control/v1/daemon.grpc.pb.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;

struct Info : pb::DaemonService::CallbackService {
  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context, const pb::GetInfoRequest*,
                                    pb::GetInfoResponse* response) override {
    response->set_pid(42);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

struct Fixture {
  test::TempDir dir;
  const std::filesystem::path socket = dir / "d.sock";
  EventLoop loop;
  Info info;
  std::unique_ptr<ControlServer> server =
      test::Must(ControlServer::Start(loop, test::Must(ListenUnix(socket)), {&info}));

  grpc::Status Call() {
    auto stub = pb::DaemonService::NewStub(
        grpc::CreateChannel("unix:" + socket.string(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    pb::GetInfoResponse response;
    return stub->GetInfo(&context, {}, &response);
  }
};

// As user `uid`: 0 when the server speaks, 1 when it hangs up without a word,
// 2 when nothing could be asked. An HTTP/2 server speaks first (RFC 9113, 3.4),
// so one byte is enough to tell. Only system calls between fork and _exit.
int KnockAs(uid_t uid, const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket.c_str());
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(uid, uid, uid) != 0) ::_exit(2);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      ::_exit(2);
    constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    ::send(fd, kPreface, sizeof(kPreface) - 1, MSG_NOSIGNAL);
    char byte = 0;
    ::_exit(::recv(fd, &byte, 1, 0) == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

TEST_CASE("ControlServer: the user's own calls are answered") {
  Fixture f;
  CHECK(f.Call().ok());
  CHECK(KnockAs(::geteuid(), f.socket) == 0);
}

TEST_CASE("ControlServer: another user's connection is closed before a byte is said") {
  if (::geteuid() != 0) {
    std::puts("SKIPPED: only root can be another user");
    return;
  }
  Fixture f;
  // The file's mode would refuse as well; this is about the check behind it.
  REQUIRE(::chmod(f.dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(f.socket.c_str(), 0666) == 0);
  CHECK(KnockAs(65534, f.socket) == 1);
  CHECK(KnockAs(0, f.socket) == 0);
  CHECK(f.Call().ok());
}

TEST_CASE("ControlServer: after the stop nobody is answered") {
  Fixture f;
  REQUIRE(f.Call().ok());
  f.server->Stop(std::chrono::milliseconds(100));
  CHECK_FALSE(f.Call().ok());
}

}  // namespace
}  // namespace workmux::daemon
