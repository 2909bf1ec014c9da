"""How soon an agent runs, and how soon its commits are the host's."""

import os
import shutil
import subprocess
import time

import measure

_IMAGE = os.environ.get("WORKMUX_TEST_IMAGE", "workmux-test:base")
_FIRST = ("date", "+%s%N")

_COMMITTER = """
import subprocess, sys, time
for line in sys.stdin:
    number = line.strip()
    with open(f"note-{number}", "w") as file: file.write(number)
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "-qm", number], check=True)
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, text=True, stdout=subprocess.PIPE).stdout
    print(after, commit.strip(), flush=True)
"""


def _until_first(argv, env, cwd):
    """Milliseconds from here to the first program in the sandbox."""
    before = time.time_ns()
    result = subprocess.run(argv, env=env, cwd=cwd, check=True, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return (int(result.stdout) - before) / 1e6


def _workmux(world, backend):
    argv = [str(world.workmux), "sandbox", "run", "--backend", backend, ".", "--", *_FIRST]
    if backend == "container":
        argv[3:3] = ["--image", _IMAGE]
    return lambda _: _until_first(argv, world.pane_env, world.worktrees[0])


def first_instruction_namespace(world, pairs):
    worktree = world.worktrees[0]
    argv = [shutil.which("bwrap"), "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
            "--die-with-parent", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "sbin"):
        argv += ["--symlink", f"usr/{name}", f"/{name}"]
    argv += ["--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
             "--tmpfs", "/run", "--bind", str(worktree), str(worktree), "--setenv", "PATH", "/usr/bin:/bin",
             "--chdir", str(worktree), "--", *_FIRST]
    subjects, bares = measure.pairs(_workmux(world, "namespace"),
                                    lambda _: _until_first(argv, world.env, worktree), pairs)
    return [measure.difference("first instruction, namespace", subjects, bares, 25,
                               bare="one bwrap with the same system directories and worktree")]


def first_instruction_container(world, pairs):
    name = "first instruction, container"
    probe = subprocess.run(["docker", "image", "inspect", _IMAGE], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False) if shutil.which("docker") else None
    if probe is None or probe.returncode != 0:
        return [{"name": name, "skipped": f"no engine with the image {_IMAGE}"}]
    worktree = world.worktrees[0]
    argv = [shutil.which("docker"), "run", "--rm", "--pull=never", "--init", "--cap-drop=ALL",
            "--security-opt=no-new-privileges", "--pids-limit=4096", "--log-driver=none",
            "--user", f"{os.getuid()}:{os.getgid()}", "--workdir", str(worktree),
            "--mount", f"type=bind,source={worktree},target={worktree}",
            "--add-host", "host.docker.internal:host-gateway", "--interactive", "--", _IMAGE, *_FIRST]
    subjects, bares = measure.pairs(_workmux(world, "container"),
                                    lambda _: _until_first(argv, world.env, worktree), pairs)
    return [measure.difference(name, subjects, bares, 60, bare="docker run of the same image, user and worktree")]


def first_instruction_podman(world, pairs):
    """As whoever runs this: rootless but for root. WORKMUX_TEST_PODMAN names the settings."""
    name = "first instruction, Podman"
    probe = subprocess.run(["podman", "image", "exists", _IMAGE], env=world.env, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False) if shutil.which("podman") else None
    if probe is None or probe.returncode != 0:
        return [{"name": name, "skipped": f"no Podman with the image {_IMAGE}"}]
    rootless = subprocess.run(["podman", "info", "--format", "{{.Host.Security.Rootless}}"], env=world.env, check=True,
                              text=True, stdout=subprocess.PIPE).stdout.strip() == "true"
    worktree = world.worktrees[0]
    argv = [shutil.which("podman"), "run", "--rm", "--pull=never", "--init", "--cap-drop=ALL",
            "--security-opt=no-new-privileges", "--pids-limit=4096", "--log-driver=none",
            "--user", f"{os.getuid()}:{os.getgid()}", "--workdir", str(worktree),
            "--mount", f"type=bind,source={worktree},target={worktree}", "--interactive"]
    if rootless:
        argv.append("--userns=keep-id")
    argv += ["--", _IMAGE, *_FIRST]
    config = world.root / "home" / ".config" / "workmux" / "config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    before = config.read_text() if config.exists() else None
    config.write_text("sandbox:\n  container: {runtime: podman}\n")
    try:
        subjects, bares = measure.pairs(_workmux(world, "container"),
                                        lambda _: _until_first(argv, world.env, worktree), pairs)
    finally:
        config.unlink() if before is None else config.write_text(before)
    return [measure.difference(f"{name} {'rootless' if rootless else 'as root'}", subjects, bares, 60,
                               bare="podman run of the same image, user and worktree")]


class _Committer:
    """A git in a sandbox of the worktree, and the branch's file on the host."""

    def __init__(self, world, repository, worktree):
        self._ref = repository / ".git" / "refs" / "heads" / worktree.name
        self._world = world
        self._client = world.start_sandbox("namespace", worktree, "/usr/bin/python3", "-c", _COMMITTER)
        self._number = 0

    def __call__(self, _):
        self._number += 1
        self._client.stdin.write(f"{self._number}\n")
        self._client.stdin.flush()
        before = self._stamp()
        while self._stamp() == before:
            time.sleep(0.0005)
        seen = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        after, commit = self._client.stdout.readline().split()
        if self._ref.read_text().strip() != commit:
            raise RuntimeError("the host's branch is not what the sandbox committed")
        # The branch may arrive before `git commit` itself has ended.
        return max(0.0, (seen - int(after)) / 1e6)

    def _stamp(self):
        try:
            info = os.stat(self._ref)
            return info.st_ino, info.st_mtime_ns
        except FileNotFoundError:
            return None

    def close(self):
        self._world.end_sandbox(self._client)


def import_latency(world, pairs):
    """Beside a plain fetch of one commit between two local repositories."""
    other = world.root / "other"
    world.git("clone", "-q", str(world.repo), str(other))
    commit = _Committer(world, world.repo, world.worktrees[1])

    def fetch(index):
        world.git("commit", "-q", "--allow-empty", "-m", str(index), cwd=other)
        return measure.milliseconds(world.command("git", "fetch", "-q", "--no-tags", other,
                                                  "+HEAD:refs/heads/fetched"))

    try:
        subjects, bares = measure.pairs(commit, fetch, pairs)
    finally:
        commit.close()
    return [measure.absolute("commit to host branch", subjects, bares, 100, bare="git fetch of one commit"),
            _import_among_refs(world, min(pairs, 10))]


def _import_among_refs(world, count, refs=100_000):
    """The same in a repository of very many refs."""
    repository = world.root / "refs"
    worktree = world.root / "refs__worktrees" / "many"
    world.git("clone", "-q", str(world.repo), str(repository))
    tip = world.git("rev-parse", "HEAD", cwd=repository)
    lines = ["# pack-refs with: peeled fully-peeled sorted"]
    lines += [f"{tip} refs/tags/t{index:06}" for index in range(refs)]
    (repository / ".git" / "packed-refs").write_text("\n".join(lines) + "\n")
    world.git("worktree", "add", "-q", "-b", "many", str(worktree), cwd=repository)
    commit = _Committer(world, repository, worktree)
    try:
        for _ in range(2):
            commit(0)
        times = [commit(index) for index in range(count)]
    finally:
        commit.close()
    return measure.absolute(f"commit to host branch, {refs} refs", times, [], None)
