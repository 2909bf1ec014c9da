#pragma once

#include <string>
#include <vector>

#include "daemon/domain/progress.h"

namespace workmux::test {

class FakeProgress : public daemon::ProgressSink {
 public:
  void Step(std::string_view step, std::string_view) override { steps.emplace_back(step); }
  void Warn(std::string_view message) override { warnings.emplace_back(message); }
  void Output(std::string_view line, bool is_stderr) override {
    output.push_back((is_stderr ? "E:" : "O:") + std::string(line));
  }

  std::vector<std::string> steps;
  std::vector<std::string> warnings;
  std::vector<std::string> output;
};

}  // namespace workmux::test
