#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "guest/commands.h"
#include "guest/enter.h"

// One file with many names: argv[0] decides. So far every name is `workmux`.
int main(int argc, char** argv) {
  // First of all: what it runs gets the environment as it is.
  if (argc > 2 && std::strcmp(argv[1], "enter") == 0) {
    return workmux::guest::EnterSandbox(argv + 2);
  }
  // A static program has no NSS: names are resolved by gRPC's own resolver.
  ::setenv("GRPC_DNS_RESOLVER", "ares", 0);
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  // gRPC's threads each take a heap of their own otherwise, for one short call.
  ::mallopt(M_ARENA_MAX, 1);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const int code = workmux::guest::RunWorkmux(arguments);
  // gRPC's orderly shutdown would cost a hook as much as the call itself.
  std::fflush(nullptr);
  ::_exit(code);
}
