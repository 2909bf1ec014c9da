#include "daemon/agent_config/login_sync.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/fnv.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/io/tree.h"
#include "common/log/log.h"
#include "daemon/agent_config/file_stamp.h"
#include "daemon/agent_config/host_file.h"
#include "daemon/agent_config/login_document.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLogin = 1 << 20;  // bytes
constexpr auto kKind = CopyRecords::Kind::kLogin;

// Tells one login from the next, and does not keep it.
std::string DigestOf(const Login& login) {
  constexpr unsigned char kEnd = 0xff;  // no text of JSON has it
  FnvHash hash;
  for (const auto& [path, value] : login) hash.Add(path).Add(kEnd).Add(value).Add(kEnd);
  return hash.Hex();
}

}  // namespace

struct LoginSync::Host {
  FileStamp stamp;
  std::string text;
  Login login;
};

struct LoginSync::Side {
  const AgentCopy* copy = nullptr;
  CopyRecords records;
  CopyRecords::Record known;
  FileStamp stamp;
  std::string text;
  std::optional<Login> login;  // nothing: absent or invalid

  std::string Digest() const { return login ? DigestOf(*login) : std::string(); }
};

void LoginSync::Complain(const fs::path& path, const absl::Status& why) {
  if (why.ok()) {
    complained_.erase(path);
  } else if (complained_.insert(path).second) {
    LogWarning("agent config", Format("{}: ignored: {}", Printable(path.native()), MessageOf(why)));
  }
}

absl::StatusOr<LoginSync::Host> LoginSync::ReadHost(const fs::path& dir, const LoginFile& file) {
  Host host;
  const fs::path path = dir / file.name;
  WM_ASSIGN_OR_RETURN(host.stamp, StampHostFile(path));
  if (host.stamp.kind == FileStamp::Kind::kAbsent) return host;
  WM_ASSIGN_OR_RETURN(host.text, ReadHostFile(path, kMaxLogin));
  WM_ASSIGN_OR_RETURN(host.login, ReadLogin(file, host.text));
  return host;
}

absl::StatusOr<LoginSync::Side> LoginSync::ReadCopy(const AgentCopy& copy, const LoginFile& file) {
  Side side;
  side.copy = &copy;
  side.records = copy.LoadRecords();
  const std::string name(file.name);
  side.known = side.records.Find(kKind, name);
  WM_ASSIGN_OR_RETURN(const UniqueFd dir, OpenDirectory(copy.dir()));
  WM_ASSIGN_OR_RETURN(side.stamp, StampEntry(dir.get(), name));
  if (side.stamp.kind == FileStamp::Kind::kAbsent) return side;
  auto text = ReadFileBeneath(copy.dir(), name, kMaxLogin);
  auto login = text.ok() ? ReadLogin(file, *text) : text.status();
  Complain(copy.dir() / name, login.status());
  if (!login.ok()) return side;
  side.text = *std::move(text);
  side.login = *std::move(login);
  return side;
}

// Never through a link of the host's, which may lead anywhere by now, and never
// over what somebody wrote since it was read.
absl::Status LoginSync::WriteHost(const fs::path& dir, const LoginFile& file, Host& host,
                                  const Side& from) {
  const std::string name(file.name);
  WM_ASSIGN_OR_RETURN(const std::string text,
                      PutLogin(file, host.text, *from.login, /*exact=*/false));
  WM_ASSIGN_OR_RETURN(Login login, ReadLogin(file, text));
  if (login == host.login) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const UniqueFd to, OpenDirectory(dir));
  WM_ASSIGN_OR_RETURN(const FileStamp now, StampEntry(to.get(), name));
  // A link of the host's: what was read is what it leads to.
  if (now.kind == FileStamp::Kind::kOther)
    return FailedPrecondition("not a regular file, left alone");
  if (now.content != host.stamp.content) return Aborted("written by somebody else at this moment");
  WM_RETURN_IF_ERROR(ExchangeEntry(to.get(), to.get(), name, text, 0600, host.stamp));
  host.text = text;
  host.login = std::move(login);
  WM_ASSIGN_OR_RETURN(host.stamp, StampEntry(to.get(), name));
  on_taken_(*from.copy, file);
  return absl::OkStatus();
}

absl::Status LoginSync::WriteCopy(const LoginFile& file, const Host& host, Side& side) {
  const std::string name(file.name);
  std::string text = host.text;
  if (side.login) {
    WM_ASSIGN_OR_RETURN(text, PutLogin(file, side.text, host.login, /*exact=*/false));
  }
  WM_RETURN_IF_ERROR(side.copy->WriteOver(name, text, side.stamp));
  WM_ASSIGN_OR_RETURN(const UniqueFd dir, OpenDirectory(side.copy->dir()));
  WM_ASSIGN_OR_RETURN(side.stamp, StampEntry(dir.get(), name));
  WM_ASSIGN_OR_RETURN(side.login, ReadLogin(file, text));
  return absl::OkStatus();
}

void LoginSync::Pass(std::span<const AgentCopy> copies) {
  if (copies.empty()) return;
  for (const LoginFile& file : copies.front().files().logins) PassFile(file, copies);
}

