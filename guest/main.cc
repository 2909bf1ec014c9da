#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "guest/commands.h"
#include "guest/enter.h"
#include "guest/firewall/apply.h"
#include "guest/guest_client.h"
#include "guest/probe/probe.h"

// One file with many names: argv[0] decides. So far every name is `workmux`.
int main(int argc, char** argv) {
  // First of all: what it runs gets the environment as it is.
  if (argc > 2 && std::strcmp(argv[1], "enter") == 0) {
    return workmux::guest::EnterSandbox(argv);
  }
  if (argc > 2 && std::strcmp(argv[1], "join") == 0) {
    return workmux::guest::JoinSandbox(argv);
  }
  if (argc > 1 && std::strcmp(argv[1], "probe") == 0) {
    if (argc == 2) return workmux::guest::RunProbe(workmux::guest::Subject());
    long long first = 0;
    long long second = 0;
    if (argc == 4 && workmux::ParseInt(argv[2], first) && workmux::ParseInt(argv[3], second))
      return workmux::guest::RunProbe(workmux::guest::Subject(first, second));
  }
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (argc > 1 && arguments[0] == "firewall")
    return workmux::guest::RunFirewall(std::span(arguments).subspan(1));
  workmux::guest::PrepareForCalls();
  const int code = workmux::guest::RunWorkmux(arguments);
  // gRPC's orderly shutdown would cost a hook as much as the call itself.
  std::fflush(nullptr);
  ::_exit(code);
}
