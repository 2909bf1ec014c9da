// load HOST [PROXY]: the client that all are measured with. PROXY is what
// ParseTarget takes, else HTTPS_PROXY. Reads one command per line and answers with one:
//   port N         from now on that port of the proxy's address
//   setup N        N tunnels, one after the other: nanoseconds of each
//   stream BYTES   so many bytes from the server: nanoseconds
//   hold N         opens N tunnels and keeps them
//   drop           closes them
//   process NAME   of all processes of this name here: nanoseconds of CPU, voluntary
//                  context switches, KiB of memory
//   mixed SECONDS TUNNELS SEED   (mixed.h)
#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/egress/mixed.h"
#include "tests/bench/egress/target.h"

namespace workmux::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kReadBuffer = 256 * 1024;

void SetUp(const Target& target, int count) {
  for (int i = 0; i < count; ++i) {
    Tunnel tunnel = OpenTunnel(target);
    std::cout << tunnel.took.count() << (i + 1 < count ? " " : "");
    CloseTunnel(std::move(tunnel));
  }
}

void Stream(const Target& target, std::uint64_t bytes) {
  Tunnel tunnel = OpenTunnel(target);
  std::vector<char> buffer(kReadBuffer);
  const auto begun = steady_clock::now();
  SendAll(tunnel.fd.get(), AskFor(bytes));
  for (std::uint64_t left = bytes; left > 0;) {
    const ssize_t got = ::recv(tunnel.fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) Die("the stream ended early");
    left -= static_cast<std::uint64_t>(got);
  }
  std::cout << (steady_clock::now() - begun).count();
  CloseTunnel(std::move(tunnel));
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::uint64_t StatusField(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

// Of processes with one thread.
void Describe(const std::string& name) {
  std::uint64_t cpu = 0;
  std::uint64_t switches = 0;
  std::uint64_t memory = 0;
  DIR* const all = ::opendir("/proc");
  while (const dirent* const entry = ::readdir(all)) {
    const std::string place = std::string("/proc/") + static_cast<const char*>(entry->d_name);
    if (FirstLine(place + "/comm") != name) continue;
    cpu += std::strtoull(FirstLine(place + "/schedstat").c_str(), nullptr, 10);
    switches += StatusField(place + "/status", "voluntary_ctxt_switches");
    memory += StatusField(place + "/status", "VmRSS");
  }
  ::closedir(all);
  std::cout << cpu << " " << switches << " " << memory;
}

void Serve(Target target) {
  std::vector<Tunnel> held;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    std::uint64_t number = 0;
    if (verb == "process") {
      words >> verb;
      Describe(verb);
    } else if (verb == "mixed") {
      MixedLoad load;
      words >> load.seconds >> load.tunnels >> load.seed;
      RunMixed(target, load);
    } else if (verb == "drop") {
      std::cout << held.size();
      for (Tunnel& tunnel : held) CloseTunnel(std::move(tunnel));
      held.clear();
    } else if (words >> number; verb == "setup") {
      SetUp(target, static_cast<int>(number));
    } else if (verb == "port") {
      target.address.sin_port = htons(static_cast<std::uint16_t>(number));
    } else if (verb == "stream") {
      Stream(target, number);
    } else if (verb == "hold") {
      for (; number > 0; --number) held.push_back(OpenTunnel(target));
      std::cout << held.size();
    } else {
      Die("what is " + line + "?");
    }
    std::cout << std::endl;
  }
}

int Main(int argc, char** argv) {
  const char* const proxy = argc == 3 ? argv[2] : std::getenv("HTTPS_PROXY");
  if (argc < 2 || argc > 3 || proxy == nullptr) Die("usage: load HOST [PROXY]");
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  Serve(ParseTarget(proxy, argv[1]));
  return 0;
}

}  // namespace
}  // namespace workmux::bench

int main(int argc, char** argv) { return workmux::bench::Main(argc, argv); }
