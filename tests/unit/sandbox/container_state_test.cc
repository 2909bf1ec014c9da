#include "daemon/adapters/container/container_backend.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {

TEST_CASE("ContainerBackend: the end of a container is told from its state") {
  struct Row {
    const char* state;
    ExitStatus seen;
    int code;
    const char* failure;
  };
  const Row rows[] = {
      {R"({"Running":false,"ExitCode":7,"Error":"","StartedAt":"2026-01-01T00:00:00Z"})",
       {7, 0},
       7,
       ""},
      {R"({"Running":false,"ExitCode":137,"Error":"","StartedAt":"2026-01-01T00:00:00Z"})",
       {0, 9},
       137,
       ""},
      {R"({"Running":false,"ExitCode":127,"Error":"no such file","StartedAt":"0001-01-01T00:00:00Z"})",
       {1, 0},
       127,
       "no such file"},
      {R"({"Running":false,"ExitCode":128,"Error":"mount failed","StartedAt":"0001-01-01T00:00:00Z"})",
       {1, 0},
       125,
       "mount failed"},
      {R"({"Running":false,"ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z"})",
       {1, 0},
       125,
       "the container was not started"},
      // Podman notes no code of a start that failed; its client says it, if vaguely.
      {R"({"Running":false,"ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z"})",
       {126, 0},
       125,
       "the container was not started"},
      {R"({"Running":false,"ExitCode":0,"Error":"","StartedAt":"0001-01-01T00:00:00Z"})",
       {127, 0},
       127,
       "the container was not started"},
      {R"({"Running":true,"ExitCode":0,"Error":"","StartedAt":"2026-01-01T00:00:00Z"})",
       {0, 1},
       129,
       ""},
  };
  for (const Row& row : rows) {
    INFO(row.state);
    const SandboxExit exit = test::Must(ExitFromState(row.state, row.seen));
    CHECK(exit.code == row.code);
    CHECK(exit.start_failure == row.failure);
  }
}

TEST_CASE("ContainerBackend: a report that is not understood is an error") {
  for (const char* text : {"", "[]", "nonsense", R"({"Running":"yes"})"}) {
    INFO(text);
    CHECK_CODE(ExitFromState(text, {0, 0}), absl::StatusCode::kDataLoss);
  }
}

}  // namespace workmux::daemon
