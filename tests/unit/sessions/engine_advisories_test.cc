#include "daemon/domain/engine_advisories.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

std::size_t Open(std::string_view program, std::string_view version) {
  return OpenAdvisories(program, FindEngineVersion(version)).size();
}

}  // namespace

TEST_CASE("EngineVersion: it is found in what programs print") {
  const auto found = [](std::string_view text) {
    const EngineVersion version = FindEngineVersion(text);
    return std::vector<int>{version.major, version.minor, version.patch, version.candidate};
  };
  CHECK(found("runc version 1.1.5+ds1") == std::vector{1, 1, 5, 0});
  CHECK(found("runc version 1.4.0-rc.3") == std::vector{1, 4, 0, 3});
  CHECK(found("runc 1.0.0~rc93+ds1") == std::vector{1, 0, 0, 93});
  CHECK(found("crun crun version 1.20") == std::vector{1, 20, 0, 0});
  CHECK(found("Engine 20.10.24+dfsg1") == std::vector{20, 10, 24, 0});
  CHECK(found("Docker version 28.2.2, build e6534b4") == std::vector{28, 2, 2, 0});
  CHECK(found("bubblewrap 0.8.0") == std::vector{0, 8, 0, 0});
  CHECK_FALSE(FindEngineVersion("no number").known);
  CHECK_FALSE(FindEngineVersion("99999999999999999999.1").known);
  CHECK_FALSE(FindEngineVersion("").known);
}

TEST_CASE("OpenAdvisories: each release line has its own fix") {
  const auto [version, count] = GENERATE(table<std::string, std::size_t>({{"1.1.11", 2},
                                                                          {"1.1.12", 1},
                                                                          {"1.1.15", 1},
                                                                          {"1.2.7", 1},
                                                                          {"1.2.8", 0},
                                                                          {"1.2.9", 0},
                                                                          {"1.3.0", 1},
                                                                          {"1.3.2", 1},
                                                                          {"1.3.3", 0},
                                                                          {"1.4.0-rc.2", 1},
                                                                          {"1.4.0-rc.3", 0},
                                                                          {"1.4.0", 0},
                                                                          {"1.5.0-rc.1", 0},
                                                                          {"2.0.0", 0}}));
  INFO(version);
  CHECK(Open("runc", version) == count);
}

TEST_CASE("OpenAdvisories: every program of the table, before and after its fix") {
  CHECK(Open("crun", "1.8.1") == 2);
  CHECK(Open("crun", "1.27") == 1);
  CHECK(Open("crun", "1.28") == 0);
  CHECK(Open("docker", "20.10.24") == 1);
  CHECK(Open("docker", "25.0.2") == 0);
  CHECK(Open("docker", "28.2.2") == 0);
  CHECK(Open("podman", "4.3.1") == 2);
  CHECK(Open("podman", "4.9.4") == 1);
  CHECK(Open("podman", "5.0.0") == 2);
  CHECK(Open("podman", "5.2.4") == 0);
  // The fault came with 0.11.0.
  CHECK(Open("bubblewrap", "0.8.0") == 0);
  CHECK(Open("bubblewrap", "0.11.1") == 1);
  CHECK(Open("bubblewrap", "0.11.2") == 0);
}

TEST_CASE("OpenAdvisories: the text names faults and fixes, and nothing where nothing is known") {
  CHECK(OpenAdvisories("runc", FindEngineVersion("1.2.0")) ==
        std::vector<std::string>{"CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 (fixed in 1.2.8, "
                                 "1.3.3, 1.4.0-rc.3)"});
  CHECK(Open("runc", "unknown") == 0);
  CHECK(Open("youki", "0.1") == 0);
}

}  // namespace workmux::daemon
