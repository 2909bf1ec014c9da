#include "daemon/domain/engine_advisories.h"

#include <array>
#include <compare>
#include <limits>

#include "common/base/format.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

struct Advisory {
  std::string_view program;
  std::string_view names;
  std::string_view since;  // the first version that has the fault; empty: all
  // The first version without it in each release line; later lines never had it.
  std::array<std::string_view, 3> fixed;
};

constexpr Advisory kAdvisories[] = {
    // Masked paths, /dev/console and writes to /proc: release notes of runc v1.2.8,
    // v1.3.3, v1.4.0-rc.3.
    {"runc",
     "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
     "",
     {"1.2.8", "1.3.3", "1.4.0-rc.3"}},
    // A working directory in a descriptor of the host: release notes of runc v1.1.12.
    {"runc", "CVE-2024-21626", "", {"1.1.12"}},
    // An image whose /dev is a link: release notes of crun 1.28.
    {"crun", "CVE-2026-47766", "", {"1.28"}},
    // The krun handler writes outside of the root: GHSA-f42g-r5jj-qh4j.
    {"crun", "CVE-2025-24965", "", {"1.20"}},
    // BuildKit, while an image is built: release notes of Moby v25.0.2.
    {"docker", "CVE-2024-23652, CVE-2024-23653", "", {"25.0.2"}},
    // Mounts while an image is built: release notes of Podman v5.2.4 (GHSA-fhqq-8f65-5xfc)
    // and v4.9.4.
    {"podman", "CVE-2024-9407", "", {"5.2.4"}},
    {"podman", "CVE-2024-1753", "", {"4.9.4", "5.0.1"}},
    // Installed set-user-id, and traced by its user: release notes of bubblewrap v0.11.2.
    {"bubblewrap", "CVE-2026-41163", "0.11.0", {"0.11.2"}},
};

std::strong_ordering Compare(const EngineVersion& a, const EngineVersion& b) {
  const auto rank = [](const EngineVersion& version) {
    return version.candidate == 0 ? std::numeric_limits<int>::max() : version.candidate;
  };
  if (a.major != b.major) return a.major <=> b.major;
  if (a.minor != b.minor) return a.minor <=> b.minor;
  if (a.patch != b.patch) return a.patch <=> b.patch;
  return rank(a) <=> rank(b);
}

bool IsFixed(const Advisory& advisory, const EngineVersion& version) {
  if (!advisory.since.empty() && Compare(version, FindEngineVersion(advisory.since)) < 0)
    return true;
  bool is_newer = false;
  for (const std::string_view text : advisory.fixed) {
    if (text.empty()) continue;
    const EngineVersion fix = FindEngineVersion(text);
    const bool same_line = version.major == fix.major && version.minor == fix.minor;
    if (same_line) return Compare(version, fix) >= 0;
    is_newer = Compare(version, fix) > 0;
  }
  // The fixes are in order: what is newer than the last one's line has it.
  return is_newer;
}

// Digits from `at`; moves behind them.
int ReadNumber(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  long long number = 0;
  return ParseInt(text.substr(begin, at - begin), number) && number <= 1'000'000
             ? static_cast<int>(number)
             : -1;
}

bool IsDigit(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

}  // namespace

EngineVersion FindEngineVersion(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!IsDigit(text, at)) continue;
    EngineVersion version;
    version.major = ReadNumber(text, at);
    if (at >= text.size() || text[at] != '.' || !IsDigit(text, at + 1)) continue;
    version.minor = ReadNumber(text, ++at);
    if (at < text.size() && text[at] == '.' && IsDigit(text, at + 1))
      version.patch = ReadNumber(text, ++at);
    for (const std::string_view mark : {"-rc.", "~rc.", "-rc", "~rc"}) {
      if (version.candidate != 0 || !text.substr(at).starts_with(mark)) continue;
      std::size_t digits = at + mark.size();
      if (IsDigit(text, digits)) version.candidate = ReadNumber(text, digits);
    }
    version.known = version.major >= 0 && version.minor >= 0 && version.patch >= 0;
    return version;
  }
  return {};
}

std::vector<std::string> OpenAdvisories(std::string_view program, const EngineVersion& version) {
  std::vector<std::string> open;
  if (!version.known) return open;
  for (const Advisory& advisory : kAdvisories) {
    if (advisory.program != program || IsFixed(advisory, version)) continue;
    std::string fixes;
    for (const std::string_view fix : advisory.fixed) {
      if (!fix.empty()) fixes += Format("{}{}", fixes.empty() ? "" : ", ", fix);
    }
    open.push_back(Format("{} (fixed in {})", advisory.names, fixes));
  }
  return open;
}

}  // namespace workmux::daemon
