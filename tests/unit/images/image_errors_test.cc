#include "daemon/adapters/container/image_errors.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

struct Case {
  const char* said;  // by docker 28 or podman 4.3
  const char* reason;
  const char* hint;
};

constexpr Case kCases[] = {
    {"Error response from daemon: manifest for 127.0.0.1:5/a:1 not found: manifest unknown: "
     "manifest unknown",
     "IMAGE_UNKNOWN", "sandbox.image"},
    {"Error: initializing source docker://h/a:1: reading manifest 1 in h/a: manifest unknown",
     "IMAGE_UNKNOWN", "sandbox.image"},
    {"Error response from daemon: pull access denied for a, repository does not exist or may "
     "require 'docker login': denied: requested access to the resource is denied",
     "IMAGE_DENIED", "docker login ghcr.io"},
    {"Error response from daemon: Get \"https://ghcr.io/v2/\": dial tcp: lookup ghcr.io on "
     "10.0.0.1:53: no such host",
     "REGISTRY_UNREACHABLE", "network"},
    {"Error response from daemon: Get \"http://127.0.0.1:5/v2/\": dial tcp 127.0.0.1:5: connect: "
     "connection refused",
     "REGISTRY_UNREACHABLE", "network"},
    {"Error response from daemon: Get \"http://127.0.0.1:5/v2/\": net/http: request canceled "
     "(Client.Timeout exceeded while awaiting headers)",
     "REGISTRY_UNREACHABLE", "network"},
    {"Error: pinging container registry h: Get \"https://h/v2/\": http: server gave HTTP response "
     "to HTTPS client",
     "REGISTRY_UNTRUSTED", "insecure registry"},
    {"x509: certificate signed by unknown authority", "REGISTRY_UNTRUSTED", "certificate"},
    {"toomanyrequests: You have reached your pull rate limit.", "REGISTRY_LIMIT", "log in"},
    {"Sending build context to Docker daemon  2.048kB\nStep 1/1 : FROM h/a:1\nmanifest for h/a:1 "
     "not found: manifest unknown: manifest unknown",
     "IMAGE_UNKNOWN", "name and tag"},
    {"write /var/lib/docker/tmp/x: no space left on device", "DISK_FULL", "docker system prune"},
    {"invalid reference format: repository name (t/BAD) must be lowercase", "IMAGE_INVALID",
     "name:tag"},
    {"Error: repository name must be lowercase", "IMAGE_INVALID", "small letters"},
};

TEST_CASE("ExplainImageFailure: every failure of a registry has its reason and its fix") {
  const RuntimeTraits docker = test::Must(RuntimeTraitsFor("docker"));
  for (const Case& each : kCases) {
    INFO(each.said);
    const absl::Status status = ExplainImageFailure(docker, "ghcr.io/a/b:1", each.said);
    CHECK(ReasonOf(status) == each.reason);
    std::string hint = HintOf(status);
    if (!hint.empty()) hint[0] = static_cast<char>(hint[0] | ' ');
    CHECK(hint.find(each.hint) != std::string::npos);
    CHECK(hint.find("{}") == std::string::npos);
    CHECK(MessageOf(status).find('\n') == std::string::npos);
    CHECK(MessageOf(status).starts_with("image 'ghcr.io/a/b:1': "));
  }
}

TEST_CASE("ExplainImageFailure: an engine that is away, or a failing step, is another matter") {
  const RuntimeTraits docker = test::Must(RuntimeTraitsFor("docker"));
  CHECK_OK(ExplainImageFailure(docker, "a:1",
                               "Cannot connect to the Docker daemon at unix:///x: connection "
                               "refused. Is the docker daemon running?"));
  CHECK_OK(ExplainImageFailure(docker, "a:1", "The command '/bin/sh -c false' returned: 1"));
}

}  // namespace
}  // namespace workmux::daemon
