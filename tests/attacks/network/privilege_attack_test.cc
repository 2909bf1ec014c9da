// A hostile program that wants the rules gone, and engines that leave them out.

#include "common/base/format.h"
#include "tests/attacks/network/environments.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

// What could change a network from inside: rules, routes, interfaces.
constexpr char kChange[] =
    "PATH=$PATH:/usr/sbin:/sbin\n"
    "iptables -F OUTPUT >/dev/null 2>&1 && echo flushed\n"
    "ip6tables -F OUTPUT >/dev/null 2>&1 && echo flushed\n";

constexpr char kPrivileges[] =
    "grep -h -e ^CapBnd -e ^CapEff -e ^CapPrm -e ^CapInh -e ^CapAmb -e ^NoNewPrivs "
    "/proc/[0-9]*/status | sort -u\n";

constexpr char kNone[] =
    "CapAmb:\t0000000000000000\nCapBnd:\t0000000000000000\nCapEff:\t0000000000000000\n"
    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nNoNewPrivs:\t1\n";

// A program before the engine's own that leaves out what restricts the network.
void InstallForgetful(const NetworkStage& stage) {
  const std::string& engine = stage.environment.engine;
  std::string script = "#!/bin/bash\nargs=()\n";
  if (engine == "namespace") {
    // Its arguments come through the descriptor that --args names.
    script +=
        "mapfile -d '' -t file <&$2\n"
        "for a in \"${file[@]}\"; do [ \"$a\" = --unshare-net ] || args+=(\"$a\"); done\n"
        "eval \"exec $2< <(printf '%s\\\\0' \\\"\\${args[@]}\\\")\"\n"
        "exec /usr/bin/bwrap \"$@\"\n";
    stage.world.Install("bwrap", script);
    return;
  }
  script +=
      "for a in \"$@\"; do case $a in --network=* | --net=*) ;; *) args+=(\"$a\") ;; esac; done\n"
      "exec /usr/bin/" +
      engine + " \"${args[@]}\"\n";
  stage.world.Install(engine, script);
}

}  // namespace

// Control: root in a plain container that kept NET_ADMIN (namespace: in a network of its own), who
// flushes them.
TEST_CASE("Attack N13: no process can change the rules of its network, one that joins neither",
          "[attack][N13][namespace][docker][podman][podman_root][firewall]") {
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    const std::vector<std::string> able =
        environment.engine == "namespace"
            ? std::vector<std::string>{"--user", "--map-root-user", "--net"}
            : std::vector<std::string>{"--cap-add=NET_ADMIN", "--user=0:0"};
    const std::string plain = stage.Plain(able, kChange);
    INFO(plain);
    CHECK(CountLines(plain, "flushed") == 2);

    const std::string out = stage.Restricted(std::string(kPrivileges) + kChange);
    INFO(out);
    CHECK(out == kNone);
    // Setuid programs, of which an image has some, give nothing.
    const std::string su = stage.Restricted(
        "for p in su mount passwd newgrp; do command -v $p; done | head -1 | xargs ls -l\n"
        "su root -c id </dev/null; echo $?");
    INFO(su);
    CHECK(su.find("uid=0(root)") == std::string::npos);

    if (environment.engine == "namespace") continue;  // nobody can join one
    auto running = stage.StartInside("echo started; exec sleep 600");
    INFO(running->err());
    REQUIRE(running->Prints("started"));
    const CommandResult joined = stage.world.Run(
        {"sandbox", "shell", "--exec", "--", "sh", "-c", std::string(kPrivileges) + kChange},
        {.cwd = stage.tree, .env = {}, .input = {}});
    INFO(joined.err);
    CHECK(joined.out == kNone);
  }
}

// Control: the same start with an engine that does what it is asked.
TEST_CASE("Attack N14: nothing runs where the restriction was left out",
          "[attack][N14][namespace][docker][podman][podman_root]") {
  for (const Environment& environment : UsableEnvironments()) {
    if (!environment.isolated()) continue;  // it is made of other parts
    INFO(environment.name);
    NetworkStage stage(environment);
    InstallForgetful(stage);
    const std::string out = stage.Restricted("touch ran");
    INFO(out);
    CHECK(stage.status() == 125);
    CHECK_FALSE(fs::exists(stage.tree / "ran"));
    fs::remove_all(stage.world.bin());
    stage.Restricted("touch ran");
    CHECK(stage.status() == 0);
    CHECK(fs::exists(stage.tree / "ran"));
  }
}

// Control: the same start once nothing is in the proxy's way.
TEST_CASE("Attack N14: nothing runs without its proxy",
          "[attack][N14][namespace][docker][podman][podman_root][firewall]") {
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    // Nothing can be made there.
    const fs::path sockets = stage.world.runtime() / "workmux/s";
    stage.world.SetConfig(stage.RestrictedConfig());
    stage.world.Must({"list"});
    fs::remove_all(sockets);
    WriteFile(sockets, "");
    stage.Restricted("touch ran");
    CHECK(stage.status() != 0);
    CHECK_FALSE(fs::exists(stage.tree / "ran"));
    fs::remove(sockets);
    const std::string out = stage.Restricted("touch ran");
    INFO(out);
    CHECK(stage.status() == 0);
    CHECK(fs::exists(stage.tree / "ran"));
  }
}

}  // namespace workmux::test
