"""What the figures were measured on."""

import os
import platform
import shutil
import subprocess


def _first_line(*command):
    if shutil.which(command[0]) is None:
        return None
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (result.stdout or result.stderr).splitlines()
    return lines[0] if lines else None


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_mib():
    with open("/proc/meminfo", encoding="utf-8") as lines:
        return int(lines.readline().split()[1]) // 1024


def describe():
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_mib": _memory_mib(),
        "kernel": platform.release(),
        "file_system_of_tmp": _first_line("stat", "-f", "-c", "%T", "/tmp"),
        "load_average": os.getloadavg(),
        "git": _first_line("git", "--version"),
        "tmux": _first_line("tmux", "-V"),
        "bubblewrap": _first_line("bwrap", "--version"),
        "docker": _first_line("docker", "--version"),
    }
