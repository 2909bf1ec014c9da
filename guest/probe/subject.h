#pragma once

#include <sys/stat.h>

#include <string>

#include "common/base/unique_fd.h"

namespace workmux::guest {

// The sandbox that is looked at: the one that the probe runs in, or one whose
// processes it sees from the host. Of the second it runs nothing and follows no link
// out: what a sandbox made of its own files must not lead the host's probe elsewhere.
class Subject {
 public:
  Subject() = default;
  // By the host's numbers of the sandbox's processes 1 and 2.
  Subject(long long first, long long second);

  bool is_outside() const { return !second_.empty(); }
  // Directories below /proc; second() is empty inside.
  const std::string& mounts() const { return is_outside() ? first_ : self_; }
  const std::string& self() const { return self_; }
  const std::string& first() const { return first_; }
  const std::string& second() const { return second_; }

  // A file of the sandbox, opened with O_PATH: a link itself, not what it leads to.
  // Invalid with errno set.
  UniqueFd Open(const std::string& path) const;

 private:
  std::string self_ = "/proc/self";
  std::string first_ = "/proc/1";
  std::string second_;
  UniqueFd root_;
};

// A name of the open file for calls that take one, proc_pid_fd(5). Its mount is the one
// that it was opened through.
std::string NameOf(const UniqueFd& file);

}  // namespace workmux::guest
