#include <sys/wait.h>

#include <csignal>

#include "tests/fakes/session_world.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::SessionWorld;
using test::WaitUntil;

// A process that lives until the test ends it.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;) ::pause();
  }
  ~Child() { End(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

// A session whose client is `child`, in a daemon that has been restarted.
std::string Resumed(SessionWorld& w, const Child& child) {
  SessionRequest request = w.Request();
  request.client_pid = child.pid();
  const std::string id = test::Must(w.manager->Open(request, w.progress, {})).session_id;
  w.manager->BeginShutdown();
  w.Restart();
  return id;
}

TEST_CASE("SessionManager: a session whose client died with the daemon is removed after a while") {
  SessionWorld w;
  Child client;
  Resumed(w, client);
  client.End();
  REQUIRE_OK(w.manager->Restore());
  CHECK(WaitUntil([&] {
    w.executor.RunAll();
    return w.NothingLeft();
  }));
  CHECK(w.log.Count("release") == 1);
}

TEST_CASE(
    "SessionManager: a client that lives keeps its unleased sandbox, and takes it along when it "
    "ends") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  REQUIRE_OK(w.manager->Restore());
  // Longer than an unclaimed session is kept.
  CHECK_FALSE(WaitUntil(
      [&] {
        w.executor.RunAll();
        return w.NothingLeft();
      },
      std::chrono::milliseconds(100)));
  CHECK(w.session_records.sessions.contains(id));
  client.End();
  CHECK(WaitUntil([&] {
    w.executor.RunAll();
    return w.NothingLeft();
  }));
}

TEST_CASE(
    "SessionManager: a session that was resumed is not ended by the wait for its old client") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  REQUIRE_OK(w.manager->Restore());
  REQUIRE_OK(w.manager->Lease(id, [](const absl::Status&) {}));
  client.End();
  CHECK_FALSE(WaitUntil(
      [&] {
        w.executor.RunAll();
        return w.NothingLeft();
      },
      std::chrono::milliseconds(100)));
  CHECK(w.manager->IsLeased(id));
}

TEST_CASE("SessionManager: a client that ends while the daemon stops is left to the next daemon") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  REQUIRE_OK(w.manager->Restore());
  w.executor.RunAll();
  SECTION("before the stop") {
    client.End();
    REQUIRE(WaitUntil([&] { return w.executor.waiting() > 0; }));
    w.manager->BeginShutdown();
  }
  SECTION("after it") {
    w.manager->BeginShutdown();
    client.End();
    CHECK_FALSE(
        WaitUntil([&] { return w.executor.waiting() > 0; }, std::chrono::milliseconds(100)));
  }
  w.executor.RunAll();
  CHECK(w.session_records.sessions.contains(id));
  CHECK(w.log.Count("release") == 0);
}

TEST_CASE("SessionManager: orphans are removed, sandboxes with a session stay") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  const std::string mine = w.session_records.sessions.at(id).sandbox;
  w.container.existing["wm-orphan"] = {"wm-orphan", "gone", true};
  w.confined.existing["wm-held"] = {"wm-held", "gone", true};
  REQUIRE_OK(w.manager->Restore());
  w.executor.RunAll();
  CHECK(w.container.existing.size() == 1);
  CHECK(w.container.existing.contains(mine));
  // Where a sandbox ends with its client there are no orphans, only others' sandboxes.
  CHECK(w.confined.existing.contains("wm-held"));
}

TEST_CASE("SessionManager: an engine that does not answer loses no sandbox") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  w.container.existing["wm-orphan"] = {"wm-orphan", "gone", true};
  w.log.failures["list"] = Unavailable("the engine is away");
  REQUIRE_OK(w.manager->Restore());
  w.executor.RunAll();
  CHECK(w.container.existing.size() == 2);
  CHECK(w.session_records.sessions.contains(id));
}

TEST_CASE("SessionManager: a bridge that cannot be reopened does not end the session") {
  SessionWorld w;
  Child client;
  const std::string id = Resumed(w, client);
  w.log.failures["open"] = AlreadyExists("the port is taken");
  REQUIRE_OK(w.manager->Restore());
  CHECK(w.directory->Find(id));
  REQUIRE_OK(w.manager->Lease(id, [](const absl::Status&) {}));
}

}  // namespace
}  // namespace workmux::daemon
