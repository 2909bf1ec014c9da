#include <charconv>

#include "common/base/strings.h"
#include "tests/attacks/guest/guest_world.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

constexpr char kStatus[] = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status";

// Forks until it may not, without running anything in the children.
constexpr char kForkBomb[] =
    "perl -e '$n = 0; while ($n < 6000) { $p = fork; last unless defined $p; if (!$p) { sleep 600; "
    "exit } $n++; "
    "push @p, $p } print \"forked $n\\n\"; kill 9, @p'";

int Number(const std::string& text, std::string_view after) {
  const auto at = text.find(after);
  int number = -1;
  if (at != std::string::npos) {
    const char* digits = text.data() + at + after.size();
    std::from_chars(digits, text.data() + text.size(), number);
  }
  return number;
}

}  // namespace

// Control: the same processes outside.
TEST_CASE("Attack K4: no privilege is left inside and none can be won",
          "[attack][K4][namespace][docker][podman]") {
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    GuestWorld world;
    const CommandResult inside = world.Inside(engine, kStatus);
    INFO(engine << "\n" << inside.out << inside.err);
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      CHECK(inside.out.find(std::string(set) + ":\t0000000000000000\n") != std::string::npos);
    }
    CHECK(inside.out.find("NoNewPrivs:\t1") != std::string::npos);
    CHECK(inside.out.find("Seccomp:\t2") != std::string::npos);
    const std::string outside =
        world.RunCommand({"/bin/sh", "-c", kStatus}, {.cwd = "/", .env = {}, .input = {}}).out;
    CHECK(outside.find("CapBnd:\t0000000000000000") == std::string::npos);
    CHECK(outside.find("NoNewPrivs:\t0") != std::string::npos);
  }
}

// Control: the same loop outside, which its own end stops.
TEST_CASE("Attack K2: a fork bomb ends at the limit", "[attack][K2][namespace][docker][podman]") {
  GuestWorld world;
  const std::string outside =
      world.RunCommand({"/bin/sh", "-c", kForkBomb}, {.cwd = "/", .env = {}, .input = {}}).out;
  CHECK(Number(outside, "forked ") == 6000);
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    // The kernel does not count root's processes; a container's are counted by its cgroup.
    if (engine == "namespace" && ::geteuid() == 0) continue;
    const CommandResult inside = world.Inside(engine, kForkBomb);
    INFO(engine << "\n" << inside.out << inside.err);
    CHECK(Number(inside.out, "forked ") > 1000);
    CHECK(Number(inside.out, "forked ") <= 4096);
  }
}

// Control: the same list outside, where everything is there.
TEST_CASE("Attack K4: nothing of the user's and nothing of the daemon's is in reach",
          "[attack][K4][namespace][docker][podman]") {
  GuestWorld world;
  const std::string canary = "canary-7d20c1";
  for (const char* file : {".ssh/id_ed25519", ".netrc", ".config/workmux/secret", "notes"}) {
    WriteFile(world.home() / file, canary);
  }
  WriteFile(world.area() / "beside", canary);
  std::vector<fs::path> paths = {world.home() / ".ssh",
                                 world.home() / ".gitconfig",
                                 world.home() / ".config/workmux",
                                 world.state() / "workmux.db",
                                 world.socket(),
                                 world.area() / "beside"};
  if (HaveTmux()) {
    world.StartTmux();
    paths.push_back(world.tmux_socket());
  }
  REQUIRE(world.Run({"list"}).exit.ok());
  std::string look;
  for (const fs::path& path : paths)
    look += "test -e '" + path.string() + "' && echo 'sees " + path.string() + "'\n";
  look += "grep -rsl " + canary + " '" + world.area().string() + "' 2>/dev/null\n";
  // Sockets of whatever listens on this machine, and what could name other processes of the host.
  const std::string sockets =
      "grep -rsl " + canary +
      " /tmp /run /var/tmp /home /root /mnt 2>/dev/null; "
      "for s in /run/docker.sock /var/run/docker.sock /run/containerd/containerd.sock "
      "/run/podman/podman.sock "
      "/run/dbus/system_bus_socket /tmp/.X11-unix /tmp/tmux-*; do test -e $s && echo \"sees $s\"; "
      "done; "
      "find /run /tmp /var -type s 2>/dev/null | grep -v '^/run/workmux/bridge/'; "
      "cat /proc/[0-9]*/comm | grep -c -e workmuxd -e dockerd -e tmux";
  const std::string outside =
      world.RunCommand({"/bin/sh", "-c", look}, {.cwd = "/", .env = {}, .input = {}}).out;
  for (const fs::path& path : paths)
    CHECK(outside.find("sees " + path.string() + "\n") != std::string::npos);
  CHECK(outside.find((world.home() / "notes").string()) != std::string::npos);
  for (const std::string engine : {"namespace", "docker", "podman"}) {
    if (!CanUse(engine)) continue;
    const CommandResult inside = world.Inside(engine, look + sockets);
    INFO(engine << "\n" << inside.err);
    CHECK(inside.out == "0\n");
  }
}

}  // namespace workmux::test
