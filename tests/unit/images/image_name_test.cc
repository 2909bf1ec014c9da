#include "daemon/domain/image_name.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

TEST_CASE("ResolveImage: the agent stands in for every placeholder") {
  CHECK(ResolveImage("", "codex") == "ghcr.io/raine/workmux-sandbox:codex");
  CHECK(ResolveImage("my:{agent}", "pi") == "my:pi");
  CHECK(ResolveImage("{agent}/{agent}:1", "pi") == "pi/pi:1");
  CHECK(ResolveImage("my:1", "pi") == "my:1");
  CHECK(ResolveImage("my-{agent}@sha256:00", "pi") == "my-pi@sha256:00");
  // An agent's name is not searched again.
  CHECK(ResolveImage("a:{agent}", "{agent}") == "a:{agent}");
}

TEST_CASE("RepositoryOf: tag and digest go, a port stays") {
  CHECK(RepositoryOf("ghcr.io/raine/workmux-sandbox:claude") == "ghcr.io/raine/workmux-sandbox");
  CHECK(RepositoryOf("localhost:5000/a/b") == "localhost:5000/a/b");
  CHECK(RepositoryOf("localhost:5000/a/b:1@sha256:00") == "localhost:5000/a/b");
  CHECK(RepositoryOf("debian") == "debian");
  CHECK(RepositoryOf("debian:12") == "debian");
}

TEST_CASE("CheckImageName: what could be an option or hide something is refused") {
  for (const char* good : {"debian", "a/b:1", "localhost:5000/a@sha256:00", "Upper"})
    CHECK_OK(CheckImageName(good));
  for (const char* bad : {"", "--all", "a b", "a\nb", "a\x1b[2Jb", "\xe2\x80\xae"})
    CHECK_CODE(CheckImageName(bad), absl::StatusCode::kInvalidArgument);
  CHECK_CODE(CheckImageName(std::string(600, 'a')), absl::StatusCode::kInvalidArgument);
  CHECK(IsPinned("a@sha256:00"));
  CHECK_FALSE(IsPinned("a:1"));
}

}  // namespace
}  // namespace workmux::daemon
