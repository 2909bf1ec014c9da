#include <algorithm>
#include <string>

#include "common/base/format.h"
#include "common/base/path.h"
#include "common/base/strings.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/verify/compare.h"

namespace workmux::daemon {
namespace {

using state::v1::Expectation;
using Report = guest::v1::ProbeReport;

void Add(std::vector<Difference>& all, std::string_view defence, std::string expected,
         std::string found) {
  all.push_back({std::string(defence), std::move(expected), std::move(found)});
}

// Several can lie on one another; the last is the one that is seen.
const Report::Mount* Seen(const Report& report, const std::string& target) {
  const Report::Mount* seen = nullptr;
  for (const Report::Mount& mount : report.mounts()) {
    if (mount.target() == target) seen = &mount;
  }
  return seen;
}

// An engine in a virtual machine shows the host's files under other numbers: what
// no sandbox can write tells whether they can be compared.
bool ComparesNumbers(const Expectation& expected, const Report& report) {
  for (const Expectation::Mount& mount : expected.mounts()) {
    if (mount.target() != kGuestBinDir) continue;
    const Report::Mount* seen = Seen(report, mount.target());
    return seen != nullptr && seen->device() == mount.device() && seen->inode() == mount.inode();
  }
  return false;
}

void CompareMount(const Expectation::Mount& expected, const Report& report, bool numbers,
                  std::vector<Difference>& all) {
  const std::string name = Printable(expected.target());
  const Report::Mount* seen = Seen(report, expected.target());
  if (seen == nullptr) {
    Add(all, "mounts", Format("{}: mounted", name), "not mounted");
    return;
  }
  if (!expected.writable() && !expected.masks() && !seen->read_only())
    Add(all, "mounts", Format("{}: read-only", name), "writable");
  if (numbers && (seen->device() != expected.device() || seen->inode() != expected.inode()))
    Add(all, "mounts", Format("{}: the file that was looked at", name), "another one");
}

bool Fits(const Expectation::OwnMount& own, const Report::Mount& mount) {
  const bool here = own.below()
                        ? mount.target() != own.target() && IsWithin(mount.target(), own.target())
                        : mount.target() == own.target();
  return here && (own.filesystem().empty() || own.filesystem() == mount.filesystem());
}

// The engine's place for a directory that the image declares: 64 digits.
bool IsVolume(std::string_view part, std::string_view root) {
  const std::size_t at = part.empty() ? std::string_view::npos : root.find(part);
  if (at == std::string_view::npos) return false;
  const std::string_view id = root.substr(at + part.size());
  return id.size() > 64 && id[64] == '/' &&
         id.substr(0, 64).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void CompareOwn(const Expectation& expected, const Expectation::OwnMount& own, const Report& report,
                std::vector<Difference>& all) {
  // A worktree can be the home directory itself: its mount lies on top.
  const bool covered =
      std::any_of(expected.mounts().begin(), expected.mounts().end(),
                  [&](const Expectation::Mount& mount) { return mount.target() == own.target(); });
  if (own.below() || covered) return;
  const std::string name = Printable(own.target());
  const bool kernel = IsWithin(own.target(), "/proc") || IsWithin(own.target(), "/sys");
  const std::string_view defence = kernel ? "kernel" : "mounts";
  const Report::Mount* seen = Seen(report, own.target());
  if (seen == nullptr || !Fits(own, *seen)) {
    if (own.required()) {
      Add(all, defence, Format("{}: a mount of the sandbox's own", name),
          seen == nullptr ? std::string("none") : Printable(seen->filesystem()));
    }
    return;
  }
  if (own.read_only() && !seen->read_only())
    Add(all, defence, Format("{}: read-only", name), "writable");
  if (own.no_privileges() && !(seen->no_suid() && seen->no_devices())) {
    Add(all, defence, Format("{}: without set-user-id programs and devices", name),
        seen->no_suid() ? std::string("devices count") : "set-user-id programs count");
  }
  if (own.size() > 0 && (seen->size() == 0 || seen->size() > own.size())) {
    Add(all, "limits", Format("{}: at most {} bytes", name, own.size()),
        seen->size() == 0 ? std::string("no limit of its own") : Format("{}", seen->size()));
  }
}

}  // namespace

void CompareMounts(const Expectation& expectation, const Report& report,
                   std::vector<Difference>& differences) {
  if (report.mounts().empty()) {
    Add(differences, "mounts", "a list of them", "not reported");
    return;
  }
  const bool numbers = ComparesNumbers(expectation, report);
  for (const Expectation::Mount& mount : expectation.mounts())
    CompareMount(mount, report, numbers, differences);
  if (expectation.own_kernel()) return;
  for (const Expectation::OwnMount& own : expectation.own_mounts())
    CompareOwn(expectation, own, report, differences);
  for (const Report::Mount& mount : report.mounts()) {
    const bool meant = std::any_of(
        expectation.mounts().begin(), expectation.mounts().end(),
        [&](const Expectation::Mount& known) { return known.target() == mount.target(); });
    const bool own =
        std::any_of(expectation.own_mounts().begin(), expectation.own_mounts().end(),
                    [&](const Expectation::OwnMount& known) { return Fits(known, mount); });
    if (meant || own || IsVolume(expectation.volumes(), mount.root())) continue;
    Add(differences, "mounts", "no mount that nobody asked for",
        Format("{} of {} ({}{})", Printable(mount.target()), Printable(mount.root()),
               Printable(mount.filesystem()), mount.read_only() ? ", read-only" : ", writable"));
  }
}

}  // namespace workmux::daemon
