#include "daemon/domain/sandbox_inventory.h"

#include "daemon/async/thread_pool.h"
#include "tests/fakes/session_world.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

using daemon::FindUnused;
using daemon::ImageChoice;
using daemon::SandboxInfo;
using daemon::SessionRecord;
using daemon::UnusedThings;

// A session is opened while the engine is being asked.
class BusyBackend : public FakeSandboxBackend {
 public:
  BusyBackend(SandboxLog& log, daemon::SessionDirectory& sessions)
      : FakeSandboxBackend("docker", log), sessions_(sessions) {}

  absl::StatusOr<std::vector<SandboxInfo>> List() override {
    SessionRecord record;
    record.id = "new";
    record.sandbox = "wm-new";
    record.backend = "docker";
    sessions_.Put(record);
    existing["wm-new"] = {"wm-new", "new", false};
    return FakeSandboxBackend::List();
  }

 private:
  daemon::SessionDirectory& sessions_;
};

class BrokenStore : public FakeImageStore {
 public:
  absl::StatusOr<std::string> IdOf(const std::string& image) override {
    return failure.ok() ? FakeImageStore::IdOf(image) : failure;
  }
  absl::Status failure;
};

struct PruneWorld : SessionWorld {
  UnusedThings Find(daemon::SandboxBackend& engine, const ImageChoice& choice = {}) {
    const daemon::SandboxBackends asked{{"docker", &engine}};
    return FindUnused(daemon::TakeInventory(*directory, asked, "docker", /*usage=*/false, pool),
                      choice);
  }
  daemon::ThreadPool pool{"prune", 1, 2};
};

std::string NamesOf(const UnusedThings& unused) {
  std::string names;
  for (const daemon::SandboxEntry& entry : unused.sandboxes) names += entry.name + " ";
  return names;
}

}  // namespace

TEST_CASE("SandboxInventory: a sandbox that is made meanwhile is nobody's orphan") {
  PruneWorld w;
  BusyBackend busy(w.log, *w.directory);
  busy.existing["wm-left"] = {"wm-left", "left", false};
  CHECK(NamesOf(w.Find(busy)) == "wm-left ");
}

TEST_CASE("SandboxInventory: one in which something runs is never unused") {
  PruneWorld w;
  w.container.existing["wm-stopped"] = {"wm-stopped", "a", false};
  w.container.existing["wm-running"] = {"wm-running", "b", true};
  CHECK(NamesOf(w.Find(w.container)) == "wm-stopped ");
  w.log.failures["list"] = Unavailable("the engine does not answer");
  CHECK(NamesOf(w.Find(w.container)).empty());
}

TEST_CASE("SandboxInventory: without knowing which image is configured none goes") {
  PruneWorld w;
  BrokenStore store;
  store.superseded = {{"sha256:old", "1MB"}, {"sha256:own", "2MB"}};
  const ImageChoice choice{.store = &store, .backend = nullptr, .image = "mine", .agent = {}};
  store.SetLocal("mine", "sha256:own");
  UnusedThings unused = w.Find(w.container, choice);
  REQUIRE(unused.images.size() == 1);
  CHECK(unused.images[0].id == "sha256:old");

  store.failure = Unavailable("the engine does not answer");
  unused = w.Find(w.container, choice);
  CHECK(unused.images.empty());
  REQUIRE(unused.warnings.size() == 1);
  CHECK_THAT(unused.warnings[0], Catch::Contains("does not answer"));

  // One that is not here is not among them.
  store.failure = WithReason(NotFound("mine: no such image"), "IMAGE_NOT_FOUND");
  CHECK(w.Find(w.container, choice).images.size() == 2);
}

}  // namespace workmux::test
