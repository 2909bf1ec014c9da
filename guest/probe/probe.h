#pragma once

#include "guest/probe/subject.h"
#include "workmux/guest/v1/probe.pb.h"

// The probe: how this sandbox looks to a process inside. It holds no policy, runs
// no other program, needs no file of the image and takes a few milliseconds.
//
// What it tries is harmless when it succeeds. A file is opened for writing and
// closed (never created, never cut). A directory gets an empty one of a random
// name, which is removed again. Whether an ancestor can be moved away is asked with
// rmdir(2) on it: the kernel checks the same rights and refuses a mount point
// (EBUSY) just as for rename(2), and what would be allowed fails as not empty. A
// rename itself would leave the sandbox broken if the probe died before undoing it.
namespace workmux::guest {

workmux::guest::v1::ProbeReport Probe(const Subject& subject,
                                      const workmux::guest::v1::ProbeRequest& request);

// `workmux probe [FIRST SECOND]` (Subject): a serialised request on standard input, the report on
// standard output. The exit code: 0, or 1 with a line on stderr.
int RunProbe(const Subject& subject);

}  // namespace workmux::guest