void LoginSync::PassFile(const LoginFile& file, std::span<const AgentCopy> copies) {
  const fs::path& dir = copies.front().host_dir();
  const fs::path path = dir / file.name;
  auto host = ReadHost(dir, file);
  Complain(path, host.status());
  if (!host.ok()) return;
  const std::string host_before = DigestOf(host->login);
  const bool host_has = !host->login.empty();

  std::vector<Side> sides;
  std::optional<std::size_t> winner;
  for (const AgentCopy& copy : copies) {
    auto side = ReadCopy(copy, file);
    if (!side.ok()) {
      Complain(copy.dir() / file.name, side.status());
      continue;
    }
    const bool met = !side->known.copy_login.empty() || !side->known.host_login.empty();
    const bool changed = side->login && !side->login->empty() &&
                         (met ? side->Digest() != side->known.copy_login : !host_has);
    const bool host_changed = met && host_before != side->known.host_login;
    const bool later = !host_changed || side->stamp.modified_ns > host->stamp.modified_ns;
    sides.push_back(*std::move(side));
    if (!changed || !later) continue;
    if (!winner || sides.back().stamp.modified_ns > sides[*winner].stamp.modified_ns)
      winner = sides.size() - 1;
  }
  if (winner) {
    const absl::Status written = WriteHost(dir, file, *host, sides[*winner]);
    // Who wrote at this moment is heard of, and has another pass made.
    if (absl::IsAborted(written)) return;
    Complain(path, written);
    if (!written.ok()) return;
  }
  const std::string digest = DigestOf(host->login);
  for (std::size_t i = 0; i < sides.size(); ++i) {
    Side& side = sides[i];
    const bool news = digest != side.known.host_login && i != winner && !host->login.empty();
    if (news && (!side.login || *side.login != host->login)) {
      const absl::Status written = WriteCopy(file, *host, side);
      if (absl::IsAborted(written)) continue;
      Complain(side.copy->dir() / file.name, written);
      if (!written.ok()) continue;
    }
    // A deletion is not taken for a change: what was there before stays known.
    const std::string seen = side.login ? side.Digest() : side.known.copy_login;
    // The next start looks for itself where the two are not in step.
    const bool in_step = side.Digest() == digest || (side.stamp.kind == FileStamp::Kind::kAbsent &&
                                                     host->stamp.kind == FileStamp::Kind::kAbsent);
    side.records.Put(kKind, std::string(file.name),
                     {host->stamp.text, in_step ? side.stamp.text : "", digest, seen});
    Complain(side.copy->meta(), side.copy->SaveRecords(side.records));
  }
}

absl::Status LoginSync::Refresh(const AgentCopy& copy) {
  CopyRecords records = copy.LoadRecords();
  for (const LoginFile& file : copy.files().logins)
    WM_RETURN_IF_ERROR(RefreshFile(file, copy, records));
  return copy.SaveRecords(records);
}

absl::Status LoginSync::RefreshFile(const LoginFile& file, const AgentCopy& copy,
                                    CopyRecords& records) {
  const std::string name(file.name);
  const CopyRecords::Record known = records.Find(kKind, name);
  WM_ASSIGN_OR_RETURN(const FileStamp host_now, StampHostFile(copy.host_dir() / name));
  WM_ASSIGN_OR_RETURN(const UniqueFd dir, OpenDirectory(copy.dir()));
  WM_ASSIGN_OR_RETURN(const FileStamp copy_now, StampEntry(dir.get(), name));
  if (host_now.text == known.host && copy_now.text == known.copy) return absl::OkStatus();

  // What a sandbox wrote while nobody watched is taken first.
  PassFile(file, {&copy, 1});
  records = copy.LoadRecords();
  auto host = ReadHost(copy.host_dir(), file);
  if (!host.ok()) return TakeAsItIs(file, copy, records);
  WM_ASSIGN_OR_RETURN(Side side, ReadCopy(copy, file));
  std::string text;
  if (host->stamp.kind != FileStamp::Kind::kAbsent) {
    text = RefreshDocument(file, host->text, side.text);
  } else if (side.login) {
    WM_ASSIGN_OR_RETURN(text, PutLogin(file, side.text, {}, /*exact=*/true));
    if (text == "{}") text.clear();
  }
  if (text.empty()) {
    WM_RETURN_IF_ERROR(copy.Remove(name));
    side.login.reset();
  } else if (!side.login || text != side.text) {
    const absl::Status written = copy.WriteOver(name, text, side.stamp);
    // Another sandbox of the worktree wrote; the pass after that has it.
    if (absl::IsAborted(written)) return absl::OkStatus();
    WM_RETURN_IF_ERROR(written);
    WM_ASSIGN_OR_RETURN(side.login, ReadLogin(file, text));
  }
  WM_ASSIGN_OR_RETURN(side.stamp, StampEntry(dir.get(), name));
  records.Put(kKind, name,
              {host->stamp.text, side.stamp.text, DigestOf(host->login), side.Digest()});
  return absl::OkStatus();
}

// The host's file is none that we understand: nothing of it is kept in step, and
// the agent inside says about it what it says outside.
absl::Status LoginSync::TakeAsItIs(const LoginFile& file, const AgentCopy& copy,
                                   CopyRecords& records) {
  const std::string name(file.name);
  WM_ASSIGN_OR_RETURN(const FileStamp host, StampHostFile(copy.host_dir() / name));
  const auto text = ReadHostFile(copy.host_dir() / name, kMaxLogin);
  if (!text.ok()) return absl::OkStatus();
  WM_RETURN_IF_ERROR(copy.Write(name, *text, 0600));
  WM_ASSIGN_OR_RETURN(const UniqueFd dir, OpenDirectory(copy.dir()));
  WM_ASSIGN_OR_RETURN(const FileStamp written, StampEntry(dir.get(), name));
  records.Put(kKind, name, {host.text, written.text, {}, {}});
  return absl::OkStatus();
}

}  // namespace workmux::daemon
