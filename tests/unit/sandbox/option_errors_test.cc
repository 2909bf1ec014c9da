#include "daemon/adapters/container/option_errors.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

TEST_CASE("OptionErrors: the key that an engine complains about is named") {
  struct Case {
    const char* said;
    const char* named;
  };
  // As Docker 20.10 and Podman 4.3 say it.
  const Case cases[] = {
      {"Error response from daemon: error gathering device information while adding custom device "
       "\"/dev/none\": no such file or directory",
       "sandbox.container.devices: error gathering device information while adding custom device "
       "\"/dev/none\": no such file or directory"},
      {"Unable to find group nonesuch: no matching entries in group file",
       "sandbox.container.group_add: Unable to find group nonesuch: no matching entries in group "
       "file"},
      {"Error: unable to start container a5: looking up supplemental groups for container a5: "
       "Unable to find group x: no matching entries in group file",
       "sandbox.container.group_add: unable to start container a5: looking up supplemental groups "
       "for container a5: Unable to find group x: no matching entries in group file"},
      {"Error: stat /dev/none: no such file or directory",
       "sandbox.container.devices: stat /dev/none: no such file or directory"},
      {"Error response from daemon: Minimum memory limit allowed is 6MB",
       "sandbox.container.memory: Minimum memory limit allowed is 6MB"},
      {"Error response from daemon: Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs "
       "available",
       "sandbox.container.cpus: Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs "
       "available"},
      {"Error response from daemon: Unknown runtime specified none\n"
       "Run 'docker create --help' for more information",
       "sandbox.container.oci_runtime: Unknown runtime specified none"},
      {"Error: default OCI runtime \"none\" not found: invalid argument",
       "sandbox.container.oci_runtime: default OCI runtime \"none\" not found: invalid argument"},
      {"Error: \"CAP_NOSUCH\": unknown capability",
       "sandbox.container.cap_add: \"CAP_NOSUCH\": unknown capability"},
      {"Error response from daemon: invalid --security-opt 2: \"bogus=1\"",
       "sandbox.container.security_opt: invalid --security-opt 2: \"bogus=1\""},
      {"Error: opening seccomp profile failed: open /none: no such file or directory",
       "sandbox.container.security_opt: opening seccomp profile failed: open /none: no such file "
       "or directory"},
  };
  for (const Case& c : cases) CHECK(NameOption(c.said) == c.named);
}

TEST_CASE("OptionErrors: another error stays as it is") {
  CHECK(NameOption("executable file not found in $PATH") == "executable file not found in $PATH");
  CHECK(OptionInQuestion("no space left on device").empty());
  CHECK(OptionInQuestion("").empty());
}

}  // namespace
}  // namespace workmux::daemon
