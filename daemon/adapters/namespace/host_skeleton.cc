#include "daemon/adapters/namespace/host_skeleton.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/format.h"
#include "common/process/env.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr auto kTrees = std::to_array<std::string_view>(
    {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store"});

// Name resolution, certificates, the loader's cache, time zone, shells' start-up
// files. Nothing that holds secrets, identifies the machine or configures git.
constexpr auto kEtc = std::to_array<std::string_view>({"ld.so.cache",
                                                       "ld.so.conf",
                                                       "ld.so.conf.d",
                                                       "ssl/certs",
                                                       "ssl/openssl.cnf",
                                                       "ca-certificates",
                                                       "ca-certificates.conf",
                                                       "pki/tls/certs",
                                                       "pki/ca-trust",
                                                       "crypto-policies",
                                                       "resolv.conf",
                                                       "hosts",
                                                       "host.conf",
                                                       "gai.conf",
                                                       "nsswitch.conf",
                                                       "services",
                                                       "protocols",
                                                       "localtime",
                                                       "timezone",
                                                       "locale.conf",
                                                       "alternatives",
                                                       "terminfo",
                                                       "inputrc",
                                                       "profile",
                                                       "profile.d",
                                                       "bash.bashrc",
                                                       "bash_completion.d",
                                                       "zsh",
                                                       "shells",
                                                       "fonts",
                                                       "mime.types",
                                                       "os-release",
                                                       "debian_version",
                                                       "lsb-release",
                                                       "java-11-openjdk",
                                                       "java-17-openjdk",
                                                       "java-21-openjdk",
                                                       "python3",
                                                       "perl"});

// A field of passwd(5): what would end it or the line is not taken over.
std::string PlainField(std::string value, std::string_view fallback) {
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != ':' && c != 0x7f;
  });
  return plain ? std::move(value) : std::string(fallback);
}

void MakeUserTables(const Env& caller, uid_t uid, gid_t gid, const fs::path& home,
                    HostSkeleton& skeleton) {
  const std::string name = uid == 0 ? "root" : PlainField(Lookup(caller, "USER"), "user");
  std::string shell = PlainField(Lookup(caller, "SHELL"), "/bin/sh");
  std::error_code error;
  const bool visible = shell.starts_with("/usr/") || shell.starts_with("/bin/");
  if (!visible || !fs::exists(shell, error)) shell = "/bin/sh";
  const std::string home_field = PlainField(home.string(), "/");

  if (uid != 0 && name != "root") skeleton.passwd = "root:x:0:0:root:/root:/bin/sh\n";
  skeleton.passwd += Format("{}:x:{}:{}::{}:{}\n", name, uid, gid, home_field, shell);
  if (gid != 0) skeleton.group = "root:x:0:\n";
  skeleton.group += Format("{}:x:{}:\n", gid == 0 ? "root" : name, gid);
  if (uid != 65534) skeleton.passwd += "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n";
  if (gid != 65534) skeleton.group += "nogroup:x:65534:\n";
}

}  // namespace

HostSkeleton ReadHostSkeleton(const Env& caller, uid_t uid, gid_t gid, const fs::path& home) {
  HostSkeleton skeleton;
  std::error_code error;
  for (const std::string_view tree : kTrees) {
    const fs::path path(tree);
    const fs::file_status status = fs::symlink_status(path, error);
    if (fs::is_symlink(status)) {
      const fs::path target = fs::read_symlink(path, error);
      if (!error) skeleton.links.push_back({target.string(), path});
    } else if (fs::is_directory(status)) {
      skeleton.directories.push_back(path);
    }
  }
  for (const std::string_view name : kEtc) {
    const fs::path path = fs::path("/etc") / name;
    if (fs::exists(path, error)) skeleton.etc.push_back(path);
  }
  MakeUserTables(caller, uid, gid, home, skeleton);
  return skeleton;
}

}  // namespace workmux::daemon
