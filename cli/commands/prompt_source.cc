#include "cli/commands/prompt_source.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/client/session_runner.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/io/file.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;

std::string EditorOf(const Env& env) {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const auto found = env.find(name);
    if (found != env.end() && !Trim(found->second).empty()) return found->second;
  }
  return "vi";
}

// A file of ours alone that is removed at the end of the scope.
class TemporaryFile {
 public:
  static absl::StatusOr<TemporaryFile> Create(const Env& env) {
    const auto dir = env.find("TMPDIR");
    const bool usable = dir != env.end() && dir->second.starts_with('/');
    std::string path = (usable ? dir->second : std::string("/tmp")) + "/workmux-prompt-XXXXXX.md";
    const UniqueFd fd(::mkstemps(path.data(), 3));
    if (!fd.valid()) return ErrnoStatus(errno, path);
    return TemporaryFile(std::move(path));
  }
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

absl::StatusOr<std::string> EditPrompt(const Invocation& invocation) {
  WM_ASSIGN_OR_RETURN(const TemporaryFile file, TemporaryFile::Create(invocation.env));
  const std::string editor = EditorOf(invocation.env);
  // The variable is a shell command by convention ("code --wait"), as git reads
  // it; the file's name stays an argument.
  Command command;
  command.argv = {"sh", "-c", editor + " \"$@\"", editor, file.path()};
  command.cwd = invocation.cwd;
  command.env = invocation.env;
  SessionSignals signals;
  WM_ASSIGN_OR_RETURN(const int code, RunForeground(command, signals));
  if (code != 0) return Cancelled("the editor ended with code {}", code);
  return ReadFile(file.path(), kMaxPrompt);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadPrompt(const PromptOptions& options,
                                                      const Invocation& invocation) {
  std::optional<std::string> prompt;
  if (options.text) {
    prompt = *options.text;
  } else if (options.file) {
    auto text = ReadFile(invocation.cwd / *options.file, kMaxPrompt);
    if (!text.ok()) return WithHint(text.status(), "name a file that holds the prompt");
    prompt = *std::move(text);
  } else if (options.editor) {
    WM_ASSIGN_OR_RETURN(prompt, EditPrompt(invocation));
  }
  if (prompt && Trim(*prompt).empty()) {
    return WithHint(InvalidArgument("the prompt is empty"),
                    "leave it out, or write what the agent shall do");
  }
  if (prompt && prompt->size() > kMaxPrompt) {
    return ResourceExhausted("the prompt has {} bytes, {} are allowed", prompt->size(), kMaxPrompt);
  }
  return prompt;
}

}  // namespace workmux::cli
