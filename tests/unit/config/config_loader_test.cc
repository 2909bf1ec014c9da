#include "daemon/config/config_loader.h"

#include <sys/stat.h>

#include <fstream>

#include "daemon/config/config_trust.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::Must;
using test::TempDir;
using test::WriteFile;

// A home, a main worktree and a linked one.
struct Place {
  TempDir dir;
  fs::path root = fs::canonical(dir.path());
  ConfigLocation location{root / "config", root / "wt", root / "wt", root / "main", {}};

  Place() {
    for (const char* name : {"config", "wt/a/b", "main"}) fs::create_directories(root / name);
  }
  LoadedConfig Load() const { return Must(LoadConfig(location)); }
  absl::Status Error() const { return LoadConfig(location).status(); }
};

TEST_CASE("ConfigLoader: without files there are defaults", "[config]") {
  Place place;
  const LoadedConfig loaded = place.Load();
  CHECK(loaded.source.global_file.empty());
  CHECK(loaded.source.project_file.empty());
  CHECK(loaded.source.project_sha256.empty());
  CHECK(loaded.source.relative_dir == ".");
  CHECK(loaded.config.agent.empty());
  CHECK_FALSE(loaded.config.pre_remove.has_value());
  // What an absent list means depends on the command.
  CHECK_FALSE(loaded.config.panes.has_value());
}

TEST_CASE("ConfigLoader: the nearest project file up to the worktree's root is read", "[config]") {
  Place place;
  WriteFile(place.root / ".workmux.yaml", "agent: outside\n");
  WriteFile(place.root / "main/.workmux.yaml", "agent: main\n");
  CHECK(place.Load().config.agent == "main");
  CHECK(place.Load().source.relative_dir == ".");

  WriteFile(place.root / "wt/.workmux.yml", "agent: root\nmerge_keep: true\n");
  place.location.cwd = place.root / "wt/a/b";
  CHECK(place.Load().config.agent == "root");

  WriteFile(place.root / "wt/a/.workmux.yaml", "agent: nested\n");
  const LoadedConfig loaded = place.Load();
  CHECK(loaded.config.agent == "nested");
  CHECK_FALSE(loaded.config.merge_keep);
  CHECK(loaded.source.relative_dir == "a");
  CHECK(loaded.source.project_file == place.root / "wt/a/.workmux.yaml");
  CHECK(loaded.source.project_sha256 == Must(Sha256Hex("agent: nested\n")));

  place.location.cwd = place.root;
  CHECK(place.Load().config.agent == "root");
}

TEST_CASE("ConfigLoader: two global files are an error", "[config]") {
  Place place;
  WriteFile(place.root / "config/config.yaml", "");
  WriteFile(place.root / "config/config.yml", "");
  const absl::Status status = place.Error();
  CHECK(ReasonOf(status) == "CONFIG_AMBIGUOUS");
  CHECK(HintOf(status) == "Keep one of the two files.");
}

TEST_CASE("ConfigLoader: of two project files the second is named and ignored", "[config]") {
  Place place;
  WriteFile(place.root / "wt/.workmux.yaml", "agent: a\n");
  WriteFile(place.root / "wt/.workmux.yml", "agent: b\n");
  const LoadedConfig loaded = place.Load();
  CHECK(loaded.config.agent == "a");
  CHECK(loaded.warnings ==
        std::vector<std::string>{Format("{}: ignored, because {} exists",
                                        (place.root / "wt/.workmux.yml").string(),
                                        (place.root / "wt/.workmux.yaml").string())});
}

TEST_CASE("ConfigLoader: a file given by hand takes the project file's place", "[config]") {
  Place place;
  WriteFile(place.root / "wt/.workmux.yaml", "agent: a\n");
  WriteFile(place.root / "other.yaml", "merge_keep: true\nsandbox: {git: shared}\n");
  place.location.override_file = place.root / "other.yaml";
  const LoadedConfig loaded = place.Load();
  CHECK(loaded.config.agent.empty());
  CHECK(loaded.config.merge_keep);
  CHECK(loaded.config.sandbox.git == SandboxGit::kClone);
  CHECK(loaded.warnings.size() == 1);

  place.location.override_file = place.root / "absent.yaml";
  CHECK_CODE(place.Error(), absl::StatusCode::kNotFound);
}

TEST_CASE("ConfigLoader: the global file may be a link", "[config]") {
  Place place;
  WriteFile(place.root / "dotfiles.yaml", "agent: linked\n");
  fs::create_symlink(place.root / "dotfiles.yaml", place.root / "config/config.yaml");
  CHECK(place.Load().config.agent == "linked");
}

TEST_CASE("ConfigLoader: a project file that is no plain file is an error, not absent",
          "[config]") {
  Place place;
  const fs::path file = place.root / "wt/.workmux.yaml";
  WriteFile(place.root / "main/.workmux.yaml", "agent: main\n");
  SECTION("link") {
    WriteFile(place.root / "secret", "agent: secret\n");
    fs::create_symlink(place.root / "secret", file);
  }
  SECTION("dangling link") { fs::create_symlink("nowhere", file); }
  SECTION("FIFO") { REQUIRE(mkfifo(file.c_str(), 0600) == 0); }
  SECTION("directory") { fs::create_directory(file); }
  SECTION("too large") { WriteFile(file, std::string((1u << 20) + 1, '#')); }
  const absl::Status status = place.Error();
  CHECK_FALSE(status.ok());
  CHECK(ReasonOf(status) == "CONFIG_UNREADABLE");
  CHECK(MessageOf(status).find(file.string()) != std::string::npos);
}

TEST_CASE("ConfigLoader: a directory on the way that is a link is an error", "[config]") {
  Place place;
  fs::create_directory(place.root / "elsewhere");
  WriteFile(place.root / "elsewhere/.workmux.yaml", "agent: elsewhere\n");
  fs::create_directory_symlink(place.root / "elsewhere", place.root / "wt/link");
  place.location.cwd = place.root / "wt/link";
  CHECK(ReasonOf(place.Error()) == "CONFIG_UNREADABLE");
}

TEST_CASE("ConfigLoader: a file of exactly 1 MiB is read", "[config]") {
  Place place;
  std::string text = "agent: big\n";
  text += std::string((1u << 20) - text.size(), '\n');
  WriteFile(place.root / "wt/.workmux.yaml", text);
  CHECK(place.Load().config.agent == "big");
}

TEST_CASE("ConfigLoader: errors name the file by its path", "[config]") {
  Place place;
  WriteFile(place.root / "wt/.workmux.yaml", "sandbox:\n  enabled: maybe\n");
  const absl::Status status = place.Error();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(MessageOf(status) ==
        Format("{}:2:12: sandbox.enabled: expected true or false, found the text \"maybe\"",
               (place.root / "wt/.workmux.yaml").string()));
}

TEST_CASE("ConfigLoader: outside of a repository only the global file counts", "[config]") {
  Place place;
  WriteFile(place.root / "wt/.workmux.yaml", "agent: project\n");
  WriteFile(place.root / "config/config.yaml", "agent: global\n");
  place.location.worktree_root.clear();
  place.location.main_worktree.clear();
  CHECK(place.Load().config.agent == "global");
}

}  // namespace
}  // namespace workmux::daemon
