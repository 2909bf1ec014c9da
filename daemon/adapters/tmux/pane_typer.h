#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "daemon/adapters/tmux/task_thread.h"
#include "daemon/adapters/tmux/tmux_connection.h"

namespace workmux::daemon {

// Types command lines into shells that have just been started, each as soon as
// its shell reads a line, all at the same time. Thread-safe.
//
// A line editor (readline, zle, fish) switches the terminal out of canonical
// mode when it shows its prompt; that is what we look for, so that programs run
// by the rc files do not eat the text and nothing is echoed twice. A shell
// without a line editor is typed to after a short while, a slow one after ten
// seconds.
class PaneTyper {
 public:
  // Both outlive this.
  PaneTyper(TmuxConnection& connection, TaskThread& thread);

  // `tty` is the pane's terminal, `shell` the program in it.
  void Type(std::string pane_id, std::filesystem::path tty, const std::string& shell,
            std::string text);
  // Types what is pending now, ready or not: at shutdown nothing is lost. The
  // task thread has stopped.
  void Flush();

 private:
  struct Job {
    std::string pane_id;
    std::filesystem::path tty;
    std::string text;
    std::chrono::steady_clock::time_point give_up;
    std::chrono::milliseconds delay{1};
  };

  void Step(const std::shared_ptr<Job>& job);
  void Send(const Job& job);

  TmuxConnection& connection_;
  TaskThread& thread_;
  Mutex mu_;
  std::map<std::string, std::shared_ptr<Job>> pending_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
