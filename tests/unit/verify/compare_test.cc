#include "daemon/verify/compare.h"

#include <cerrno>
#include <functional>

#include "common/base/format.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/verify/capabilities.h"
#include "daemon/verify/expectation.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

using state::v1::Expectation;
using Report = guest::v1::ProbeReport;

void AddMount(Expectation& expectation, const std::string& target, bool writable, bool pinned) {
  Expectation::Mount& mount = *expectation.add_mounts();
  mount.set_target(target);
  mount.set_writable(writable);
  mount.set_pinned(pinned);
  mount.set_device(7);
  mount.set_inode(expectation.mounts_size());
}

Expectation Meant() {
  Expectation meant;
  meant.set_no_new_privileges(true);
  meant.set_seccomp(true);
  meant.set_user(1000);
  meant.set_group(1000);
  AddMount(meant, kGuestBinDir, false, false);
  AddMount(meant, "/w/main", true, false);
  AddMount(meant, "/w/main/.trees/one", true, true);
  AddMount(meant, "/w/main/.trees/one/.git", false, true);
  Expectation::OwnMount& tmp = *meant.add_own_mounts();
  tmp.set_target("/tmp");
  tmp.set_filesystem("tmpfs");
  tmp.set_required(true);
  tmp.set_size(1024);
  tmp.set_no_privileges(true);
  Expectation::OwnMount& sys = *meant.add_own_mounts();
  sys.set_target("/proc/sys");
  sys.set_read_only(true);
  sys.set_required(true);
  meant.add_own_mounts()->set_target("/");
  meant.add_sockets("/w/main/docker.sock");
  meant.add_sockets("/tmp/tmux-1000/default");
  meant.add_variables("WM_RPC_TOKEN");
  meant.set_processes(4096);
  meant.set_user_processes(4096);
  meant.set_memory(1 << 20);
  meant.set_memory_and_swap(1 << 20);
  meant.set_cpus(1.5);
  return meant;
}

void AddSeen(Report& report, const std::string& target, bool read_only) {
  Report::Mount& mount = *report.add_mounts();
  mount.set_target(target);
  mount.set_root(target);
  mount.set_filesystem("ext4");
  mount.set_read_only(read_only);
}

// What an intact sandbox answers.
Report Intact(const Expectation& meant) {
  Report report;
  Report::Process& process = *report.add_processes();
  process.set_pid(5);
  process.set_no_new_privileges(true);
  process.set_seccomp(2);
  for (int i = 0; i < 4; ++i) {
    process.add_users(1000);
    process.add_groups(1000);
  }
  process.set_most_processes(4096);
  process.add_variables("WM_RPC_TOKEN");
  AddSeen(report, "/", false);
  for (const Expectation::Mount& mount : meant.mounts()) {
    AddSeen(report, mount.target(), !mount.writable());
    report.mutable_mounts()->rbegin()->set_device(mount.device());
    report.mutable_mounts()->rbegin()->set_inode(mount.inode());
  }
  AddSeen(report, "/tmp", false);
  report.mutable_mounts()->rbegin()->set_filesystem("tmpfs");
  report.mutable_mounts()->rbegin()->set_size(1024);
  report.mutable_mounts()->rbegin()->set_no_suid(true);
  report.mutable_mounts()->rbegin()->set_no_devices(true);
  AddSeen(report, "/proc/sys", true);
  const guest::v1::ProbeRequest request = RequestFor(meant);
  const auto add = [&](Report::AttemptKind kind, const auto& paths, int error) {
    for (const std::string& path : paths) {
      Report::Attempt& attempt = *report.add_attempts();
      attempt.set_kind(kind);
      attempt.set_path(path);
      attempt.set_error(error);
    }
  };
  add(Report::ATTEMPT_KIND_WRITE, request.written(), EROFS);
  add(Report::ATTEMPT_KIND_MOVE, request.moved(), EBUSY);
  add(Report::ATTEMPT_KIND_CONNECT, request.sockets(), ENOENT);
  report.mutable_limits()->set_processes(4096);
  report.mutable_limits()->set_memory(1 << 20);
  report.mutable_limits()->set_memory_and_swap(1 << 20);
  report.mutable_limits()->set_cpu_microseconds(150'000);
  report.mutable_limits()->set_cpu_period(100'000);
  return report;
}

std::string Found(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& difference : differences)
    text += Format("{}: {} / {}\n", difference.defence, difference.expected, difference.found);
  return text;
}

Report::Mount& Seen(Report& report, const std::string& target) {
  for (Report::Mount& mount : *report.mutable_mounts()) {
    if (mount.target() == target) return mount;
  }
  return *report.add_mounts();
}

Report::Attempt& Tried(Report& report, const std::string& path) {
  for (Report::Attempt& attempt : *report.mutable_attempts()) {
    if (attempt.path() == path) return attempt;
  }
  return *report.add_attempts();
}

}  // namespace

