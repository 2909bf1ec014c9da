#include "daemon/adapters/container/container_list.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

TEST_CASE("ContainerList: states of Docker and of Podman") {
  const std::vector<SandboxInfo> infos = test::Must(
      SandboxesFromTable("wm-a\ts1\trunning\nwm-b\ts2\texited\nwm-c\ts3\tUp 3 seconds\n"
                         "wm-d\ts4\tExited (3) 2 days ago\nwm-e\ts5\tCreated\nwm-f\t\tpaused\n"));
  REQUIRE(infos.size() == 6);
  std::string running;
  for (const SandboxInfo& info : infos) running += info.running ? info.name + " " : "";
  CHECK(running == "wm-a wm-c wm-f ");
  CHECK(infos[3].session_id == "s4");
  CHECK(infos[5].session_id.empty());
}

TEST_CASE("ContainerList: a table that is cut is no table") {
  CHECK_CODE(SandboxesFromTable("wm-a\ts1\n"), absl::StatusCode::kDataLoss);
  CHECK(test::Must(SandboxesFromTable("")).empty());
}

TEST_CASE("ContainerList: Apple's list, by label and instance") {
  const std::vector<SandboxInfo> infos = test::Must(SandboxesFromJson(
      R"([{"status": "running", "configuration": {"id": "wm-a",
           "labels": {"dev.workmux.instance": "i", "dev.workmux.session": "s1"}}},
          {"status": "stopped", "id": "wm-b",
           "labels": {"dev.workmux.instance": "i", "dev.workmux.session": "s2"}},
          {"status": "running", "configuration": {"id": "wm-c",
           "labels": {"dev.workmux.instance": "other"}}},
          {"status": "running", "configuration": {"id": "buildkit"}}])",
      "i"));
  REQUIRE(infos.size() == 2);
  CHECK(infos[0].name == "wm-a");
  CHECK(infos[0].running);
  CHECK(infos[1].session_id == "s2");
  CHECK_FALSE(infos[1].running);
  CHECK_CODE(SandboxesFromJson("no json", "i"), absl::StatusCode::kDataLoss);
  CHECK_CODE(SandboxesFromJson("[1]", "i"), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace workmux::daemon
