#include "daemon/adapters/container/pull_progress.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

// As docker 28 draws it on a terminal of 120 columns.
constexpr std::string_view kDocker =
    "1: Pulling from t/b\n\n\x1b[1A\x1b[2K\ra281002a63c9: Already exists \r\x1b[1B\n"
    "\x1b[1A\x1b[2K\rc09166467dec: Pulling fs layer \r\x1b[1B"
    "\x1b[1A\x1b[2K\rc09166467dec: Downloading [==>      ]  1.5MB/30MB\r\x1b[1B";
constexpr std::string_view kDockerMore =
    "\x1b[1A\x1b[2K\rc09166467dec: Downloading [====>    ]  15MB/30MB\r\x1b[1B";
constexpr std::string_view kDockerDone =
    "\x1b[1A\x1b[2K\rc09166467dec: Extracting [=======>]  30MB/30MB\r\x1b[1B"
    "\x1b[1A\x1b[2K\rc09166467dec: Pull complete \r\x1b[1B"
    "Digest: sha256:42db\nStatus: Downloaded newer image for h/t/b:1\n";

TEST_CASE("PullProgress: docker's drawing becomes layers and bytes") {
  PullProgress progress;
  CHECK(progress.Layers().empty());
  CHECK(progress.Bytes().empty());
  CHECK(progress.Feed(kDocker));
  CHECK(progress.Layers() == "1 of 2 layers");
  CHECK(progress.Bytes() == "1.5 MB of 30.0 MB");
  CHECK(progress.Feed(kDockerMore));
  CHECK(progress.Bytes() == "15.0 MB of 30.0 MB");
  CHECK(progress.Feed(kDockerDone));
  CHECK(progress.Layers() == "2 of 2 layers");
  CHECK(progress.Bytes() == "30.0 MB of 30.0 MB");
}

TEST_CASE("PullProgress: the same frame again is no progress") {
  PullProgress progress;
  CHECK(progress.Feed(kDockerMore));
  CHECK_FALSE(progress.Feed(kDockerMore));
  constexpr std::string_view kPodman =
      "\x1b[1A\x1b[JCopying blob a281002a63c9 [=>----] 12.0MiB / 66.6MiB\n";
  CHECK(progress.Feed(kPodman));
  CHECK_FALSE(progress.Feed(kPodman));
  CHECK(progress.Feed("Copying blob a281002a63c9 done\n"));
  CHECK(progress.Layers() == "1 of 2 layers");
}

TEST_CASE("PullProgress: output may be cut anywhere, and an error is kept") {
  PullProgress progress;
  const std::string all = std::string(kDocker) + std::string(kDockerMore) +
                          std::string(kDockerDone) + "Error response from daemon: unexpected EOF\n";
  for (const char c : all) progress.Feed(std::string_view(&c, 1));
  CHECK(progress.Layers() == "2 of 2 layers");
  CHECK(progress.tail().find("Error response from daemon: unexpected EOF") != std::string::npos);
  CHECK(progress.tail().find('\x1b') == std::string::npos);
}

TEST_CASE("PullProgress: nonsense is bounded and harmless") {
  PullProgress progress;
  progress.Feed(std::string(1 << 20, 'x'));
  progress.Feed("deadbeef: Downloading 9e999MB/1MB\ndeadbeef: Downloading -/-\n\x1b[");
  for (int i = 0; i < 1000; ++i) progress.Feed("line " + std::to_string(i) + "\n");
  CHECK(progress.tail().size() <= 4096);
}

}  // namespace
}  // namespace workmux::daemon
