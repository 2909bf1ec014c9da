#include "common/io/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux {
namespace {

using test::Must;
using test::TempDir;

UniqueFd AcceptOne(int listener) {
  pollfd ready{.fd = listener, .events = POLLIN, .revents = 0};
  REQUIRE(::poll(&ready, 1, 5000) == 1);
  return UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

TEST_CASE("ListenUnix: the socket is for its owner and tells who connects", "[socket]") {
  TempDir dir;
  const UniqueFd listener = Must(ListenUnix(dir / "s"));
  struct stat info {};
  REQUIRE(::stat((dir / "s").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);

  const UniqueFd client = Must(ConnectUnix(dir / "s"));
  const UniqueFd server = AcceptOne(listener.get());
  REQUIRE(server.valid());
  const PeerCredentials peer = Must(PeerOf(server.get()));
  CHECK(peer.uid == ::geteuid());
  CHECK(peer.pid == ::getpid());
}

TEST_CASE("ListenUnix: takes the place of a dead socket", "[socket]") {
  TempDir dir;
  Must(ListenUnix(dir / "s")).Reset();
  CHECK_FALSE(ConnectUnix(dir / "s").ok());
  const UniqueFd listener = Must(ListenUnix(dir / "s"));
  CHECK_OK(ConnectUnix(dir / "s"));
}

TEST_CASE("Unix sockets: a path that does not fit is refused with a hint", "[socket]") {
  CHECK_OK(CheckSocketPath("/" + std::string(kMaxSocketPath - 1, 'x')));
  const absl::Status refused = CheckSocketPath("/" + std::string(kMaxSocketPath, 'x'));
  CHECK_CODE(refused, absl::StatusCode::kInvalidArgument);
  CHECK_FALSE(HintOf(refused).empty());
}

TEST_CASE("ListenTcp: port 0 gets a port of the named address", "[socket]") {
  const UniqueFd listener = Must(ListenTcp("127.0.0.1", 0));
  CHECK(Must(LocalPort(listener.get())) != 0);
  CHECK_CODE(ListenTcp("localhost", 0), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace workmux
