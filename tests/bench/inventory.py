"""`sandbox list` beside the engine's own list of the same containers."""

import os
import shutil
import subprocess

import measure
from world import wait_for

_IMAGE = os.environ.get("WORKMUX_TEST_IMAGE", "workmux-test:base")
CONTAINERS = 50


def _docker(*words):
    return subprocess.run(["docker", *words], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.strip()


def list_containers(world, pairs):
    """One sandbox that runs, and orphans to make up the number."""
    name = f"sandbox list of {CONTAINERS} containers"
    probe = subprocess.run(["docker", "image", "inspect", _IMAGE], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False) if shutil.which("docker") else None
    if probe is None or probe.returncode != 0:
        return [{"name": name, "skipped": f"no engine with the image {_IMAGE}"}]
    worktree = world.worktrees[0]
    client = world.start_sandbox("container", worktree, "sleep", "1000", flags=("--image", _IMAGE))
    box = wait_for(lambda: _docker("ps", "--quiet", "--filter", f"label=dev.workmux.worktree={worktree}"), 20,
                   "the sandbox")
    label = "dev.workmux.instance"
    instance = _docker("inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', box)
    try:
        for index in range(CONTAINERS - 1):
            _docker("create", "--name", f"wm-bench-{os.getpid()}-{index}", "--label", f"{label}={instance}",
                    "--label", "dev.workmux.session=gone", _IMAGE, "true")
        listed = world.command("workmux", "sandbox", "list", "--json")
        bare = measure.Run([shutil.which("docker"), "ps", "--all"], world.env, "/")
        subjects, bares = measure.pairs(lambda _: measure.milliseconds(listed),
                                        lambda _: measure.milliseconds(bare), pairs)
    finally:
        world.end_sandbox(client)
        boxes = _docker("ps", "--all", "--quiet", "--filter", f"label={label}={instance}").split()
        # The one that ran may be gone by now.
        subprocess.run(["docker", "rm", "--force", *boxes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
    return [measure.ratio(name, subjects, bares, 2, bare="docker ps --all")]