TEST_CASE("Verify: a report of what was meant has no difference", "[verify]") {
  const Expectation meant = Meant();
  CHECK(Found(Compare(meant, Intact(meant))).empty());
}

TEST_CASE("Verify: the ancestors of what is pinned are tried", "[verify]") {
  const auto request = RequestFor(Meant());
  const std::vector<std::string> moved(request.moved().begin(), request.moved().end());
  CHECK(moved == std::vector<std::string>{"/w/main/.trees", "/w/main/.trees/one"});
}

TEST_CASE("Verify: a restricted network is loopback, and sockets of few kinds", "[verify]") {
  Expectation meant = Meant();
  meant.set_isolated(true);
  meant.set_socket_filter(true);
  CHECK(RequestFor(meant).network());
  CHECK_FALSE(RequestFor(Meant()).network());
  const auto report = [&meant](const std::function<void(Report&)>& change) {
    Report seen = Intact(meant);
    Report::Network& network = *seen.mutable_network();
    for (const std::uint32_t family : {1u, 2u, 10u, 16u}) network.add_families(family);
    network.add_netlink(0);
    Report::Interface& loopback = *network.add_interfaces();
    loopback.set_name("lo");
    loopback.set_routed(true);
    // The kernel's own, in every network since the module was loaded.
    network.add_interfaces()->set_name("sit0");
    change(seen);
    return Found(Compare(meant, seen));
  };
  CHECK(report([](Report&) {}).empty());
  CHECK(report([](Report& r) { r.clear_network(); }) ==
        "network: loopback alone / not to be seen\n");
  CHECK(report([](Report& r) { r.mutable_network()->mutable_interfaces(1)->set_routed(true); }) ==
        "network: loopback alone / the interface sit0\n");
  CHECK(report([](Report& r) { r.mutable_network()->add_interfaces()->set_name("eth0\x1b"); }) ==
        "network: loopback alone / the interface eth0?\n");
  CHECK(report([](Report& r) { r.mutable_network()->mutable_interfaces()->Clear(); }) ==
        "network: loopback alone / not to be seen\n");
  CHECK(report([](Report& r) { r.mutable_network()->add_families(40); }) ==
        "network: sockets of the restricted families / family 40 exists\n");
  CHECK(report([](Report& r) { r.mutable_network()->add_netlink(15); }) ==
        "network: sockets of the restricted families / netlink protocol 15 exists\n");
  CHECK(report([](Report& r) { r.mutable_network()->clear_families(); }) ==
        "network: sockets of the restricted families / not to be seen\n");

  const auto first = [&](std::uint32_t filters) {
    return report([filters](Report& r) {
      *r.add_processes() = r.processes(0);
      r.mutable_processes(0)->set_seccomp_filters(2);
      r.mutable_processes(1)->set_pid(1);
      r.mutable_processes(1)->set_seccomp_filters(filters);
    });
  };
  CHECK(first(2).empty());
  CHECK(first(1) == "network: a filter of sockets / none in process 1\n");
  // The guest program's own is no filter of the first process where bwrap is that.
  CHECK(report([](Report& r) {
          *r.add_processes() = r.processes(0);
          r.mutable_processes(0)->set_seccomp_filters(3);
          r.mutable_processes(1)->set_pid(1);
          r.mutable_processes(1)->set_seccomp_filters(2);
        }).empty());

  // From outside sockets cannot be tried: two filters have to be there.
  meant.set_outside_probe(true);
  const auto outside = [&](std::uint32_t filters) {
    return report([filters](Report& r) {
      r.mutable_network()->clear_families();
      *r.add_processes() = r.processes(0);
      r.mutable_processes(0)->set_pid(2);
      r.mutable_processes(1)->set_pid(1);
      for (Report::Process& process : *r.mutable_processes()) process.set_seccomp_filters(filters);
    });
  };
  CHECK(outside(2).empty());
  CHECK(outside(1) ==
        "network: a filter of sockets / none in process 2\n"
        "network: a filter of sockets / none in process 1\n");
  // A firewall leaves interfaces.
  meant.set_outside_probe(false);
  meant.set_isolated(false);
  CHECK(report([](Report& r) { r.mutable_network()->add_interfaces()->set_name("eth0"); }).empty());
}

