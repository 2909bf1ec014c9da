#include "daemon/adapters/container/run_argv.h"
#include "daemon/adapters/container/runtime_traits.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

bool HasOwnKernel(const std::string& runtime) {
  SandboxSpec spec;
  spec.container.oci_runtime = runtime;
  return DescribeContainer(test::Must(RuntimeTraitsFor("docker")), EngineFacts{}, spec).own_kernel;
}

}  // namespace

TEST_CASE("ContainerMakeup: a kernel of its own is believed of gVisor and Kata Containers alone") {
  for (const char* runtime :
       {"runsc", "runsc-kvm", "io.containerd.runsc.v1", "kata", "kata-runtime", "kata-qemu",
        "io.containerd.kata.v2", "io.containerd.kata-fc.v2"}) {
    INFO(runtime);
    CHECK(HasOwnKernel(runtime));
  }
  // Of these the kernel is the host's, or nobody knows.
  for (const char* runtime :
       {"", "runc", "crun", "youki", "io.containerd.runc.v2", "runscape", "katana", "my-runsc",
        "io.containerd.katana.v2", "/usr/bin/runsc", "RUNSC", "nvidia", "sysbox-runc"}) {
    INFO(runtime);
    CHECK_FALSE(HasOwnKernel(runtime));
  }
}

}  // namespace workmux::daemon
