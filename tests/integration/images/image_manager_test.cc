#include "daemon/domain/image_manager.h"

#include "daemon/adapters/store/sqlite_store.h"
#include "tests/fakes/manual_executor.h"
#include "tests/integration/images/engines.h"

namespace workmux::daemon {
namespace {

// A day with a real registry that stands in for the official one.
TEST_CASE("ImageManager: first pull, notice of a newer image, and the pull that ends it") {
  for (const std::string& engine : test::Engines()) {
    INFO(engine);
    test::EngineWorld w(engine);
    test::TempDir dir;
    const auto store = test::Must(SqliteStore::Open(dir / "s.db"));
    test::ManualExecutor executor;
    std::int64_t now = 1'000'000;
    ImageManager manager({.records = *store,
                          .executor = executor,
                          .now = [&] { return now; },
                          .official_repository = w.registry.host() + "/raine/workmux-sandbox"});
    const std::string image = w.Image("raine/workmux-sandbox:claude");
    const auto start = [&] {
      test::FakeProgress progress;
      manager.NoteStart(w.images, image, progress);
      executor.RunAll();
      return progress.warnings;
    };

    w.registry.PushIndex("raine/workmux-sandbox:claude", "monday");
    REQUIRE(ReasonOf(w.images.IdOf(image).status()) == "IMAGE_NOT_FOUND");
    REQUIRE_OK(manager.Use(&w.images, image, [&] { return w.images.IdOf(image).status(); },
                           w.progress, {}));
    executor.RunAll();
    const std::string first = test::Must(w.images.IdOf(image));
    CHECK(start().empty());
    w.registry.PushIndex("raine/workmux-sandbox:claude", "tuesday");
    CHECK(start().empty());
    CHECK(start().empty());  // asked today already
    now += 24 * 60 * 60;
    CHECK(start().empty());  // asks, behind the start
    CHECK(start().size() == 1);
    REQUIRE_OK(manager.Pull(w.images, image, w.progress, {}));
    CHECK(start().empty());
    w.Forget(image);
    w.Forget(first);
  }
}

}  // namespace
}  // namespace workmux::daemon
