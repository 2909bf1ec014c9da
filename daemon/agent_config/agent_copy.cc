#include "daemon/agent_config/agent_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "common/base/clock.h"
#include "common/base/fnv.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/io/tree.h"
#include "common/log/log.h"
#include "daemon/agent_config/discarded.h"
#include "daemon/agent_config/host_file.h"
#include "daemon/agent_config/login_document.h"
#include "daemon/domain/worktree_state.h"
#include "daemon/domain/worktree_state_trash.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr off_t kMaxSettings = 1 << 20;  // bytes
constexpr off_t kMaxSeed = 16 << 20;     // bytes; a database
constexpr char kRecords[] = "records";

std::string KeyOf(const std::string& profile, const fs::path& host_dir) {
  // meta/source is compared.
  return Format("{}-{}", profile, FnvHash().Add(host_dir.native()).Hex());
}

std::string SourceText(const std::string& profile, const fs::path& host_dir) {
  return profile + "\n" + host_dir.string() + "\n";
}

bool IsPlainName(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool IsLogin(const AgentFiles& files, std::string_view name) {
  return std::any_of(files.logins.begin(), files.logins.end(),
                     [&](const LoginFile& login) { return login.name == name; });
}

bool IsOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Names in the host's directory; none when it cannot be read.
std::vector<std::string> NamesIn(const fs::path& dir) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(dir.c_str()), &::closedir);
  if (!stream) return names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && IsPlainName(name)) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A guest may have taken its own rights away, to keep ours out too.