TEST_CASE("Verify: the first process of a restricted container keeps its variables to itself",
          "[verify]") {
  Expectation meant = Meant();
  Report seen = Intact(meant);
  *seen.add_processes() = seen.processes(0);
  seen.mutable_processes(1)->set_pid(1);
  seen.mutable_processes(1)->add_unread("environ");
  const std::string differs = "report: environ of process 1 / it cannot be read\n";
  CHECK(Found(Compare(meant, seen)) == differs);
  meant.set_socket_filter(true);
  for (const std::uint32_t family : {1u, 2u, 10u, 16u})
    seen.mutable_network()->add_families(family);
  CHECK(Found(Compare(meant, seen)).empty());
  seen.mutable_processes(1)->add_unread("status");
  CHECK(Found(Compare(meant, seen)) == "report: status of process 1 / it cannot be read\n");
  seen.mutable_processes(1)->mutable_unread()->RemoveLast();
  seen.mutable_processes(0)->add_unread("environ");
  CHECK(Found(Compare(meant, seen)) == "report: environ of process 5 / it cannot be read\n");
}

TEST_CASE("Verify: behind a firewall the named ports answer and nothing else", "[verify]") {
  Expectation meant = Meant();
  CHECK(RequestFor(meant).ways().empty());
  meant.mutable_firewall()->set_address("172.17.0.1");
  meant.mutable_firewall()->add_ports(40001);
  meant.mutable_firewall()->add_ports(40002);
  Report intact = Intact(meant);
  const auto request = RequestFor(meant);
  for (const auto& way : request.ways()) {
    auto& passage = *intact.mutable_network()->add_passages();
    *passage.mutable_way() = way;
    const bool open = !way.datagram() && way.port() >= 40001;
    passage.set_error(open ? 0 : ECONNREFUSED);
  }
  CHECK(Found(Compare(meant, intact)).empty());

  const auto turned = [&](bool datagram, const std::string& address, std::uint32_t port) {
    Report seen = intact;
    int found = 0;
    for (auto& passage : *seen.mutable_network()->mutable_passages()) {
      const auto& way = passage.way();
      if (way.datagram() != datagram || way.address() != address || way.port() != port) continue;
      passage.set_error(passage.error() == 0 ? ECONNREFUSED : 0);
      ++found;
    }
    CHECK(found == 1);
    return Found(Compare(meant, seen));
  };
  CHECK(turned(true, "198.51.100.1", 53) ==
        "network: UDP port 53 of 198.51.100.1: out of reach / it is reached\n");
  CHECK(turned(false, "2001:db8::1", 443) ==
        "network: TCP port 443 of 2001:db8::1: out of reach / it is reached\n");
  CHECK(turned(true, "127.0.0.11", 53) ==
        "network: UDP port 53 of 127.0.0.11: out of reach / it is reached\n");
  CHECK(turned(false, "172.17.0.1", 2375) ==
        "network: TCP port 2375 of 172.17.0.1: out of reach / it is reached\n");
  CHECK(turned(false, "172.17.0.1", 40002) ==
        "network: TCP port 40002 of 172.17.0.1: answers / Connection refused\n");
  Report less = intact;
  less.mutable_network()->mutable_passages()->RemoveLast();
  CHECK(Found(Compare(meant, less)) ==
        "network: TCP port 40002 of 172.17.0.1: answers / not tried\n");

  // Another sandbox's ports are no other policy.
  Expectation other = meant;
  other.mutable_firewall()->set_ports(0, 50001);
  CHECK(PolicyOf(other) == PolicyOf(meant));
  other.clear_firewall();
  CHECK(PolicyOf(other) != PolicyOf(meant));
}

