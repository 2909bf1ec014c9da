#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/component/cli/cli_process.h"
#include "tests/fakes/fake_daemon.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A home and a runtime directory of the test's own, with a daemon in it.
struct CliFixture {
  std::map<std::string, std::string> Env() const {
    return {{"HOME", dir.path().string()},
            {"WORKMUX_SOCKET", socket.string()},
            {"WORKMUX_NO_SPAWN", "1"},
            {"TERM", "xterm"}};
  }
  CliProcess::Options With(std::vector<std::string> arguments, bool tty = false) const {
    return {.arguments = std::move(arguments), .env = Env(), .cwd = dir.path(), .tty = tty};
  }
  // A plan that runs `script` with sh.
  void Plan(const std::string& script) {
    daemon.plan.Clear();
    for (const char* word : {"/bin/sh", "-c"}) daemon.plan.add_argv(word);
    daemon.plan.add_argv(script);
    daemon.plan.set_cwd(dir.path().string());
    (*daemon.plan.mutable_env())["PATH"] = "/usr/bin:/bin";
  }

  TempDir dir;
  std::filesystem::path socket = dir / "d.sock";
  FakeDaemon daemon{socket};
};

}  // namespace workmux::test
