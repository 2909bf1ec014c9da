#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

namespace workmux {

using Env = std::map<std::string, std::string, std::less<>>;

// Content that a child reads from descriptor `number` (an anonymous file at
// offset 0): how secrets reach a program without standing in its arguments.
struct InheritedFile {
  int number = 3;
  std::string content;
};

// What to run. argv[0] is looked up in env's PATH when it has no slash. `env` is
// complete: nothing is inherited. An empty cwd means the caller's.
struct Command {
  std::vector<std::string> argv;
  std::filesystem::path cwd;
  Env env;
  std::string stdin_data;
  std::vector<InheritedFile> files;
  // Starts with SIGINT and SIGQUIT ignored. For a moment the caller ignores them
  // too, so only a program's main thread may start such a command.
  bool ignore_keyboard_signals = false;
  // For a CommandRunner: stdout and stderr are one terminal (120 columns, 40 rows),
  // so that the program draws its progress; all of it comes as StdStream::kOut.
  bool terminal_output = false;
};

// Exactly one of the two is meaningful: signal when it is not 0, else code.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool ok() const { return code == 0 && signal == 0; }
  // As a shell reports it: 128 + signal for a killed program.
  int ShellCode() const { return signal != 0 ? 128 + signal : code; }
};

struct CommandResult {
  ExitStatus exit;
  std::string out;
  std::string err;
};

struct RunOptions {
  std::stop_token stop;
  std::chrono::milliseconds timeout{std::chrono::seconds{30}};
  std::size_t max_output = 8u << 20;  // bytes, for each of stdout and stderr
};

}  // namespace workmux
