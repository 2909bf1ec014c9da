// What an agent was refused is seen where one looks for agents.

#include <grpcpp/grpcpp.h>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"
#include "workmux/control/v1/agent.grpc.pb.h"

namespace workmux::test {
namespace {

using nlohmann::json;
namespace pb = control::v1;

// Asks once for each file `ask-N`, in turn.
constexpr char kAgent[] =
    "#!/bin/sh\ntrap '' HUP\nworkmux set-window-status working\nn=1\n"
    "while sleep 0.05; do if [ -e ask-$n ]; then curl -s -m 9 https://evil.example.com; "
    "n=$((n+1)); touch asked-$n; fi; done\n";

json AgentOf(const WorkmuxWorld& world) {
  const json status = json::parse(world.Must({"status", "--json"}));
  return status["agents"].empty() ? json::object() : status["agents"][0];
}

// What is told of blocked requests to one who watches.
pb::SandboxBlocked NextBlocked(const WorkmuxWorld& world, const std::function<void()>& act) {
  const auto channel =
      grpc::CreateChannel("unix:" + world.socket().string(), grpc::InsecureChannelCredentials());
  const auto stub = pb::AgentService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stream = stub->WatchAgents(&context, {});
  pb::AgentEvent event;
  bool acted = false;
  while (stream->Read(&event)) {
    if (event.has_blocked()) return event.blocked();
    if (event.snapshot_end() && !acted) {
      acted = true;
      act();
    }
  }
  return {};
}

}  // namespace

TEST_CASE("Blocked requests: are in `status` and told to who watches, and outlive the daemon") {
  if (!HaveBubblewrap() || !HaveTmux()) return;
  WorkmuxWorld world(
      "agent: ./agent.sh\nsandbox:\n  backend: namespace\n  network:\n"
      "    policy: deny\n");
  WriteFile(world.repo() / "agent.sh", kAgent);
  std::filesystem::permissions(world.repo() / "agent.sh", std::filesystem::perms::owner_all);
  world.git().Git({"add", "agent.sh"});
  world.git().Git({"commit", "--quiet", "-m", "agent"});
  world.StartTmux();
  world.Must({"add", "-S", "-b", "topic"});
  const std::filesystem::path worktree = world.Must({"path", "topic"});
  REQUIRE(
      WaitUntil([&] { return AgentOf(world)["status"] == "working"; }, std::chrono::seconds(30)));
  // Control: nothing was blocked so far.
  CHECK_FALSE(AgentOf(world).contains("blocked_requests"));
  CHECK(world.Must({"status"}).find("BLOCKED") == std::string::npos);

  const pb::SandboxBlocked told = NextBlocked(world, [&] { WriteFile(worktree / "ask-1", ""); });
  CHECK(told.sandbox().starts_with("wm-"));
  CHECK(told.blocked().count() == 1);
  CHECK(told.blocked().last_host() == "evil.example.com");
  WriteFile(worktree / "ask-2", "");
  REQUIRE(WaitUntil([&] { return AgentOf(world)["blocked_requests"]["count"] == 2; }));
  const json blocked = AgentOf(world)["blocked_requests"];
  CHECK(blocked["last_host"] == "evil.example.com");
  CHECK(blocked["last_reason"] == "host-not-allowed");
  CHECK(world.Must({"status"}).find("2 (evil.example.com)") != std::string::npos);

  world.Must({"net", "log"});  // has written what is in the log
  world.KillDaemon();
  CHECK(AgentOf(world)["blocked_requests"] == blocked);
}

}  // namespace workmux::test
