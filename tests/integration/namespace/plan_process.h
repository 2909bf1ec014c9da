#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/unique_fd.h"
#include "daemon/domain/types.h"

namespace workmux::test {

// Runs an ExecPlan as the client does: as a child of this (single) thread, with
// the plan's files at their numbers. `terminal`: on a pseudo-terminal of its
// own, which is its controlling one; else with a pipe as output. Killed when
// destroyed.
class PlanProcess {
 public:
  PlanProcess(const daemon::ExecPlan& plan, bool terminal);
  ~PlanProcess();
  PlanProcess(const PlanProcess&) = delete;
  PlanProcess& operator=(const PlanProcess&) = delete;

  pid_t pid() const { return pid_; }
  int terminal() const { return output_.get(); }
  // Reads until `text` has been seen; false at the end of output or after 10 s.
  bool ReadUntil(const std::string& text);
  // Everything until the end, then the exit status.
  ExitStatus Wait();
  const std::string& output() const { return seen_; }

 private:
  bool ReadSome(int timeout_ms);

  UniqueFd output_;
  pid_t pid_ = -1;
  std::string seen_;
};

}  // namespace workmux::test
