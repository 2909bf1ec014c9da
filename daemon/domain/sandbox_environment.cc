#include "daemon/domain/sandbox_environment.h"

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/domain/network_plan.h"
#include "daemon/domain/restricted_spec.h"
#include "daemon/egress/authority_files.h"

namespace workmux::daemon {
namespace {

constexpr char kSystemPath[] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

constexpr auto kClientPrefixes = std::to_array<std::string_view>({"LD_", "DOCKER_", "CONTAINER"});
constexpr auto kOurPrefixes = std::to_array<std::string_view>({"WM_", "WORKMUX_", "GIT_CONFIG_"});

bool StartsWithAny(std::string_view name, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string Lookup(const Env& env, std::string_view name, std::string_view fallback) {
  const auto found = env.find(name);
  return found == env.end() || found->second.empty() ? std::string(fallback) : found->second;
}

// git-config(1), GIT_CONFIG_COUNT: configuration without a file that a mount
// would have to bring.
void SetGitIdentity(const SandboxEnvironmentInput& input, Env& env) {
  int count = 0;
  const auto set = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    env[Format("GIT_CONFIG_KEY_{}", count)] = key;
    env[Format("GIT_CONFIG_VALUE_{}", count)] = value;
    ++count;
  };
  set("user.name", input.git_name);
  set("user.email", input.git_email);
  if (count > 0) env["GIT_CONFIG_COUNT"] = Format("{}", count);
}

// The first of equal directories counts, for whoever searches and for whoever reads.
std::string SearchPath(const SandboxEnvironmentInput& input, std::string_view chosen) {
  std::vector<std::string> dirs;
  const auto add = [&dirs](const std::string& dir) {
    if (std::find(dirs.begin(), dirs.end(), dir) == dirs.end()) dirs.push_back(dir);
  };
  add(kGuestBinDir);
  for (const auto& dir : input.path_dirs) {
    // A colon cannot be quoted in PATH: such a directory would become two others.
    if (dir.native().find(':') == std::string::npos) add(dir.string());
  }
  if (chosen.empty()) add((input.home / ".local/bin").string());
  for (const std::string& dir : Split(chosen.empty() ? kSystemPath : chosen, ':')) add(dir);
  return Join(dirs, ":");
}

// PORT=SOCKET, relay_entries.h of the guest program.
std::vector<std::string> RelayedPorts(const SandboxEnvironmentInput& input) {
  std::vector<std::string> entries;
  if (input.proxy->relayed) {
    entries.push_back(Format("{}={}", input.proxy->port, kProxySocket));
    if (input.bridge.has_value()) entries.push_back(Format("{}=bridge.sock", input.bridge->port));
  }
  for (const egress::HostPort& service : input.proxy->services)
    entries.push_back(Format("{}={}", service.port, egress::SocketNameOf(service)));
  return entries;
}

// What programs look for, in both spellings that are in use (curl(1), ENVIRONMENT);
// Node's own fetch asks to be told (nodejs.org/api/cli.html, NODE_USE_ENV_PROXY). In
// place of what the user set: nothing else leads out.
void SetProxy(const SandboxEnvironmentInput& input, Env& env) {
  const SandboxEnvironmentInput::Proxy& proxy = *input.proxy;
  const std::string port = Format("{}", proxy.port);
  const std::string url = Format("http://workmux:{}@{}:{}", proxy.token.Reveal(), proxy.host, port);
  for (const char* name : {"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"})
    env[name] = url;
  const std::string beside = proxy.relayed ? "" : "," + proxy.host;
  for (const char* name : {"NO_PROXY", "no_proxy"}) env[name] = "localhost,127.0.0.1,::1" + beside;
  for (const char* name : {"ALL_PROXY", "all_proxy"}) env.erase(name);
  env["NODE_USE_ENV_PROXY"] = "1";
  env["WM_PROXY_HOST"] = proxy.host;
  env["WM_PROXY_PORT"] = port;
  env[kRestrictedVariable] = "1";
  if (!proxy.relayed) env[kFirewallVariable] = proxy.host;
  const std::vector<std::string> relayed = RelayedPorts(input);
  if (!relayed.empty()) env["WM_RELAY"] = Join(relayed, "\t");
}

// Files of certificates that programs take in place of their own, each as its manual
// names it. In place of what was passed through: the host's files are not inside.
constexpr auto kCertificateVariables = std::to_array<std::string_view>({
    "SSL_CERT_FILE",       // OpenSSL, SSL_CTX_set_default_verify_paths(3); Go, crypto/x509
    "CURL_CA_BUNDLE",      // curl(1), --cacert
    "REQUESTS_CA_BUNDLE",  // Requests, Advanced usage, SSL cert verification
    "GIT_SSL_CAINFO",      // git-config(1), http.sslCAInfo
    "CARGO_HTTP_CAINFO",   // the Cargo book, http.cainfo
    "AWS_CA_BUNDLE",       // AWS CLI user guide, environment variables
    "PIP_CERT",            // pip's user guide, --cert and environment variables
    "DENO_CERT",           // Deno's manual, environment variables
});
// What is trusted besides: nodejs.org/api/cli.html.
constexpr char kFurtherCertificates[] = "NODE_EXTRA_CA_CERTS";

void SetCredentials(const SandboxEnvironmentInput& input, Env& env) {
  const SandboxEnvironmentInput::Proxy& proxy = *input.proxy;
  if (proxy.credentials.empty()) return;
  const auto trust = [&](std::string_view name, const char* file) {
    if (!input.configured.contains(name))
      env[std::string(name)] = (proxy.authority_dir / file).string();
  };
  for (const std::string_view name : kCertificateVariables) trust(name, egress::kCertificatesFile);
  trust(kFurtherCertificates, egress::kAuthorityFile);
  // Last: whatever else has such a name could be the key itself.
  for (const egress::CredentialRule& rule : proxy.credentials) {
    if (!rule.variable.empty()) env[rule.variable] = egress::kPlaceholder;
  }
}

absl::Status AddChecked(Env& env, std::string_view key, std::string_view name,
                        const std::string& value) {
  WM_RETURN_IF_ERROR(Annotate(CheckEnvironmentName(name), key));
  if (value.find('\0') != std::string::npos) {
    return InvalidArgument("{}: the value of {} holds a NUL character", key, name);
  }
  env[std::string(name)] = value;
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckEnvironmentName(std::string_view name) {
  const auto is_name_char = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), is_name_char)) {
    return WithReason(
        InvalidArgument("{} is not the name of an environment variable", Printable(name)),
        "ENV_NAME_INVALID");
  }
  if (StartsWithAny(name, kClientPrefixes)) {
    return WithHint(
        WithReason(InvalidArgument("{} would be obeyed by the container engine's client", name),
                   "ENV_NAME_REFUSED"),
        "Set it in the image or in the command itself.");
  }
  if (name == "HOME" || StartsWithAny(name, kOurPrefixes)) {
    return WithHint(
        WithReason(InvalidArgument("{} is set by workmux itself", name), "ENV_NAME_REFUSED"),
        Format("Remove {} from the sandbox's environment.", name));
  }
  return absl::OkStatus();
}

