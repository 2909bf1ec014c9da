#include "daemon/sandbox_git/host_refs.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/ref_name.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPackedRefs = std::size_t{1} << 30;  // bytes
constexpr std::size_t kMaxLooseRef = 4096;                    // bytes
constexpr int kMaxDepth = 64;

bool IsShared(std::string_view name) {
  constexpr auto kHidden = std::to_array<std::string_view>(
      {"refs/bisect/", "refs/worktree/", "refs/rewritten/", "refs/workmux/"});
  return name.starts_with("refs/") && name != "refs/stash" &&
         std::none_of(kHidden.begin(), kHidden.end(),
                      [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// "<id>\n" or "ref: <name>\n"; anything else is a half-made or broken ref, which
// git itself ignores with a warning.
void AddLoose(HostRefs& refs, const std::string& name, std::string_view content) {
  content = Trim(content);
  if (content.starts_with("ref: ")) {
    refs.symbolic[name] = std::string(Trim(content.substr(5)));
  } else if (IsObjectId(content)) {
    refs.refs[name] = {std::string(content), ""};
  }
}

absl::Status AddLooseBelow(HostRefs& refs, const fs::path& dir, const std::string& prefix,
                           int depth) {
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const std::string name = prefix + "/" + entries->path().filename().string();
    const fs::file_type type = entries->symlink_status(error).type();
    if (type == fs::file_type::directory && depth < kMaxDepth) {
      WM_RETURN_IF_ERROR(AddLooseBelow(refs, entries->path(), name, depth + 1));
    } else if (type == fs::file_type::regular && !name.ends_with(".lock") && IsShared(name)) {
      absl::StatusOr<std::string> content = ReadFile(entries->path(), kMaxLooseRef);
      if (absl::IsNotFound(content.status())) continue;  // packed or deleted meanwhile
      if (!content.ok()) return content.status();
      AddLoose(refs, name, *content);
    }
  }
  // A directory that git removed because its last ref went away.
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();
  return error ? ErrnoStatus(error.value(), dir.string()) : absl::OkStatus();
}

absl::Status AddPacked(HostRefs& refs, std::string_view text) {
  HostRef* last = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '^') {
      if (last != nullptr && IsObjectId(line.substr(1))) last->peeled = line.substr(1);
      continue;
    }
    last = nullptr;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !IsObjectId(line.substr(0, space))) {
      return DataLoss("packed-refs: unexpected line '{}'", Printable(line.substr(0, 80)));
    }
    const std::string_view name = line.substr(space + 1);
    if (!IsShared(name) || refs.symbolic.contains(name)) continue;
    const std::size_t before = refs.refs.size();
    // The file is sorted, so the end is the right place nearly always.
    const auto at = refs.refs.try_emplace(refs.refs.end(), std::string(name),
                                          HostRef{std::string(line.substr(0, space)), ""});
    if (refs.refs.size() != before) last = &at->second;
  }
  return absl::OkStatus();
}

absl::StatusOr<HostRefs> ReadWithGit(CommandRunner& runner, const fs::path& common_dir,
                                     std::stop_token stop) {
  RunOptions options;
  options.stop = std::move(stop);
  options.max_output = kMaxPackedRefs;
  WM_ASSIGN_OR_RETURN(
      const std::string out,
      RunForOutput(runner,
                   HardenedGit(common_dir, "",
                               {"for-each-ref", "--format=%(objectname) %(refname) %(symref)"}),
                   options));
  HostRefs refs;
  for (const std::string& line : SplitLines(out)) {
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() != 3 || !IsShared(fields[1])) continue;
    if (fields[2].empty()) {
      refs.refs[fields[1]] = {fields[0], ""};
    } else {
      refs.symbolic[fields[1]] = fields[2];
    }
  }
  return refs;
}

}  // namespace

absl::StatusOr<HostRefs> ReadHostRefs(CommandRunner& runner, const fs::path& common_dir,
                                      std::stop_token stop) {
  std::error_code error;
  if (fs::exists(common_dir / "reftable", error)) {
    return ReadWithGit(runner, common_dir, std::move(stop));
  }
  // Loose before packed: `git pack-refs` writes the packed file first.
  HostRefs refs;
  WM_RETURN_IF_ERROR(AddLooseBelow(refs, common_dir / "refs", "refs", 0));
  absl::StatusOr<std::string> packed = ReadFile(common_dir / "packed-refs", kMaxPackedRefs);
  if (packed.ok()) {
    WM_RETURN_IF_ERROR(AddPacked(refs, *packed));
  } else if (!absl::IsNotFound(packed.status())) {
    return packed.status();
  }
  return refs;
}

std::string FormatPackedRefs(const HostRefs& refs) {
  // Not "fully-peeled": tags from loose files come without their target.
  std::string text = "# pack-refs with: sorted \n";
  for (const auto& [name, ref] : refs.refs) {
    text.append(ref.id).append(" ").append(name).append("\n");
    if (!ref.peeled.empty()) text.append("^").append(ref.peeled).append("\n");
  }
  return text;
}

}  // namespace workmux::daemon
