// Repositories whose contents are not all where git usually keeps them.

#include "tests/integration/sandbox_git/boundary.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr char kPointer[] =
    "version https://git-lfs.github.com/spec/v1\\noid sha256:"
    "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\\nsize 12345\\n";

TEST_CASE("Partial clone: what is there works inside, what is missing is asked for outside",
          "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(),
            "echo old > blob; git add blob; git commit -qm old; echo new > blob;"
            "git commit -qam new");
  world.Run(world.root(),
            "git -C main worktree remove -f ../wt; mv main full;"
            "git -C full config uploadpack.allowFilter true;"
            "git -C full config uploadpack.allowAnySHA1InWant true;"
            "git clone -q --filter=blob:none file://$PWD/full main;"
            "git -C main branch -q topic origin/topic; git -C main worktree add -q ../wt topic");
  const std::string missing = "git rev-list --objects --all --missing=print | grep -c '^?' || true";
  const std::string before = world.Out(world.main(), missing);
  REQUIRE(before != "0");
  Boundary boundary(world);
  CHECK(boundary.MustInside("git status --porcelain").empty());
  CHECK(boundary.MustInside("git log --format=%s -2") == "new\nold");
  const std::string tip = boundary.MustInside(
      "echo newer > blob; git commit -qam newer; echo 1 > added; git add added; git commit -qm "
      "added; git rev-parse HEAD");
  REQUIRE_OK(boundary.Import());
  CHECK(boundary.HostTip() == tip);
  CHECK(world.Out(world.wt(), "git status --porcelain").empty());
  // Neither side fetched what nobody asked for.
  CHECK(world.Out(world.main(), missing) == before);

  // The remote is out of reach inside: git says so, and nothing is half done.
  const CommandResult old = boundary.Inside("git cat-file -p topic~3:blob");
  CHECK_FALSE(old.exit.ok());
  CHECK(old.out.empty());
  CHECK(boundary.MustInside("git status --porcelain; git rev-parse HEAD") == tip);
  // What the host fetches is there inside at once.
  CHECK(world.Out(world.main(), "git cat-file -p topic~3:blob") == "old");
  CHECK(boundary.MustInside("git cat-file -p topic~3:blob") == "old");
}

struct LfsWorld : GitWorld {
  LfsWorld() {
    const std::string filter = "touch '" + marker().string() + "'; cat";
    Run(wt(), "git config filter.lfs.clean \"" + filter + "\"; git config filter.lfs.smudge cat;" +
                  "printf '*.bin filter=lfs\\n' > .gitattributes; printf '" + kPointer +
                  "' > a.bin; touch -d 2020-01-01 a.bin; git add .; git commit -qm pointers");
    WriteFile(common() / "lfs/objects/4d/7a/object", "large");
    fs::remove(marker());
  }
  fs::path marker() const { return root() / "ran"; }
};

TEST_CASE("LFS: the host's filter runs neither inside nor when a branch is taken", "[git]") {
  if (!CanSandbox()) return;
  LfsWorld world;
  Boundary boundary(world);
  CHECK(boundary.MustInside("git status --porcelain").empty());
  CHECK(boundary.MustInside("git config filter.lfs.clean") == "git-lfs clean -- %f");
  CHECK(boundary.MustInside("cat /run/workmux/lfs/objects/4d/7a/object") == "large");
  CHECK_FALSE(boundary.Inside("echo x > /run/workmux/lfs/objects/4d/7a/object").exit.ok());
  // A file that only looks changed, and a branch that moves.
  boundary.MustInside("echo 9 >> f; git commit -qm nine f");
  world.Run(world.wt(), "touch a.bin");
  CHECK(Must(boundary.Import()).changed);
  CHECK(boundary.HostTip() == boundary.MustInside("git rev-parse HEAD"));
  CHECK_FALSE(fs::exists(world.marker()));
  // Control: the user's own git runs it for the same file, and finds nothing changed.
  CHECK(world.Out(world.wt(), "touch a.bin; git status --porcelain").empty());
  CHECK(fs::exists(world.marker()));
}

TEST_CASE("LFS: without git-lfs inside, no content is committed in a pointer's place", "[git]") {
  if (!CanSandbox()) return;
  LfsWorld world;
  if (world.Run(world.root(), "command -v git-lfs", false).exit.ok()) {
    WARN("SKIPPED: git-lfs is installed");
    return;
  }
  Boundary boundary(world);
  const std::string before = boundary.MustInside("git rev-parse HEAD");
  const CommandResult refused = boundary.Inside("echo large > a.bin; git commit -qam large");
  CHECK_FALSE(refused.exit.ok());
  CHECK(refused.err.find("git-lfs") != std::string::npos);
  CHECK(boundary.MustInside("git rev-parse HEAD") == before);
  boundary.MustInside(
      "git -c filter.lfs.required=false -c filter.lfs.process= -c "
      "filter.lfs.clean= commit -qam anyway");
  CHECK_OK(boundary.Import());
}

TEST_CASE("LFS: a link in place of the host's store is not mounted", "[git]") {
  if (!CanSandbox()) return;
  LfsWorld world;
  WriteFile(world.root() / "secret/4d/7a/object", "secret");
  const fs::path store = world.common() / "lfs/objects";
  fs::remove_all(store);
  fs::create_directory_symlink(world.root() / "secret", store);
  Boundary boundary(world);
  CHECK_FALSE(boundary.Inside("cat /run/workmux/lfs/objects/4d/7a/object").exit.ok());
}

}  // namespace
}  // namespace workmux::test
