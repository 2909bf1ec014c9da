#include <filesystem>

#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

WorkmuxWorld::Where At(const fs::path& cwd) { return {.cwd = cwd, .env = {}, .input = {}}; }

// A sandbox on the branch has written a configuration with a hook.
void PlantConfig(Flows& f) {
  f.world.Must({"add", "boxed", "-b", "-C"});
  const CommandResult wrote = f.world.Run(
      {"sandbox", "run", ".", "--", "sh", "-c",
       "printf 'agent: claude\\npost_create: [\"touch $HOME/pwned\"]\\n' >.workmux.yaml && "
       "git add .workmux.yaml && git commit --quiet -m config"},
      At(f.Path("boxed")));
  INFO(wrote.out << wrote.err);
  REQUIRE(wrote.exit.ok());
}

}  // namespace

TEST_CASE("trust: what a sandbox wrote is not acted on before a person agrees", "[worktrees]") {
  if (!HaveTmux() || !HaveBubblewrap()) return;
  Flows f("agent: claude\nsandbox:\n  backend: namespace\n");
  PlantConfig(f);
  const std::string before = f.State();
  const CommandResult refused = f.world.Run({"add", "next", "-b"}, At(f.Path("boxed")));
  CHECK(Refusal(refused, 1, ".workmux.yaml") == "");
  CHECK(refused.err.find("workmux trust") != std::string::npos);
  CHECK(f.State() == before);
  CHECK_FALSE(fs::exists(f.world.home() / "pwned"));
  // Looking does no harm, and the main checkout is as it was.
  CHECK(f.world.Run({"list"}, At(f.Path("boxed"))).exit.ok());
  f.world.Must({"add", "other", "-b"});

  CHECK(Refusal(f.world.Run({"trust"}, At(f.Path("boxed"))), 2, "no terminal") == "");
  CHECK(f.world.Must({"trust", "--yes"}, At(f.Path("boxed"))).find("trusted") == 0);
  f.world.Must({"add", "next", "-b"}, At(f.Path("boxed")));
  CHECK(fs::exists(f.world.home() / "pwned"));
  CHECK(f.world.Must({"trust"}, At(f.Path("boxed"))).find("nothing to trust") == 0);
}

TEST_CASE("trust: on a terminal the change is shown first", "[worktrees]") {
  if (!HaveTmux() || !HaveBubblewrap()) return;
  Flows f("agent: claude\nsandbox:\n  backend: namespace\n");
  PlantConfig(f);
  const auto add = [&] {
    return f.world.StartCommand(
        {"sh", "-c", "cd \"$0\" && exec workmux add next -b", f.Path("boxed").string()},
        Program::Terminal());
  };
  {
    auto asking = add();
    REQUIRE(asking->Prints("[y/N]"));
    CHECK(asking->out().find("pwned") != std::string::npos);
    asking->Type("n\n");
    CHECK(asking->Wait() == 1);
    CHECK_FALSE(fs::exists(f.Path("next")));
  }
  auto asking = add();
  REQUIRE(asking->Prints("[y/N]"));
  asking->Type("y\n");
  CHECK(asking->Wait() == 0);
  CHECK(fs::exists(f.world.home() / "pwned"));
}

}  // namespace workmux::test
