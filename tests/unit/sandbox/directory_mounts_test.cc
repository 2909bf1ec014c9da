#include "daemon/adapters/container/directory_mounts.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

FileKind Kind(const fs::path& path) {
  if (path.filename() == "empty") return FileKind::kEmptyFile;
  return path.extension() == ".file" || path.filename() == ".git" ? FileKind::kFile
                                                                  : FileKind::kDirectory;
}

TEST_CASE("DirectoryMounts: directories stay, files become paths of the container") {
  const std::vector<Mount> mounts = {{"/repo", "/repo", true},
                                     {"/state/git", "/repo/.git", true},
                                     {"/tree", "/tree", true},
                                     {"/tree/.git", "/tree/.git", false},
                                     {"/state/empty", "/repo/.git/alternates", false}};
  const DirectoryMounts planned = test::Must(PlanDirectoryMounts(mounts, &Kind));
  CHECK(planned.mounts.size() == 3);
  CHECK(planned.guarded.hidden == std::vector<fs::path>{"/repo/.git/alternates"});
  CHECK(planned.guarded.read_only == std::vector<fs::path>{"/tree/.git"});
}

TEST_CASE("DirectoryMounts: a file that nothing shows, or that is written, cannot be mounted") {
  const auto reason = [](const Mount& file) {
    const std::vector<Mount> mounts = {{"/repo", "/repo", true}, file};
    return ReasonOf(PlanDirectoryMounts(mounts, &Kind).status());
  };
  CHECK(reason({"/repo/a.file", "/repo/a.file", false}).empty());
  CHECK(reason({"/repo/empty", "/repo/b", false}).empty());
  CHECK(reason({"/repo/a.file", "/repo/a.file", true}) == "MOUNT_NEEDS_FILE");
  CHECK(reason({"/repo/a.file", "/repo/b.file", false}) == "MOUNT_NEEDS_FILE");
  CHECK(reason({"/elsewhere/a.file", "/elsewhere/a.file", false}) == "MOUNT_NEEDS_FILE");
  CHECK(reason({"/elsewhere/empty", "/elsewhere/empty", false}) == "MOUNT_NEEDS_FILE");
}

}  // namespace
}  // namespace workmux::daemon