absl::StatusOr<Env> BuildSandboxEnvironment(const SandboxEnvironmentInput& input) {
  Env env;
  env["TERM"] = Lookup(input.caller, "TERM", "xterm-256color");
  env["LANG"] = input.host_locale ? Lookup(input.caller, "LANG", "C.UTF-8") : "C.UTF-8";
  for (const std::string_view name : {"COLORTERM", "TZ"}) {
    if (std::string value = Lookup(input.caller, name, ""); !value.empty()) {
      env[std::string(name)] = std::move(value);
    }
  }
  for (const std::string& name : input.passthrough) {
    WM_RETURN_IF_ERROR(Annotate(CheckEnvironmentName(name), "sandbox.env_passthrough"));
    const auto found = input.caller.find(name);
    if (found != input.caller.end()) {
      WM_RETURN_IF_ERROR(AddChecked(env, "sandbox.env_passthrough", name, found->second));
    }
  }
  for (const auto& [name, value] : input.agent)
    WM_RETURN_IF_ERROR(AddChecked(env, "agents", name, value));
  for (const auto& [name, value] : input.configured) {
    WM_RETURN_IF_ERROR(AddChecked(env, "sandbox.env", name, value));
  }
  env["PATH"] = SearchPath(input, Lookup(env, "PATH", ""));
  env["HOME"] = input.home.string();
  SetGitIdentity(input, env);
  if (input.bridge.has_value()) {
    env["WM_SANDBOX_GUEST"] = "1";
    env["WM_RPC_HOST"] = input.bridge->host;
    env["WM_RPC_PORT"] = Format("{}", input.bridge->port);
    env["WM_RPC_TOKEN"] = input.bridge->token.Reveal();
  }
  if (input.proxy.has_value()) {
    SetCredentials(input, env);
    SetProxy(input, env);
  }
  return env;
}

}  // namespace workmux::daemon
