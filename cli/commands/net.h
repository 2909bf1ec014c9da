#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct NetLogOptions {
  bool follow = false;
  bool json = false;
  unsigned lines = 50;
  std::string sandbox;  // name or session; empty: all
};

// What restricted sandboxes reached for, the newest last.
absl::StatusOr<int> RunNetLog(const NetLogOptions& options, const CommandEnv& env);

struct NetPsOptions {
  bool json = false;
  std::string sandbox;
};

// Connections that are open now.
absl::StatusOr<int> RunNetPs(const NetPsOptions& options, const CommandEnv& env);

struct NetWhyOptions {
  std::string host;
  std::string sandbox;  // empty: what is configured here
  bool json = false;
};

absl::StatusOr<int> RunNetWhy(const NetWhyOptions& options, const CommandEnv& env);

struct NetAllowOptions {
  std::string host;  // empty: show what is allowed by hand
  std::string sandbox;
  std::string duration;
  bool allow_private_ips = false;
  bool save = false;
};

absl::StatusOr<int> RunNetAllow(const NetAllowOptions& options, const CommandEnv& env);

struct NetRevokeOptions {
  std::string host;
  std::string sandbox;
};

absl::StatusOr<int> RunNetRevoke(const NetRevokeOptions& options, const CommandEnv& env);

// Takes up what the configuration allows in sandboxes that run.
absl::StatusOr<int> RunNetReload(const CommandEnv& env);

}  // namespace workmux::cli
