#include "daemon/config/config_loader.h"

#include <array>
#include <optional>
#include <system_error>

#include "common/base/status.h"
#include "common/io/file.h"
#include "daemon/config/config_layer.h"
#include "daemon/config/config_trust.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kGlobalNames = {"config.yaml", "config.yml"};
constexpr std::array<std::string_view, 2> kProjectNames = {".workmux.yaml", ".workmux.yml"};

absl::Status FileError(const fs::path& file, const absl::Status& status) {
  const absl::Status unreadable =
      WithReason(Annotate(status, "cannot read the configuration"), "CONFIG_UNREADABLE");
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(file, error))) {
    return WithHint(unreadable, Format("put a file in the place of the link {}", file.string()));
  }
  return WithHint(unreadable, "make it a file of at most 1 MiB that you can read");
}

absl::StatusOr<std::optional<ConfigText>> ReadIfPresent(const fs::path& root,
                                                        const fs::path& relative, bool trusted) {
  const fs::path file = root / relative;
  absl::StatusOr<std::string> text = trusted ? ReadFile(file) : ReadFileBeneath(root, relative);
  if (text.ok()) return ConfigText{file.string(), *std::move(text)};
  if (text.status().code() == absl::StatusCode::kNotFound) return std::nullopt;
  return FileError(file, text.status());
}

absl::StatusOr<std::optional<ConfigText>> ReadGlobal(const fs::path& dir) {
  std::optional<ConfigText> found;
  if (dir.empty()) return found;
  for (const std::string_view name : kGlobalNames) {
    WM_ASSIGN_OR_RETURN(std::optional<ConfigText> text, ReadIfPresent(dir, name, true));
    if (text && found) {
      return WithHint(
          WithReason(FailedPrecondition("both {} and {} exist", found->file, text->file),
                     "CONFIG_AMBIGUOUS"),
          "Keep one of the two files.");
    }
    if (text) found = std::move(text);
  }
  return found;
}

struct ProjectFile {
  ConfigText text;
  fs::path relative_dir = ".";
};

absl::StatusOr<std::optional<ProjectFile>> ReadProjectIn(const fs::path& root,
                                                         const fs::path& relative_dir,
                                                         std::vector<std::string>& warnings) {
  std::optional<ProjectFile> found;
  for (const std::string_view name : kProjectNames) {
    const fs::path relative = relative_dir == "." ? fs::path(name) : relative_dir / name;
    WM_ASSIGN_OR_RETURN(std::optional<ConfigText> text, ReadIfPresent(root, relative, false));
    if (!text) continue;
    if (found) {
      warnings.push_back(Format("{}: ignored, because {} exists", text->file, found->text.file));
    } else {
      found = ProjectFile{*std::move(text), relative_dir};
    }
  }
  return found;
}

// "." for a cwd outside of the worktree.
fs::path RelativeCwd(const ConfigLocation& location) {
  const fs::path relative =
      location.cwd.lexically_normal().lexically_relative(location.worktree_root.lexically_normal());
  if (relative.empty() || *relative.begin() == "..") return ".";
  return relative;
}

absl::StatusOr<std::optional<ProjectFile>> ReadProject(const ConfigLocation& location,
                                                       std::vector<std::string>& warnings) {
  if (!location.override_file.empty()) {
    absl::StatusOr<std::string> text = ReadFile(location.override_file);
    if (!text.ok()) return FileError(location.override_file, text.status());
    return ProjectFile{{location.override_file.string(), *std::move(text)}, "."};
  }
  if (location.worktree_root.empty()) return std::nullopt;
  for (fs::path dir = RelativeCwd(location);; dir = dir.parent_path()) {
    if (dir.empty()) dir = ".";
    WM_ASSIGN_OR_RETURN(std::optional<ProjectFile> found,
                        ReadProjectIn(location.worktree_root, dir, warnings));
    if (found) return found;
    if (dir == ".") break;
  }
  if (location.main_worktree.empty() || location.main_worktree == location.worktree_root) {
    return std::nullopt;
  }
  return ReadProjectIn(location.main_worktree, ".", warnings);
}

}  // namespace

absl::StatusOr<LoadedConfig> LoadConfig(const ConfigLocation& location) {
  LoadedConfig loaded;
  WM_ASSIGN_OR_RETURN(const std::optional<ConfigText> global, ReadGlobal(location.global_dir));
  WM_ASSIGN_OR_RETURN(const std::optional<ProjectFile> project,
                      ReadProject(location, loaded.warnings));
  std::optional<ConfigText> project_text;
  if (global) loaded.source.global_file = global->file;
  if (project) {
    project_text = project->text;
    loaded.source.project_file = project->text.file;
    loaded.source.relative_dir = project->relative_dir;
    WM_ASSIGN_OR_RETURN(loaded.source.project_sha256, Sha256Hex(project->text.text));
  }
  WM_ASSIGN_OR_RETURN(loaded.config, BuildConfig(global, project_text, loaded.warnings));
  return loaded;
}

}  // namespace workmux::daemon
