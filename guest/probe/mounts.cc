#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdint>

#include "common/base/mount_field.h"
#include "common/base/strings.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

bool HasOption(std::string_view options, std::string_view wanted) {
  for (const std::string& option : Split(options, ',')) {
    if (option == wanted) return true;
  }
  return false;
}

void AddMount(const Subject& subject, const std::string& line, v1::ProbeReport& report) {
  const std::vector<std::string> fields = Split(line, ' ');
  std::size_t dash = 6;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 3 >= fields.size()) return;
  v1::ProbeReport::Mount& mount = *report.add_mounts();
  const std::string target = UnescapeMountField(fields[4]);
  mount.set_target(target);
  mount.set_root(UnescapeMountField(fields[3]));
  mount.set_filesystem(fields[dash + 1]);
  mount.set_read_only(HasOption(fields[5], "ro"));
  mount.set_no_suid(HasOption(fields[5], "nosuid"));
  mount.set_no_devices(HasOption(fields[5], "nodev"));
  const UniqueFd file = subject.Open(target);
  struct stat info {};
  if (file.valid() && ::fstat(file.get(), &info) == 0) {
    mount.set_device(static_cast<std::int64_t>(info.st_dev));
    mount.set_inode(static_cast<std::int64_t>(info.st_ino));
  }
  struct statvfs size {};
  const bool limited = fields[dash + 3].find("size=") != std::string::npos;
  if (mount.filesystem() == "tmpfs" && limited && file.valid() &&
      ::fstatvfs(file.get(), &size) == 0)
    mount.set_size(static_cast<std::uint64_t>(size.f_blocks) * size.f_frsize);
}

}  // namespace

void AddMounts(const Subject& subject, v1::ProbeReport& report) {
  std::string text;
  if (!ReadProcFile(subject.mounts() + "/mountinfo", text)) return;
  for (const std::string& line : SplitLines(text)) AddMount(subject, line, report);
}

}  // namespace workmux::guest
