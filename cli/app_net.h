#pragma once

#include "cli/app_sandbox.h"
#include "cli/commands/net.h"

namespace workmux::cli {

// The commands below `workmux net`, with what the user typed for them.
class NetApp {
 public:
  // Adds every command by `add`. This object must outlive them.
  void Define(const SandboxApp::AddFn& add);

 private:
  NetLogOptions log_;
  NetPsOptions ps_;
  NetWhyOptions why_;
  NetAllowOptions allow_;
  NetRevokeOptions revoke_;
};

}  // namespace workmux::cli
