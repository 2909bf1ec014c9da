#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/program.h"

namespace workmux::test {

// The real `workmux`, with nothing to read: its standard input is at its end, or a
// terminal on which nobody types until a test does.
class CliProcess : public Program {
 public:
  struct Options {
    std::vector<std::string> arguments;
    std::map<std::string, std::string> env;  // all of it but PATH
    std::filesystem::path cwd = "/";
    bool tty = false;
  };
  explicit CliProcess(const Options& options);
};

}  // namespace workmux::test
