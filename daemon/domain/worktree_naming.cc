#include "daemon/domain/worktree_naming.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// A ref's last part is a file with ".lock" behind it while it changes.
constexpr std::size_t kMaxRefComponent = 250;

// White space and invisible characters beyond ASCII (Unicode property
// White_Space, and the zero-width format characters), as UTF-8.
constexpr std::array<std::string_view, 24> kBlank = {
    "\u00A0", "\u00AD", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
    "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u200B", "\u200C",
    "\u200D", "\u2028", "\u2029", "\u202F", "\u205F", "\u2060", "\u3000", "\uFEFF"};

// FNV-1a, 32 bits of it: tells long names apart, no security rests on it.
std::string ShortHash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return Format("{:08x}", static_cast<std::uint32_t>(hash ^ (hash >> 32u)));
}

std::size_t SequenceLength(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

std::string_view CutUtf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0u) == 0x80u) --bytes;
  return text.substr(0, bytes);
}

std::string WithoutDashesAtEnds(std::string text) {
  while (text.ends_with('-')) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of('-'), text.size()));
  return text;
}

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string result;
  for (;;) {
    const auto at = text.find(what);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += with;
    text.remove_prefix(at + what.size());
  }
}

std::string RawSlug(std::string_view text) {
  // Printable() replaces every byte that is not well-formed, so sequences are whole.
  const std::string shown = Printable(text);
  std::string slug;
  for (std::size_t i = 0; i < shown.size();) {
    const std::size_t length = SequenceLength(static_cast<unsigned char>(shown[i]));
    const std::string_view piece = std::string_view(shown).substr(i, length);
    const char c = piece.front();
    i += length;
    if (length > 1 && std::find(kBlank.begin(), kBlank.end(), piece) == kBlank.end()) {
      slug += piece;
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      slug += c;
    } else if (c >= 'A' && c <= 'Z') {
      slug += static_cast<char>(c - 'A' + 'a');
    } else if (!slug.ends_with('-')) {
      slug += '-';
    }
  }
  return WithoutDashesAtEnds(std::move(slug));
}

}  // namespace

std::string Slugify(std::string_view text) {
  const std::string slug = RawSlug(text);
  if (slug.empty()) return "worktree-" + ShortHash(text);
  if (slug.size() <= kMaxHandleBytes) return slug;
  const std::string hash = ShortHash(text);
  const std::string_view head = CutUtf8(slug, kMaxHandleBytes - hash.size() - 1);
  return WithoutDashesAtEnds(std::string(head)) + "-" + hash;
}

std::string HandleFor(std::string_view branch, const Config& config) {
  if (config.worktree_naming == WorktreeNaming::kBasename) {
    branch.remove_prefix(branch.rfind('/') + 1);  // npos + 1 is 0
  }
  return Slugify(config.worktree_prefix + std::string(branch));
}

absl::Status CheckBranchText(std::string_view branch) {
  const std::string shown = Printable(branch.substr(0, 80));
  if (branch.empty()) {
    return WithHint(InvalidArgument("the branch name is empty"),
                    "name a branch, such as fix-login");
  }
  if (shown != branch.substr(0, 80) || Printable(branch) != branch) {
    return WithHint(InvalidArgument("'{}': control or invalid characters in a branch name", shown),
                    "use visible characters only");
  }
  if (branch.front() == '-') {
    return WithHint(InvalidArgument("'{}': a branch name does not start with '-'", shown),
                    "put -- in front of the arguments if an option was meant as one");
  }
  for (const std::string& part : Split(branch, '/')) {
    if (part.size() > kMaxRefComponent) {
      return WithHint(
          InvalidArgument("'{}…': {} bytes are too long for a branch name", shown, part.size()),
          Format("use at most {} bytes between slashes", kMaxRefComponent));
    }
  }
  return absl::OkStatus();
}

std::string ProjectName(const Repository& repository) {
  if (!repository.main_worktree.empty()) return repository.main_worktree.filename().string();
  const std::string name = repository.common_dir.filename().string();
  if (name == ".git" || name == ".bare")
    return repository.common_dir.parent_path().filename().string();
  return name.ends_with(".git") ? name.substr(0, name.size() - 4) : name;
}

absl::StatusOr<fs::path> WorktreeDirectory(const Repository& repository, std::string_view text,
                                           const fs::path& home) {
  const std::string project = ProjectName(repository);
  fs::path root = repository.main_worktree;
  if (root.empty()) {
    const fs::path name = repository.common_dir.filename();
    const bool inside = name == ".git" || name == ".bare";
    root = inside ? repository.common_dir.parent_path() : repository.common_dir;
  }
  if (text.empty()) return root.parent_path() / (project + "__worktrees");

  const std::string expanded = Replaced(text, "{project}", project);
  const std::string rest = Replaced(text, "{project}", "");
  if (rest.find_first_of("{}") != std::string::npos) {
    return WithHint(InvalidArgument("worktree_dir: unknown placeholder in '{}'", Printable(text)),
                    "use {project}, the only placeholder there is");
  }
  fs::path dir = expanded;
  if (expanded == "~" || expanded.starts_with("~/")) {
    if (home.empty())
      return FailedPrecondition("worktree_dir: HOME is not set, '~' has no meaning");
    dir = home / fs::path(expanded.substr(std::min<std::size_t>(2, expanded.size())));
  }
  dir = (root / dir).lexically_normal();
  return dir.has_filename() ? dir : dir.parent_path();
}

std::string WindowName(const Repository& repository, const Config& config,
                       std::string_view handle) {
  return Printable(Replaced(config.window_prefix, "{project}", ProjectName(repository)) +
                   std::string(handle));
}

std::string QualifiedWindowName(std::string_view window, const Repository& repository) {
  std::string slug = RawSlug(ProjectName(repository));
  if (slug.empty()) slug = "unnamed";
  const bool numeric = slug.find_first_not_of("0123456789") == std::string::npos;
  // A bare number would read like the suffix of a second window.
  if (numeric || slug == "unnamed") slug = "repo-" + slug;
  return Format("{}-{}", window, slug);
}

std::string NumberedWindowName(std::string_view window, unsigned number) {
  return Format("{}-{}", window, number);
}

std::string TrashName(std::string_view handle, long long unix_seconds) {
  return Format(".workmux_trash_{}_{}", CutUtf8(handle, kMaxHandleBytes), unix_seconds);
}

std::string RecoveryRef(std::string_view handle, long long unix_seconds) {
  return Format("refs/workmux/trash/{}-{}", Slugify(handle), unix_seconds);
}

}  // namespace workmux::daemon
