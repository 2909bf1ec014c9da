#include "tests/support/registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "common/base/status.h"
#include "common/process/posix_command_runner.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

UniqueFd ListenOnFreePort(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 16) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  port = ntohs(address.sin_port);
  return fd;
}

bool Answers(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(port);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

CommandResult Docker(std::vector<std::string> arguments, const std::filesystem::path& config,
                     const std::string& input = "") {
  Command command;
  command.argv = {"docker"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = CurrentEnv();
  command.env["DOCKER_CONFIG"] = config.string();
  command.stdin_data = input;
  PosixCommandRunner runner;
  RunOptions options;
  options.timeout = std::chrono::seconds(120);
  auto result = runner.Run(command, options);
  if (!result.ok()) throw std::runtime_error(MessageOf(result.status()));
  return *std::move(result);
}

std::string MustDocker(std::vector<std::string> arguments, const std::filesystem::path& config,
                       const std::string& input = "") {
  const CommandResult result = Docker(arguments, config, input);
  if (!result.exit.ok())
    throw std::runtime_error("docker " + arguments.front() + ": " + result.err);
  return result.out;
}

// A ustar archive with one file (POSIX.1-1988, "ustar Interchange Format").
std::string Archive(const std::string& name, std::string_view content) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, size);
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  put(148, std::string(checksum, 7) + " ");
  std::string body(content);
  body.resize((body.size() + 511) / 512 * 512, '\0');
  return header + body + std::string(1024, '\0');
}

}  // namespace

bool HaveRegistry() {
  if (FindProgram("docker-registry", CurrentEnv()).ok()) return true;
  std::cout << "SKIPPED: docker-registry is not installed\n";
  return false;
}

Registry::Registry() {
  // The port is free again for a moment before the server takes it.
  ListenOnFreePort(port_).Reset();
  WriteFile(dir_ / "config.yml",
            "version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: " +
                (dir_ / "data").string() + "}}\nhttp: {addr: \"" + host() + "\"}\n");
  WriteFile(dir_ / "registries.conf", "[[registry]]\nlocation = \"" + host() +
                                          "\"\ninsecure = true\n\n[[registry]]\nprefix = "
                                          "\"ghcr.io/raine\"\nlocation = \"" +
                                          host() + "\"\ninsecure = true\n");
  Command command;
  command.argv = {"docker-registry", "serve", (dir_ / "config.yml").string()};
  command.env = CurrentEnv();
  server_ = std::make_unique<Program>(command);
  if (!WaitUntil([&] { return Answers(port_); }))
    throw std::runtime_error("docker-registry did not start: " + server_->err());
}

void Registry::Push(const std::string& name, std::string_view content) {
  const std::string image = push_host() + "/" + name;
  MustDocker({"import", "--change", "CMD [\"/content\"]", "-", image}, dir_ / "docker",
             Archive("content", content));
  MustDocker({"push", image}, dir_ / "docker");
  MustDocker({"rmi", image}, dir_ / "docker");
}

void Registry::PushExisting(const std::string& image, const std::string& name) {
  const std::string pushed = push_host() + "/" + name;
  MustDocker({"tag", image, pushed}, dir_ / "docker");
  MustDocker({"push", pushed}, dir_ / "docker");
  MustDocker({"rmi", pushed}, dir_ / "docker");
}

void Registry::PushIndex(const std::string& name, std::string_view content) {
  const std::string image = push_host() + "/" + name;
  const std::string own = name + "-own";
  const std::string other = name + "-other";
  Push(own, content);
  Push(other, "another platform's");
  Docker({"manifest", "rm", image}, dir_ / "docker");
  MustDocker({"manifest", "create", "--insecure", image, push_host() + "/" + own,
              push_host() + "/" + other},
             dir_ / "docker");
  MustDocker({"manifest", "annotate", "--arch", "s390x", image, push_host() + "/" + other},
             dir_ / "docker");
  MustDocker({"manifest", "push", "--insecure", "--purge", image}, dir_ / "docker");
}

SilentServer::SilentServer() { listener_ = ListenOnFreePort(port_); }

SilentServer::~SilentServer() = default;

// The kernel completes connections that nobody accepts, up to the backlog.
bool SilentServer::WasAsked() const {
  pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

}  // namespace workmux::test
