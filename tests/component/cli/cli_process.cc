#include "tests/component/cli/cli_process.h"

#include <optional>

#include "tests/support/build_tree.h"

namespace workmux::test {
namespace {

Command CommandOf(const CliProcess::Options& options) {
  Command command;
  command.argv = {(BinaryDir() / "bin/workmux").string()};
  command.argv.insert(command.argv.end(), options.arguments.begin(), options.arguments.end());
  command.cwd = options.cwd;
  command.env = {options.env.begin(), options.env.end()};
  command.env.emplace("PATH", "/usr/bin:/bin");
  return command;
}

}  // namespace

CliProcess::CliProcess(const Options& options)
    : Program(CommandOf(options), options.tty ? std::optional(Terminal()) : std::nullopt) {
  CloseInput();
}

}  // namespace workmux::test
