#pragma once

#include <cstdint>

#include <memory>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "tests/support/program.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// False, having printed the SKIPPED line, when docker-registry is missing.
bool HaveRegistry();

// A container registry on a free port of the loopback, without TLS; it keeps what
// is pushed for as long as it lives.
class Registry {
 public:
  Registry();

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  // Makes an image with one file of this content and pushes it to host()/name,
  // with the Docker engine, which forgets it again. Throws when that fails.
  void Push(const std::string& name, std::string_view content);
  // Pushes an image that the Docker engine has.
  void PushExisting(const std::string& image, const std::string& name);
  // Pushes an index host()/name of two platforms: this machine's with `content`,
  // and another one.
  void PushIndex(const std::string& name, std::string_view content);

  // For Podman: a registries.conf(5) that allows this registry to have no TLS, and
  // has it answer for ghcr.io/raine.
  std::string podman_config() const { return (dir_ / "registries.conf").string(); }

 private:
  // Another name of the same registry: the engine's images of host() stay as they are.
  std::string push_host() const { return "localhost:" + std::to_string(port_); }

  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Program> server_;
};

// Accepts connections on a free port of the loopback and never says anything.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  bool WasAsked() const;

 private:
  UniqueFd listener_;
  std::uint16_t port_ = 0;
};

}  // namespace workmux::test
