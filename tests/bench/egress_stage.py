"""The namespaces that the egress figures are measured in, and who talks there."""

import os
import pathlib
import resource
import shutil
import socket
import subprocess

from world import Skipped, wait_for

HERE = pathlib.Path(__file__).resolve().parent
HOST = "bench.example.com"
UPSTREAM = "93.184.216.34:443"


def any_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Stage:
    """egress/stage.sh: one server of a public address, and a namespace to reach it from."""

    def __init__(self, programs, env):
        self.programs = programs
        self._env = env
        self._started = []
        self._stage = subprocess.Popen([str(HERE / "egress" / "stage.sh"), str(programs / "egress-upstream"), HOST],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)
        words = self._stage.stdout.readline().split()
        if not words or words[0] != "ready":
            raise Skipped("network namespaces cannot be made here")
        user = () if os.getuid() == 0 else ("--user", "--preserve-credentials")
        drop = () if os.getuid() == 0 else ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--")
        self._enter = [shutil.which("nsenter", path=env["PATH"]), "--target", words[1], *user, "--net", "--mount",
                       "--", *drop]

    def start(self, argv, **options):
        process = subprocess.Popen([*self._enter, *map(str, argv)], cwd="/", env=options.pop("env", self._env),
                                   **options)
        self._started.append(process)
        return process

    def wait_for_port(self, port, process, name):
        probe = [*self._enter, "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]

        def ready():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}")
            return subprocess.run(probe, env=self._env, stderr=subprocess.DEVNULL, check=False).returncode == 0

        wait_for(ready, 10, name)

    def close(self):
        for process in reversed(self._started):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._stage.stdin.close()
        self._stage.wait()


class Load:
    """egress/load.cc: the client, which does one command at a time."""

    def __init__(self, process):
        self.process = process

    @classmethod
    def on_stage(cls, stage, where):
        return cls(stage.start([stage.programs / "egress-load", HOST, where], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True))

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise RuntimeError("the client of the egress figures ended")
        return [int(word) for word in line.split()]

    def ask(self, *words):
        self.tell(*words)
        return self.hear()


class Listener:
    """egress/listener.cc: the product's proxy with a TCP listener."""

    def __init__(self, stage, directory):
        directory.mkdir(mode=0o700)
        token = "bench-token"
        self.process = stage.start([stage.programs / "egress-listener", HOST, "127.0.0.1", token, directory],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.where = f"http://workmux:{token}@127.0.0.1:{int(self.process.stdout.readline())}"
        self.pid = self.process.pid


class CopyLoop:
    """egress/copy_loop.cc in front of the server."""

    def __init__(self, stage, port):
        self.where = f"127.0.0.1:{port}"
        process = stage.start([stage.programs / "egress-copy-loop", self.where, UPSTREAM], stdout=subprocess.PIPE)
        process.stdout.readline()
        self.pid = process.pid


class RestrictedWorld:
    """The world's daemon on the stage, and sandboxes that reach HOST alone."""

    def __init__(self, world, stage):
        self._world = world
        self._config = world.root / "home" / ".config" / "workmux" / "config.yaml"
        self._before = self._config.read_text() if self._config.exists() else None
        self._config.parent.mkdir(parents=True, exist_ok=True)
        self._config.write_text(f"sandbox:\n  network:\n    policy: deny\n    allowed_domains: [{HOST}]\n")
        world.run("workmux", "daemon", "stop")
        # As many descriptors as an ordinary login has.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._daemon = stage.start(["prlimit", f"--nofile=1024:{most}", "--", world.programs / "workmuxd"],
                                   env=world.env, stderr=subprocess.DEVNULL)
        self.pid = self._daemon.pid
        status = [world.workmux, "daemon", "status"]
        wait_for(lambda: subprocess.run(status, env=dict(world.env, WORKMUX_NO_SPAWN="1"), cwd="/",
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        check=False).returncode == 0, 10, "the daemon on the stage")

    def start(self, worktree, *script):
        """A client inside of a sandbox; words of `script` come before it."""
        for name in ("egress-load", "egress-copy-loop"):
            shutil.copy(self._world.programs.parent / "tests" / "bench" / name, worktree / name)
        return Load(self._world.start_sandbox("namespace", worktree, "/bin/sh", "-c",
                                              " ".join([*script, f"exec ./egress-load {HOST}"])))

    def close(self):
        self._daemon.terminate()
        self._daemon.wait()
        self._config.unlink() if self._before is None else self._config.write_text(self._before)
        self._world.run("workmux", "list")
        self._world.daemon = self._world.find_daemon()


def processor_time(pid):
    """Nanoseconds of CPU of a process's threads so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            total += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text(encoding="ascii").split()[0])
        except OSError:
            continue
    return total
