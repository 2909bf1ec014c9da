#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "common/base/format.h"
#include "common/base/unique_fd.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

using Report = v1::ProbeReport;

int TryCreateIn(const std::string& directory) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) return EAGAIN;
  const std::string name = Format("{}/.workmux-probe-{:016x}", directory, random);
  if (::mkdir(name.c_str(), 0700) != 0) return errno;
  ::rmdir(name.c_str());
  return 0;
}

int TryWrite(const Subject& subject, const std::string& path) {
  const UniqueFd place = subject.Open(path);
  struct stat info {};
  if (!place.valid() || ::fstat(place.get(), &info) != 0) return errno;
  const std::string name = NameOf(place);
  if (S_ISDIR(info.st_mode)) return TryCreateIn(name);
  if (S_ISLNK(info.st_mode)) return ELOOP;
  // Of a socket or FIFO only the right to write is of interest.
  if (!S_ISREG(info.st_mode)) return ::access(name.c_str(), W_OK) == 0 ? 0 : errno;
  const UniqueFd file(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  return file.valid() ? 0 : errno;
}

bool HoldsSomething(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), &::closedir);
  if (!dir) return false;
  while (const dirent* entry = ::readdir(dir.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) return true;
  }
  return false;
}

// From the host rmdir(2) would not see what is a mount point in there (mount
// namespaces, is_local_mountpoint of the kernel): a directory without a mount on it can
// be moved by whoever can write to the one above.
int TryMoveFromOutside(const Subject& subject, const std::string& directory, const Report& report) {
  for (const Report::Mount& mount : report.mounts()) {
    if (mount.target() == directory) return EBUSY;
  }
  const std::size_t slash = directory.rfind('/');
  if (slash == std::string::npos) return EINVAL;
  return TryWrite(subject, slash == 0 ? "/" : directory.substr(0, slash));
}

int TryMove(const std::string& directory) {
  // An empty one would go. It should hold what it is an ancestor of.
  if (!HoldsSomething(directory)) return ENODATA;
  if (::rmdir(directory.c_str()) == 0) return 0;
  return errno == ENOTEMPTY || errno == EEXIST ? 0 : errno;
}

int TryConnect(const Subject& subject, const std::string& target) {
  const UniqueFd place = subject.Open(target);
  if (!place.valid()) return errno;
  const std::string path = NameOf(place);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno;
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return 0;
  return errno;
}

void Add(Report::AttemptKind kind, const std::string& path, int error, Report& report) {
  Report::Attempt& attempt = *report.add_attempts();
  attempt.set_kind(kind);
  attempt.set_path(path);
  attempt.set_error(error);
}

}  // namespace

void AddAttempts(const Subject& subject, const v1::ProbeRequest& request, Report& report) {
  for (const std::string& path : request.written())
    Add(Report::ATTEMPT_KIND_WRITE, path, TryWrite(subject, path), report);
  for (const std::string& path : request.moved()) {
    const int error =
        subject.is_outside() ? TryMoveFromOutside(subject, path, report) : TryMove(path);
    Add(Report::ATTEMPT_KIND_MOVE, path, error, report);
  }
  for (const std::string& path : request.sockets())
    Add(Report::ATTEMPT_KIND_CONNECT, path, TryConnect(subject, path), report);
}

}  // namespace workmux::guest