absl::Status MakeOwnDirectory(const fs::path& dir) {
  if (::mkdir(dir.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoStatus(errno, dir.string());
  struct stat info {};
  if (::lstat(dir.c_str(), &info) != 0) return ErrnoStatus(errno, dir.string());
  if (!S_ISDIR(info.st_mode)) return FailedPrecondition("{}: not a directory", dir.string());
  if ((info.st_mode & 07777) != 0700 && ::chmod(dir.c_str(), 0700) != 0)
    return ErrnoStatus(errno, dir.string());
  return absl::OkStatus();
}

// What else a guest left at the name gives way.
absl::Status MakeMountPoint(int own, const AgentCopy& copy, const std::string& name) {
  const fs::path place = copy.dir() / name;
  if (::mkdirat(own, name.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST) return ErrnoStatus(errno, place.string());
  struct stat info {};
  if (::fstatat(own, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoStatus(errno, place.string());
  if (S_ISDIR(info.st_mode)) return absl::OkStatus();
  WM_RETURN_IF_ERROR(Discard(copy.discarded(), own, name));
  if (::mkdirat(own, name.c_str(), 0700) != 0) return ErrnoStatus(errno, place.string());
  return absl::OkStatus();
}

absl::Status EnsureWorktreeRoot(const fs::path& base, const fs::path& root,
                                const Worktree& worktree) {
  const absl::Status known = CheckWorktreeState(root, worktree);
  if (!absl::IsNotFound(known)) return known;
  WM_RETURN_IF_ERROR(MakePrivateDirectory(base));
  WM_RETURN_IF_ERROR(MoveToStateTrash(root, UnixNow()));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(root / "meta"));
  WM_ASSIGN_OR_RETURN(const std::string identity, WorktreeIdentity(worktree));
  WM_ASSIGN_OR_RETURN(const UniqueFd meta, OpenDirectory(root / "meta"));
  return WriteFileAt(meta.get(), "identity", identity, 0600);
}

}  // namespace

AgentCopy::AgentCopy(fs::path root, fs::path host_dir, const std::string& profile)
    : root_(std::move(root)), host_dir_(std::move(host_dir)), files_(&FilesOf(profile)) {}

absl::StatusOr<AgentCopy> AgentCopy::Ensure(const fs::path& base, const Worktree& worktree,
                                            const std::string& profile, const fs::path& host_dir) {
  const fs::path worktree_root = WorktreeStatePath(base, worktree);
  WM_RETURN_IF_ERROR(EnsureWorktreeRoot(base, worktree_root, worktree));
  AgentCopy copy(worktree_root / KeyOf(profile, host_dir), host_dir, profile);
  WM_RETURN_IF_ERROR(MakeOwnDirectory(copy.root_));
  WM_RETURN_IF_ERROR(MakeOwnDirectory(copy.meta()));
  WM_RETURN_IF_ERROR(MakeOwnDirectory(copy.dir()));
  const std::string source = SourceText(profile, host_dir);
  const auto recorded = ReadFile(copy.meta() / "source");
  if (recorded.ok() && *recorded == source) return copy;
  if (recorded.ok()) return Internal("{}: a copy of another directory", copy.root_.string());
  if (!absl::IsNotFound(recorded.status())) return recorded.status();
  WM_ASSIGN_OR_RETURN(const UniqueFd meta, OpenDirectory(copy.meta()));
  WM_RETURN_IF_ERROR(WriteFileAt(meta.get(), "source", source, 0600));
  return copy;
}

absl::StatusOr<AgentCopy> AgentCopy::Find(const fs::path& root) {
  WM_ASSIGN_OR_RETURN(const std::string source, ReadFile(root / "meta/source"));
  const std::vector<std::string> lines = SplitLines(source);
  if (lines.size() != 2) return DataLoss("{}: not understood", (root / "meta/source").string());
  return AgentCopy(root, lines[1], lines[0]);
}

std::vector<AgentCopy> AgentCopy::AllOf(const fs::path& base, const Worktree& worktree) {
  std::vector<AgentCopy> all;
  const fs::path root = WorktreeStatePath(base, worktree);
  if (!CheckWorktreeState(root, worktree).ok()) return all;
  for (const std::string& name : NamesIn(root)) {
    if (auto copy = Find(root / name); copy.ok()) all.push_back(*std::move(copy));
  }
  return all;
}

absl::Status AgentCopy::SaveRecords(CopyRecords& records) const {
  WM_ASSIGN_OR_RETURN(const UniqueFd meta_dir, OpenDirectory(meta()));
  return records.Save(meta_dir.get(), kRecords);
}

absl::Status AgentCopy::Write(const std::string& name, std::string_view content,
                              mode_t mode) const {
  WM_ASSIGN_OR_RETURN(const UniqueFd scratch, OpenDirectory(meta()));
  WM_ASSIGN_OR_RETURN(const UniqueFd to, OpenDirectory(dir()));
  return ReplaceEntry(scratch.get(), discarded(), to.get(), name, content, mode);
}

absl::Status AgentCopy::WriteOver(const std::string& name, std::string_view content,
                                  const FileStamp& expected) const {
  if (expected.kind == FileStamp::Kind::kOther) return Write(name, content, 0600);
  WM_ASSIGN_OR_RETURN(const UniqueFd scratch, OpenDirectory(meta()));
  WM_ASSIGN_OR_RETURN(const UniqueFd to, OpenDirectory(dir()));
  return ExchangeEntry(scratch.get(), to.get(), name, content, 0600, expected);
}

absl::Status AgentCopy::Remove(const std::string& name) const {
  WM_ASSIGN_OR_RETURN(const UniqueFd own, OpenDirectory(dir()));
  return Discard(discarded(), own.get(), name);
}

absl::Status AgentCopy::RefreshSettings() {
  CopyRecords records = LoadRecords();
  WM_ASSIGN_OR_RETURN(const UniqueFd own, OpenDirectory(dir()));
  for (const std::string& name : NamesIn(host_dir_)) {
    if (IsLogin(*files_, name)) continue;
    if (IsOneOf(files_->seeds, name)) {
      WM_RETURN_IF_ERROR(SeedFile(own.get(), name));
    } else if (IsSettings(*files_, name)) {
      WM_RETURN_IF_ERROR(RefreshFile(own.get(), name, records));
    }
  }
  for (const auto& [name, record] : records.All(CopyRecords::Kind::kSettings)) {
    WM_ASSIGN_OR_RETURN(const FileStamp host, StampHostFile(host_dir_ / name));
    if (host.kind != FileStamp::Kind::kAbsent) continue;
    WM_RETURN_IF_ERROR(Remove(name));
    records.Erase(CopyRecords::Kind::kSettings, name);
  }
  return SaveRecords(records);
}

absl::Status AgentCopy::RefreshFile(int own, const std::string& name, CopyRecords& records) {
  constexpr auto kKind = CopyRecords::Kind::kSettings;
  WM_ASSIGN_OR_RETURN(const FileStamp host, StampHostFile(host_dir_ / name));
  if (host.kind != FileStamp::Kind::kRegular) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const FileStamp copy, StampEntry(own, name));
  const CopyRecords::Record known = records.Find(kKind, name);
  if (known.host == host.text && known.copy == copy.text) return absl::OkStatus();
  if (host.size > kMaxSettings) {
    LogWarning("agent config", Format("{}: too large for a sandbox, left out",
                                      Printable((host_dir_ / name).native())));
    return absl::OkStatus();
  }
  const auto content = ReadHostFile(host_dir_ / name, static_cast<std::size_t>(kMaxSettings));
  // One that its owner may not read is nothing that the agent could.
  if (absl::IsPermissionDenied(content.status()) || absl::IsNotFound(content.status()))
    return absl::OkStatus();
  WM_RETURN_IF_ERROR(content.status());
  const mode_t mode = (host.mode & S_IXUSR) != 0 ? 0700 : 0600;
  std::string wanted = *content;
  if (name == "settings.json" && !files_->kept_switch.empty()) {
    const auto old = ReadFileBeneath(dir(), name, static_cast<std::size_t>(kMaxSettings));
    if (old.ok()) wanted = KeepSwitch(files_->kept_switch, wanted, *old);
  }
  WM_RETURN_IF_ERROR(Annotate(Write(name, wanted, mode), "the agent's settings"));
  WM_ASSIGN_OR_RETURN(const FileStamp written, StampEntry(own, name));
  records.Put(kKind, name, {host.text, written.text, {}, {}});
  return absl::OkStatus();
}

absl::Status AgentCopy::SeedFile(int own, const std::string& name) {
  WM_ASSIGN_OR_RETURN(const FileStamp copy, StampEntry(own, name));
  if (copy.kind != FileStamp::Kind::kAbsent) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const FileStamp host, StampHostFile(host_dir_ / name));
  if (host.kind != FileStamp::Kind::kRegular || host.size > kMaxSeed) return absl::OkStatus();
  const auto content = ReadHostFile(host_dir_ / name, static_cast<std::size_t>(kMaxSeed));
  if (absl::IsPermissionDenied(content.status()) || absl::IsNotFound(content.status()))
    return absl::OkStatus();
  WM_RETURN_IF_ERROR(content.status());
  return Write(name, *content, 0600);
}

absl::Status AgentCopy::RefreshSeed(const fs::path& seed, const fs::path& relative) {
  constexpr auto kKind = CopyRecords::Kind::kSeed;
  const fs::path place = root_ / relative.parent_path();
  const std::string name = relative.filename().string();
  WM_RETURN_IF_ERROR(MakeOwnDirectory(place));
  WM_ASSIGN_OR_RETURN(const UniqueFd to, OpenDirectory(place));
  WM_ASSIGN_OR_RETURN(const FileStamp copy, StampEntry(to.get(), name));
  WM_ASSIGN_OR_RETURN(const FileStamp host, StampHostFile(seed));
  CopyRecords records = LoadRecords();
  const bool is_current = records.Find(kKind, relative.string()).host == host.text;
  const bool only_made = relative.parent_path() == "dir";
  if (copy.kind == FileStamp::Kind::kRegular && (is_current || only_made)) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const std::string content,
                      ReadHostFile(seed, static_cast<std::size_t>(kMaxSettings)));
  WM_ASSIGN_OR_RETURN(const UniqueFd scratch, OpenDirectory(meta()));
  WM_RETURN_IF_ERROR(ReplaceEntry(scratch.get(), discarded(), to.get(), name, content, 0600));
  records.Put(kKind, relative.string(), {host.text, {}, {}, {}});
  return SaveRecords(records);
}

absl::StatusOr<std::vector<Mount>> AgentCopy::SettingsMounts(const fs::path& target) {
  std::vector<Mount> mounts;
  WM_ASSIGN_OR_RETURN(const UniqueFd own, OpenDirectory(dir()));
  std::vector<std::string> names(files_->directories.begin(), files_->directories.end());
  if (files_->everything) names = NamesIn(host_dir_);
  for (const std::string& name : names) {
    const absl::StatusOr<UniqueFd> entry = OpenHostEntry(host_dir_ / name);
    if (absl::IsNotFound(entry.status())) continue;
    WM_RETURN_IF_ERROR(entry.status());
    struct stat host {};
    if (::fstat(entry->get(), &host) != 0 || !S_ISDIR(host.st_mode)) continue;
    WM_ASSIGN_OR_RETURN(const fs::path source, PathOf(*entry));
    WM_RETURN_IF_ERROR(MakeMountPoint(own.get(), *this, name));
    mounts.push_back({source, target / name, /*writable=*/false});
  }
  return mounts;
}

}  // namespace workmux::daemon
