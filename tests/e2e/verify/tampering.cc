#include "tests/e2e/verify/tampering.h"

#include <unistd.h>

namespace workmux::test {
namespace {

std::string ProgramOf(const std::string& engine) {
  return engine == "namespace" ? "bwrap" : engine;
}

// By which the container is made.
std::string VerbOf(const std::string& engine) { return engine == "podman" ? "run" : "create"; }

std::vector<Tampering> OfContainers(const std::string& engine, const WorkmuxWorld& world) {
  const std::string verb = VerbOf(engine);
  const std::string first = verb + ") args+=(" + verb + " ";
  const std::string unmask = engine == "docker" ? "systempaths=unconfined" : "unmask=ALL";
  const std::string trees = (world.repo() / ".trees").string();
  const bool is_root = ::geteuid() == 0;
  std::vector<Tampering> all = {
      {.defence = "capabilities", .edit = "--cap-drop=ALL) ;;"},
      {.defence = "no-new-privileges", .edit = "--security-opt=no-new-privileges) ;;"},
      {.defence = "seccomp", .edit = first + "--security-opt=seccomp=unconfined) ;;"},
      {.defence = "identity",
       .edit = "$uid:$gid) args+=(" + std::string(is_root ? "4321:4321" : "0:0") + ") ;;",
       .silent_start = true},
      {.defence = "mounts", .edit = "*target=/run/workmux/bin,readonly) args+=(${a%,readonly}) ;;"},
      {.defence = "mounts",
       .edit = first + "--mount type=bind,source=" + world.home().string() +
               ",target=/mnt,readonly) ;;"},
      {.defence = "protected paths", .edit = "*/.git,readonly) args+=(${a%,readonly}) ;;"},
      {.defence = "protected paths",
       .edit = "--mount) ;; *target=" + trees + ",readonly) ;; type=bind,*) args+=(--mount $a) ;;"},
      {.defence = "kernel", .edit = first + "--security-opt=" + unmask + ") ;;"},
      {.defence = "sockets",
       .edit = first + "--mount type=bind,source=" + (world.area() / "engine.sock").string() +
               ",target=/run/docker.sock) ;;"},
      {.defence = "environment", .edit = first + "--env AWS_SECRET_ACCESS_KEY=canary) ;;"},
      {.defence = "limits", .edit = "--tmpfs=/tmp:*) args+=(${a/size=*/size=4g}) ;;"},
  };
  // A rootless engine has no limits of the kernel's groups here.
  if (engine == "docker" || is_root) {
    all.push_back({.defence = "limits", .edit = "--pids-limit=*) args+=(--pids-limit=-1) ;;"});
    all.push_back({.defence = "limits", .edit = "--memory=* | --memory-swap=*) ;;"});
    all.push_back({.defence = "limits", .edit = "--cpus=*) ;;"});
  } else {
    all.push_back({.defence = "limits", .edit = "--ulimit=nproc=*) ;;"});
  }
  return all;
}

// no_new_privs cannot be left out: bwrap sets it whatever it is told.
std::vector<Tampering> OfNamespaces(const WorkmuxWorld& world) {
  const std::string trees = (world.repo() / ".trees").string();
  const auto writable = [](const std::string& target) {
    return "--ro-bind) [[ ${file[i+2]} == " + target + " ]] && args+=(--bind) || args+=($a) ;;";
  };
  return {
      {.defence = "capabilities", .more = "--cap-add CAP_NET_RAW"},
      {.defence = "seccomp", .edit = "--seccomp) ((++i)) ;;"},
      {.defence = "identity", .more = "--uid 4321"},
      {.defence = "mounts", .edit = writable("/run/workmux/bin")},
      {.defence = "mounts", .edit = "--remount-ro) ((++i)) ;;"},
      {.defence = "mounts", .more = "--ro-bind " + world.home().string() + " /tmp/stolen"},
      {.defence = "protected paths", .edit = writable("*/.git")},
      {.defence = "protected paths",
       .edit = "--ro-bind) [[ ${file[i+2]} == " + trees + " ]] && ((i += 2)) || args+=($a) ;;"},
      {.defence = "sockets",
       .more = "--bind " + (world.area() / "engine.sock").string() + " /run/docker.sock"},
      {.defence = "environment", .environment = "export AWS_SECRET_ACCESS_KEY=canary"},
      {.defence = "limits", .argv = "--nproc=*) argv+=(--nproc=8000:8000) ;;"},
  };
}

}  // namespace

std::vector<Tampering> TamperingsOf(const std::string& engine, const WorkmuxWorld& world) {
  return engine == "namespace" ? OfNamespaces(world) : OfContainers(engine, world);
}

void InstallTampering(const std::string& engine, const Tampering& tampering,
                      const WorkmuxWorld& world) {
  const std::string program = ProgramOf(engine);
  const std::string exec = "exec /usr/bin/" + program;
  std::string script =
      "#!/bin/bash\nuid=$(id -u) gid=$(id -g)\nargs=()\n" + tampering.environment + "\n";
  if (engine == "namespace") {
    // The inner of the two: the one that makes the sandbox.
    script +=
        "if [ \"$1 $2\" = '--args 4' ]; then\n  mapfile -d '' -t file <&4\n"
        "  for ((i = 0; i < ${#file[@]}; ++i)); do\n    a=${file[i]}\n    case $a in\n    " +
        tampering.edit + "\n    *) args+=(\"$a\") ;;\n    esac\n  done\n  args+=(" +
        tampering.more +
        ")\n  exec 4< <(printf '%s\\0' \"${args[@]}\")\n  argv=()\n"
        "  for a in \"$@\"; do\n    case $a in\n    " +
        tampering.argv +
        "\n    *) argv+=(\"$a\") ;;\n    esac\n  done\n  set -- \"${argv[@]}\"\nfi\n" + exec +
        " \"$@\"\n";
  } else {
    script += "[ \"$1\" = " + VerbOf(engine) + " ] || " + exec +
              " \"$@\"\nfor a in \"$@\"; do\n  case $a in\n  " + tampering.edit +
              "\n  *) args+=(\"$a\") ;;\n  esac\ndone\n" + exec + " \"${args[@]}\"\n";
  }
  world.Install(program, script);
}

void RemoveTampering(const std::string& engine, const WorkmuxWorld& world) {
  std::filesystem::remove(world.bin() / ProgramOf(engine));
}

}  // namespace workmux::test
