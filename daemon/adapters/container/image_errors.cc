#include "daemon/adapters/container/image_errors.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/ascii_case.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

struct Failure {
  std::string_view words;  // lower case, as Docker and Podman say them
  absl::StatusCode code;
  std::string_view reason;
  std::string_view what;  // after "image '…': "
  std::string_view hint;
};

constexpr std::string_view kLogin = "Check the name, or log in with `{} login {}`.";
constexpr std::string_view kNetwork =
    "Check the network, the registry's name and the engine's proxy settings, and try again.";
constexpr std::string_view kRoom =
    "Make room where the engine keeps its images, for example with `{} system prune`.";
constexpr std::string_view kCertificate =
    "Give the engine the certificate of the registry's authority; see its documentation on "
    "registries.";

using enum absl::StatusCode;

// In this order: a denial names the manifest too, and a full disk anything.
constexpr auto kFailures = std::to_array<Failure>({
    {"no space left on device", kResourceExhausted, "DISK_FULL", "the disk is full", kRoom},
    {"toomanyrequests", kUnavailable, "REGISTRY_LIMIT", "the registry allows no more for now",
     "Log in with `{} login {}`, or try again later."},
    {"pull access denied", kPermissionDenied, "IMAGE_DENIED", "it does not exist, or needs a login",
     kLogin},
    {"denied", kPermissionDenied, "IMAGE_DENIED", "the registry denies access", kLogin},
    {"unauthorized", kPermissionDenied, "IMAGE_DENIED", "the registry wants a login", kLogin},
    {"authentication required", kPermissionDenied, "IMAGE_DENIED", "the registry wants a login",
     kLogin},
    {"manifest unknown", kNotFound, "IMAGE_UNKNOWN", "the registry has no such image",
     "Check its name and tag (sandbox.image)."},
    {"name unknown", kNotFound, "IMAGE_UNKNOWN", "the registry has no such image",
     "Check its name and tag (sandbox.image)."},
    {"no matching manifest", kNotFound, "IMAGE_UNKNOWN",
     "the registry has none for this machine's architecture",
     "Build it here with `workmux sandbox build`."},
    {"invalid reference format", kInvalidArgument, "IMAGE_INVALID", "not the name of an image",
     "Write it as `name:tag` or `name@sha256:digest`."},
    {"must be lowercase", kInvalidArgument, "IMAGE_INVALID", "not the name of an image",
     "Write it in small letters, as `name:tag` or `name@sha256:digest`."},
    {"x509:", kUnavailable, "REGISTRY_UNTRUSTED", "the registry's certificate is not trusted",
     kCertificate},
    {"server gave http response to https", kUnavailable, "REGISTRY_UNTRUSTED",
     "the registry speaks no TLS",
     "Allow it in the engine's settings as an insecure registry, if you trust the way to it."},
    {"no such host", kUnavailable, "REGISTRY_UNREACHABLE", "the registry cannot be reached",
     kNetwork},
    {"connection refused", kUnavailable, "REGISTRY_UNREACHABLE", "the registry cannot be reached",
     kNetwork},
    {"network is unreachable", kUnavailable, "REGISTRY_UNREACHABLE",
     "the registry cannot be reached", kNetwork},
    {"timeout", kUnavailable, "REGISTRY_UNREACHABLE", "the registry does not answer", kNetwork},
    {"timed out", kUnavailable, "REGISTRY_UNREACHABLE", "the registry does not answer", kNetwork},
    {"deadline exceeded", kUnavailable, "REGISTRY_UNREACHABLE", "the registry does not answer",
     kNetwork},
});

// The host of a name, as `login` takes it.
std::string_view RegistryOf(std::string_view image) {
  const auto slash = image.find('/');
  const std::string_view first = image.substr(0, slash);
  const bool is_host =
      slash != std::string_view::npos && first.find_first_of(".:") != std::string_view::npos;
  return is_host || first == "localhost" ? first : "docker.io";
}

// "{}" is the client, a second "{}" the registry.
std::string Fill(std::string_view hint, std::string_view program, std::string_view registry) {
  std::string filled(hint);
  for (const std::string_view value : {program, registry}) {
    const auto at = filled.find("{}");
    if (at != std::string::npos) filled.replace(at, 2, value);
  }
  return filled;
}

}  // namespace

absl::Status ExplainImageFailure(const RuntimeTraits& traits, std::string_view image,
                                 std::string_view said) {
  const std::string lower = LowerAscii(said);
  // An engine that is not there speaks of dialing too; that is the client's matter.
  if (lower.find("connect to the docker daemon") != std::string::npos ||
      lower.find("is the docker daemon running") != std::string::npos ||
      lower.find("docker api") != std::string::npos ||
      lower.find("unable to connect to podman") != std::string::npos) {
    return absl::OkStatus();
  }
  for (const Failure& failure : kFailures) {
    if (lower.find(failure.words) == std::string::npos) continue;
    absl::Status status = MakeStatus(failure.code, Format("image '{}': {} ({})", Printable(image),
                                                          failure.what, LastLines(said, 1)));
    return WithHint(WithReason(std::move(status), failure.reason),
                    Fill(failure.hint, traits.program, RegistryOf(image)));
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
