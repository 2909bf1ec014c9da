#include "cli/app_net.h"

#include <CLI/CLI.hpp>

namespace workmux::cli {

void NetApp::Define(const SandboxApp::AddFn& add) {
  constexpr auto kKind = CommandKind::kOrdinary;
  CLI::App& log = add("log", "Show what restricted sandboxes reached for", kKind,
                      [this](auto& env) { return RunNetLog(log_, env); });
  log.add_flag("-f,--follow", log_.follow, "Go on as it grows");
  log.add_flag("--json", log_.json, "Print JSON, one object to a line");
  log.add_option("-n,--lines", log_.lines, "How many, from the end")->capture_default_str();
  log.add_option("--sandbox", log_.sandbox, "Of this sandbox only, by name or session");

  CLI::App& ps = add("ps", "Show the connections that are open", kKind,
                     [this](auto& env) { return RunNetPs(ps_, env); });
  ps.add_flag("--json", ps_.json, "Print JSON");
  ps.add_option("--sandbox", ps_.sandbox, "Of this sandbox only, by name or session");

  CLI::App& why = add("why", "Explain whether a host may be reached", kKind,
                      [this](auto& env) { return RunNetWhy(why_, env); });
  why.add_option("host", why_.host, "Name of the host")->required();
  why.add_option("--sandbox", why_.sandbox, "From this sandbox; none: as configured here");
  why.add_flag("--json", why_.json, "Print JSON");

  CLI::App& allow = add("allow", "Allow a host in sandboxes that run, and later ones", kKind,
                        [this](auto& env) { return RunNetAllow(allow_, env); });
  allow.add_option("host", allow_.host, "Host, or *.host for the names below it; none: show all");
  allow.add_option("--sandbox", allow_.sandbox, "In this sandbox only, until it ends");
  allow.add_option("--for", allow_.duration, "For how long: 90s, 15m, 1h, 2d");
  allow.add_flag("--allow-private-ips", allow_.allow_private_ips,
                 "Even where it has addresses of a private network");
  allow.add_flag("--save", allow_.save, "Add it to your configuration too");

  CLI::App& revoke = add("revoke", "Take back what `net allow` allowed", kKind,
                         [this](auto& env) { return RunNetRevoke(revoke_, env); });
  revoke.add_option("host", revoke_.host, "The host as it was allowed")->required();
  revoke.add_option("--sandbox", revoke_.sandbox, "In this sandbox only, by name or session");

  add("reload", "Take up the configuration's rules in sandboxes that run", kKind,
      [](auto& env) { return RunNetReload(env); });
}

}  // namespace workmux::cli