TEST_CASE("Verify: each defence that is missing is named", "[verify]") {
  struct Case {
    std::string found;
    std::function<void(Report&)> change;
  };
  const Case cases[] = {
      {"capabilities: bounding set: none / cap_net_raw in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_bounding(1u << 13); }},
      {"capabilities: ambient set: none / cap_chown in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_ambient(1); }},
      {"no-new-privileges: set / not set in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_no_new_privileges(false); }},
      {"seccomp: a filter of system calls / none in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_seccomp(0); }},
      {"identity: user 1000, group 1000 / user 0/1000/1000/1000, group 1000 in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_users(0, 0); }},
      {"identity: user 1000, group 1000 / user 1000/1000/0/1000, group 1000 in process 5\n",
       [](Report& r) { r.mutable_processes(0)->set_users(2, 0); }},
      {"identity: user 1000, group 1000 / user not reported, group not reported in process 5\n",
       [](Report& r) {
         r.mutable_processes(0)->clear_users();
         r.mutable_processes(0)->clear_groups();
       }},
      {"identity: no further groups / group 105 in process 5\n",
       [](Report& r) { r.mutable_processes(0)->add_further_groups(105); }},
      {"mounts: /w/main: mounted / not mounted\n",
       [](Report& r) { Seen(r, "/w/main").set_target("/"); }},
      {"mounts: /w/main/.trees/one/.git: read-only / writable\n",
       [](Report& r) { Seen(r, "/w/main/.trees/one/.git").set_read_only(false); }},
      {"mounts: /w/main: the file that was looked at / another one\n",
       [](Report& r) { Seen(r, "/w/main").set_inode(99); }},
      {"mounts: no mount that nobody asked for / /home of /home (ext4, writable)\n",
       [](Report& r) { AddSeen(r, "/home", false); }},
      {"mounts: no mount that nobody asked for / /a?b of /a?b (ext4, read-only)\n",
       [](Report& r) { AddSeen(r, "/a\nb", true); }},
      {"mounts: /tmp: a mount of the sandbox's own / ext4\n"
       "mounts: no mount that nobody asked for / /tmp of /tmp (ext4, writable)\n",
       [](Report& r) { Seen(r, "/tmp").set_filesystem("ext4"); }},
      {"protected paths: /w/main/.trees/one/.git: not writable / it can be done\n",
       [](Report& r) { Tried(r, "/w/main/.trees/one/.git").set_error(0); }},
      {"protected paths: /w/main/.trees: cannot be moved away / it can be done\n",
       [](Report& r) { Tried(r, "/w/main/.trees").set_error(0); }},
      {"protected paths: /w/main/.trees: tried / not reported\n",
       [](Report& r) { Tried(r, "/w/main/.trees").set_path("/w/main/.trees/one"); }},
      {"kernel: /proc/sys: read-only / writable\n",
       [](Report& r) { Seen(r, "/proc/sys").set_read_only(false); }},
      {"kernel: /proc/sysrq-trigger: not writable / it can be done\n",
       [](Report& r) { Tried(r, "/proc/sysrq-trigger").set_error(0); }},
      {"sockets: /w/main/docker.sock: out of reach / it answers\n",
       [](Report& r) { Tried(r, "/w/main/docker.sock").set_error(0); }},
      {"environment: no variable that nobody set / AWS_SECRET_ACCESS_KEY\n",
       [](Report& r) { r.mutable_processes(0)->add_variables("AWS_SECRET_ACCESS_KEY"); }},
      {"environment: no value of a variable in an argument / that of API in process 5\n",
       [](Report& r) { r.mutable_processes(0)->add_exposed_secrets("API"); }},
      {"limits: processes: 4096 / no limit\n",
       [](Report& r) { r.mutable_limits()->set_processes(~std::uint64_t{0}); }},
      {"limits: processes of the user: 4096 / 8000\n",
       [](Report& r) { r.mutable_processes(0)->set_most_processes(8000); }},
      {"limits: bytes of memory: 1048576 / not to be seen\n",
       [](Report& r) { r.mutable_limits()->clear_memory(); }},
      {"limits: bytes of memory and swap: 1048576 / 2097152\n",
       [](Report& r) { r.mutable_limits()->set_memory_and_swap(2 << 20); }},
      {"limits: CPUs: 1.5 / no limit\n",
       [](Report& r) { r.mutable_limits()->set_cpu_microseconds(~std::uint64_t{0}); }},
      {"report: environ of process 5 / it cannot be read\n",
       [](Report& r) { r.mutable_processes(0)->add_unread("environ"); }},
      {"mounts: /tmp: without set-user-id programs and devices / set-user-id programs count\n",
       [](Report& r) { Seen(r, "/tmp").set_no_suid(false); }},
      {"mounts: /tmp: without set-user-id programs and devices / devices count\n",
       [](Report& r) { Seen(r, "/tmp").set_no_devices(false); }},
      {"limits: /tmp: at most 1024 bytes / 2048\n",
       [](Report& r) { Seen(r, "/tmp").set_size(2048); }},
      {"report: the sandbox's processes / not reported\n", [](Report& r) { r.clear_processes(); }},
  };
  const Expectation meant = Meant();
  for (const Case& c : cases) {
    Report report = Intact(meant);
    c.change(report);
    CHECK(Found(Compare(meant, report)) == c.found);
  }
}

TEST_CASE("Verify: a lower limit, and a socket that was made inside, are no differences",
          "[verify]") {
  const Expectation meant = Meant();
  Report report = Intact(meant);
  report.mutable_limits()->set_memory(1);
  report.mutable_limits()->set_processes(10);
  Seen(report, "/tmp").set_size(512);
  Tried(report, "/tmp/tmux-1000/default").set_error(0);  // on the sandbox's own /tmp
  CHECK(Found(Compare(meant, report)).empty());
}

TEST_CASE("Verify: other numbers of files mean another machine, not other files", "[verify]") {
  const Expectation meant = Meant();
  Report report = Intact(meant);
  for (Report::Mount& mount : *report.mutable_mounts()) mount.set_device(mount.device() + 1);
  CHECK(Found(Compare(meant, report)).empty());
}

TEST_CASE("Verify: an empty report differs in everything that is needed", "[verify]") {
  const auto differences = Compare(Meant(), Report());
  for (const char* defence : {"report", "mounts", "protected paths", "sockets", "limits"}) {
    INFO(defence);
    CHECK(std::any_of(differences.begin(), differences.end(),
                      [&](const Difference& d) { return d.defence == defence; }));
  }
}

TEST_CASE("Verify: capabilities have their names", "[verify]") {
  CHECK(CapabilityBit("NET_RAW") == std::uint64_t{1} << 13);
  CHECK(CapabilityBit("cap_checkpoint_restore") == std::uint64_t{1} << 40);
  CHECK_FALSE(CapabilityBit("ALL").has_value());
  CHECK(CapabilityNames(0) == "none");
  CHECK(CapabilityNames((std::uint64_t{1} << 21) | 1) == "cap_chown, cap_sys_admin");
  CHECK(CapabilityNames(std::uint64_t{1} << 63) == "0x8000000000000000");
}

}  // namespace workmux::daemon
