#include "tests/integration/sandbox_git/boundary.h"
#include "tests/support/git_verbs.h"

namespace workmux::test {
namespace {

TEST_CASE("sandbox git: everyday commands leave the state that they leave outside", "[git]") {
  if (!CanSandbox()) return;
  for (const GitVerb& verb : kGitVerbs) {
    INFO(verb.name << ": " << verb.script);
    GitWorld sandboxed;
    GitWorld plain;
    Boundary boundary(sandboxed);
    const auto before = sandboxed.HostFiles();
    const std::string host_objects =
        sandboxed.Out(sandboxed.common(), "find objects -type f | sort");

    const CommandResult inside = boundary.Inside(verb.script);
    const CommandResult outside = plain.Run(plain.wt(), verb.script, /*must=*/false);
    INFO("inside: " << inside.out << inside.err);
    INFO("outside: " << outside.out << outside.err);
    CHECK(inside.exit.ShellCode() == outside.exit.ShellCode());
    CHECK(inside.out == outside.out);
    const std::string state = plain.Run(plain.wt(), kGitState, /*must=*/false).out;
    CHECK(state.find("refs/heads/main") != std::string::npos);
    CHECK(boundary.Inside(kGitState).out == state);

    CHECK(sandboxed.HostFiles() == before);
    CHECK(sandboxed.Out(sandboxed.common(), "find objects -type f | sort") == host_objects);
  }
}

TEST_CASE("sandbox git: a commit inside the main checkout behaves as outside", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world(GitWorld::Kind::kNoLinked);
  GitWorld plain(GitWorld::Kind::kNoLinked);
  Boundary boundary(world, world.Main());
  const std::string script =
      "echo 9 >> f; git commit -qam nine; git stash list; git rebase -q clean; git branch -D other";
  boundary.MustInside(script);
  plain.Run(plain.main(), script);
  CHECK(boundary.Inside(kGitState).out == plain.Run(plain.main(), kGitState).out);
}

}  // namespace
}  // namespace workmux::test
