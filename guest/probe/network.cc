#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

// Families have numbers below AF_MAX of a kernel yet to come.
constexpr int kMostFamilies = 64;
constexpr int kMostNetlink = 32;  // MAX_LINKS, include/uapi/linux/netlink.h

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  for (std::string& field : Split(line, ' ')) {
    if (!field.empty()) fields.push_back(std::move(field));
  }
  return fields;
}

// "Iface\tDestination\t…" in IPv4's table, and the name last in IPv6's.
bool AddRouted(const std::string& directory, std::vector<std::string>& routed) {
  std::string text;
  if (!ReadProcFile(directory + "/route", text)) return false;
  for (const std::string& line : SplitLines(text))
    routed.push_back(line.substr(0, line.find('\t')));
  // Without IPv6 there is no such file.
  if (!ReadProcFile(directory + "/ipv6_route", text)) return errno == ENOENT;
  for (const std::string& line : SplitLines(text)) {
    const std::vector<std::string> fields = Fields(line);
    if (!fields.empty()) routed.push_back(fields.back());
  }
  return true;
}

// EAFNOSUPPORT from the first call alone: the filter answers before the kernel looks
// whether it has a module for the family.
bool Exists(int family, int protocol) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
    const UniqueFd socket(::socket(family, type | SOCK_CLOEXEC, protocol));
    if (socket.valid()) return true;
    if (errno == EAFNOSUPPORT) return false;
  }
  return errno != EAFNOSUPPORT;
}

}  // namespace

void AddNetwork(const Subject& subject, v1::ProbeReport& report) {
  const std::string directory = (subject.is_outside() ? subject.second() : subject.self()) + "/net";
  std::string text;
  std::vector<std::string> routed;
  if (!ReadProcFile(directory + "/dev", text) || !AddRouted(directory, routed)) return;
  v1::ProbeReport::Network& network = *report.mutable_network();
  for (const std::string& line : SplitLines(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;  // the two lines of the head
    v1::ProbeReport::Interface& interface = *network.add_interfaces();
    interface.set_name(std::string(Trim(std::string_view(line).substr(0, colon))));
    interface.set_routed(std::find(routed.begin(), routed.end(), interface.name()) != routed.end());
  }
  if (subject.is_outside()) return;
  for (int family = 0; family < kMostFamilies; ++family) {
    if (Exists(family, 0)) network.add_families(static_cast<std::uint32_t>(family));
  }
  for (int protocol = 0; protocol < kMostNetlink; ++protocol) {
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (socket.valid()) network.add_netlink(static_cast<std::uint32_t>(protocol));
  }
}

}  // namespace workmux::guest
