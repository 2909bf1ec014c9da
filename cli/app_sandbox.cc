#include "cli/app_sandbox.h"

#include <CLI/CLI.hpp>

namespace workmux::cli {
namespace {

void AddImage(CLI::App& app, std::string& image) {
  app.add_option("--image", image, "Image, instead of the configured one");
}
void AddAgent(CLI::App& app, std::string& agent) {
  app.add_option("--agent", agent, "Agent, instead of the configured one");
}
// Of a command that means virtual machines without it.
void AddKind(CLI::App& app, std::string& backend) {
  app.add_option("--backend", backend, "container or all; none: virtual machines");
}

}  // namespace

void SandboxApp::Define(const AddFn& add) {
  DefinePrograms(add);
  DefineUpkeep(add);
  DefineImages(add);
}

void SandboxApp::DefinePrograms(const AddFn& add) {
  CLI::App& run = add("run", "Run a command in a worktree's sandbox, on this terminal",
                      CommandKind::kRunsProgram, [this](auto& env) {
                        run_.command = tail_;
                        return RunSandboxRun(run_, env);
                      });
  run.add_option("worktree", run_.worktree, "The worktree's directory")->required();
  CLI::App& agent = add("agent", "Run the agent in a sandbox of this directory",
                        CommandKind::kRunsProgram, [this](auto& env) {
                          agent_.command = tail_;
                          return RunSandboxAgent(agent_, env);
                        });
  CLI::App& shell = add("shell", "Open a shell in a sandbox of this directory",
                        CommandKind::kRunsProgram, [this](auto& env) {
                          shell_.run.command = tail_;
                          return RunSandboxShell(shell_, env);
                        });
  shell.add_flag("-e,--exec", shell_.exec, "Enter a running sandbox of this worktree");
  shell.add_option("--session", shell_.session,
                   "Enter the one of this session or name; with -e alone the newest");
  for (const auto& [app, options] :
       {std::pair(&run, &run_), std::pair(&agent, &agent_), std::pair(&shell, &shell_.run)}) {
    app->add_option("--agent", options->agent, "Whose directories and image to use");
    app->add_option("--backend", options->backend, "Backend, instead of the configured one");
    AddImage(*app, options->image);
  }
}

void SandboxApp::DefineUpkeep(const AddFn& add) {
  CLI::App& list = add("list", "Show the sandboxes there are", CommandKind::kOrdinary,
                       [this](auto& env) { return RunSandboxList(list_, env); });
  list.alias("ps");
  list.add_flag("--json", list_.json, "Print JSON");
  list.add_flag("--stats", list_.stats, "Show memory, time and processes too");

  CLI::App& logs = add("logs", "Show what a container printed", CommandKind::kRunsProgram,
                       [this](auto& env) { return RunSandboxLogs(logs_, env); });
  auto* log = logs.add_option("name", logs_.name, "Name; none: the newest of this worktree");
  logs.add_option("--session", logs_.name, "The same by its session")->excludes(log);
  logs.add_flag("-f,--follow", logs_.follow, "Go on as it grows");
  logs.add_option("-n,--lines", logs_.lines, "How many lines from the end; 0: all");

  CLI::App& verify =
      add("verify", "Look from inside whether a sandbox is as it is meant to be",
          CommandKind::kOrdinary, [this](auto& env) { return RunSandboxVerify(verify_, env); });
  verify.add_flag("--json", verify_.json, "Print JSON");
  verify.add_option("--session", verify_.session,
                    "Name or session; none: the newest of this worktree");

  CLI::App& stop =
      add("stop", "Stop virtual machines, or other sandboxes with --backend",
          CommandKind::kOrdinary, [this](auto& env) { return RunSandboxStop(stop_, env); });
  auto* name = stop.add_option("name", stop_.name, "Name, as `sandbox list` shows it");
  auto* session = stop.add_option("--session", stop_.name, "The same by its session");
  session->excludes(name);
  stop.add_flag("--all", stop_.all, "All that run")->excludes(name)->excludes(session);
  stop.add_flag("-y,--yes", stop_.yes, "Do not ask");
  AddKind(stop, stop_.backend);

  CLI::App& prune =
      add("prune", "Remove unused virtual machines, or other sandboxes", CommandKind::kOrdinary,
          [this](auto& env) { return RunSandboxPrune(prune_, env); });
  prune.add_flag("-f,--force", prune_.force, "Do not ask");
  AddKind(prune, prune_.backend);
}

void SandboxApp::DefineImages(const AddFn& add) {
  CLI::App& pull =
      add("pull", "Get the newest image of the agent from its registry", CommandKind::kOrdinary,
          [this](auto& env) { return RunSandboxPull(pull_, env); });
  AddAgent(pull, pull_.agent);
  AddImage(pull, pull_.image);

  CLI::App& build =
      add("build", "Build the image of the agent on this machine", CommandKind::kOrdinary,
          [this](auto& env) { return RunSandboxBuild(build_, env); });
  AddAgent(build, build_.agent);
  build.add_option("--image", build_.image, "Name of the image, instead of the configured one");
  build.add_option("--from", build_.from, "Debian image with Node.js and npm to build on");
  build.add_option("--agent-version", build_.agent_version, "Version of the agent, or latest");
  build.add_flag("--no-cache", build_.no_cache, "Run every step again");

  CLI::App& dockerfile =
      add("init-dockerfile", "Write a Dockerfile.sandbox to change by hand", CommandKind::kOrdinary,
          [this](auto& env) { return RunInitDockerfile(dockerfile_, env); });
  dockerfile.add_flag("--force", dockerfile_.force, "Replace the one that is there");
  AddAgent(dockerfile, dockerfile_.agent);

  CLI::App& install =
      add("install-dev", "For work on workmux: put its guest program into the image",
          CommandKind::kOrdinary, [this](auto& env) { return RunInstallDev(install_dev_, env); });
  install.add_flag("--skip-build", install_dev_.skip_build, "Take what was built before");
  install.add_flag("--release", install_dev_.release, "Build what a release holds");
}

}  // namespace workmux::cli
