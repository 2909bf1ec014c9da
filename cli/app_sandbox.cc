#include "cli/app_sandbox.h"

#include <CLI/CLI.hpp>

namespace workmux::cli {

void SandboxApp::Define(const AddFn& add) {
  DefinePrograms(add);
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
  for (const auto& [app, options] : {std::pair(&run, &run_), std::pair(&agent, &agent_)}) {
    app->add_option("--agent", options->agent, "Whose directories and image to use");
    app->add_option("--backend", options->backend, "Backend, instead of the configured one");
    app->add_option("--image", options->image, "Image, instead of the configured one");
  }
  CLI::App& shell = add("shell", "Open a shell in a sandbox of this directory",
                        CommandKind::kRunsProgram, [this](auto& env) {
                          shell_.command = tail_;
                          return RunSandboxShell(shell_, env);
                        });
  shell.add_flag("-e,--exec", shell_.exec, "Enter a running sandbox of this worktree");
  shell.add_option("--backend", shell_.backend, "Backend, instead of the configured one");
}

void SandboxApp::DefineImages(const AddFn& add) {
  CLI::App& pull =
      add("pull", "Get the newest image of the agent from its registry", CommandKind::kOrdinary,
          [this](auto& env) { return RunSandboxPull(pull_, env); });
  pull.add_option("--agent", pull_.agent, "Agent, instead of the configured one");
  pull.add_option("--image", pull_.image, "Image, instead of the configured one");

  CLI::App& build =
      add("build", "Build the image of the agent on this machine", CommandKind::kOrdinary,
          [this](auto& env) { return RunSandboxBuild(build_, env); });
  build.add_option("--agent", build_.agent, "Agent, instead of the configured one");
  build.add_option("--image", build_.image, "Name of the image, instead of the configured one");
  build.add_option("--from", build_.from, "Debian image with Node.js and npm to build on");
  build.add_option("--agent-version", build_.agent_version, "Version of the agent, or latest");
  build.add_flag("--no-cache", build_.no_cache, "Run every step again");

  CLI::App& dockerfile =
      add("init-dockerfile", "Write a Dockerfile.sandbox to change by hand", CommandKind::kOrdinary,
          [this](auto& env) { return RunInitDockerfile(dockerfile_, env); });
  dockerfile.add_flag("--force", dockerfile_.force, "Replace the one that is there");
  dockerfile.add_option("--agent", dockerfile_.agent, "Agent, instead of the configured one");

  CLI::App& install =
      add("install-dev", "For work on workmux: put its guest program into the image",
          CommandKind::kOrdinary, [this](auto& env) { return RunInstallDev(install_dev_, env); });
  install.add_flag("--skip-build", install_dev_.skip_build, "Take what was built before");
  install.add_flag("--release", install_dev_.release, "Build what a release holds");
}

}  // namespace workmux::cli
