"""A private home, repository, tmux server and daemon to measure in."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from measure import Run

FILES = 1000
WORKTREES = 20


class Skipped(Exception):
    """A group cannot be measured on this machine, and why."""


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class World:
    def __init__(self, programs, keep=False):
        self.workmux = programs / "workmux"
        self.programs = programs
        self._keep = keep
        self.clients = []

    def __enter__(self):
        # Short: a socket's path holds 107 bytes.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="wmb", dir="/tmp"))
        for name in ("home", "run"):
            (self.root / name).mkdir(mode=0o700)
        self.repo = self.root / "repo"
        self.socket = self.root / "tmux.sock"
        self.env = {
            "PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.root / "home"),
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "WORKMUX_TMUX_SOCKET": str(self.socket),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        podman = os.environ.get("WORKMUX_TEST_PODMAN", "")
        if podman:
            self.env["CONTAINERS_CONF"] = f"{podman}/containers.conf"
            self.env["CONTAINERS_STORAGE_CONF"] = f"{podman}/storage.conf"
        self._tmux_name = shutil.which("tmux", path=self.env["PATH"])
        try:
            self._configure_git()
            self.make_repository(self.repo, FILES)
            self._start_tmux()
            self.worktrees = [self.root / "repo__worktrees" / f"w{i}" for i in range(WORKTREES)]
            for path in self.worktrees:
                self.run("workmux", "add", "-b", path.name, stderr=subprocess.DEVNULL)
            self.daemon = wait_for(self.find_daemon, 10, "the daemon")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.kill()
            client.wait()
        subprocess.run([self.workmux, "daemon", "stop", "--sandboxes"], env=self.env, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        subprocess.run([*self.tmux(), "kill-server"], env=self.env, stderr=subprocess.DEVNULL, check=False)
        if self._keep:
            print(f"kept: {self.root}")
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    def _configure_git(self):
        (self.root / "home" / ".gitconfig").write_text(
            "[user]\n\tname = Bench\n\temail = bench@example.org\n[init]\n\tdefaultBranch = main\n"
            "[gc]\n\tauto = 0\n"
        )

    def make_repository(self, path, files):
        path.mkdir()
        self.git("init", "-q", ".", cwd=path)
        for index in range(files):
            directory = path / f"src{index // 50}"
            directory.mkdir(exist_ok=True)
            (directory / f"file{index}.txt").write_text(f"line {index}\n" * 20)
        self.git("add", ".", cwd=path)
        self.git("commit", "-qm", "first", cwd=path)

    def _start_tmux(self):
        subprocess.run([*self.tmux(), "-f", "/dev/null", "new-session", "-d", "-s", "bench",
                        "-x", "200", "-y", "50", "-c", str(self.repo)], env=self.env, check=True)
        server = self.tmux_output("display-message", "-p", "#{pid}")
        self.pane_env = dict(self.env, TMUX=f"{self.socket},{server},0",
                             TMUX_PANE=self.tmux_output("list-panes", "-F", "#{pane_id}"))

    def find_daemon(self):
        """As it says itself: its environment is nobody's to read but root's."""
        status = subprocess.run([self.workmux, "daemon", "status", "--json"], env=self.env, cwd="/", text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        daemon = json.loads(status.stdout) if status.returncode == 0 else None
        return daemon and daemon["pid"]

    def tmux(self):
        return [self._tmux_name, "-S", str(self.socket)]

    def tmux_output(self, *words):
        return subprocess.run([*self.tmux(), *words], env=self.env, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def git(self, *words, cwd=None):
        return subprocess.run(["git", *words], cwd=cwd or self.repo, env=self.env, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def run(self, *words, cwd=None, **options):
        """workmux from a pane of the repository."""
        return subprocess.run([self._program(words[0]), *words[1:]], cwd=cwd or self.repo, env=self.pane_env,
                              check=True, text=True, stdout=subprocess.PIPE, **options).stdout

    def _program(self, name):
        return str(self.workmux) if name == "workmux" else shutil.which(name, path=self.env["PATH"])

    def command(self, *words, cwd=None, env=None):
        """A Run of a program by name."""
        return Run([self._program(words[0]), *words[1:]], env or self.pane_env, cwd or self.repo)

    def panes(self):
        """The first pane of each worktree's window."""
        lines = self.tmux_output("list-panes", "-a", "-F", "#{pane_index} #{pane_id} #{pane_current_path}")
        found = {}
        for line in lines.splitlines():
            index, pane, path = line.split(" ", 2)
            if index == "0":
                found[path] = pane
        return found

    def start_sandbox(self, backend, worktree, *command, **options):
        """`workmux sandbox run` with pipes; ended with the world at the latest."""
        client = subprocess.Popen(
            [str(self.workmux), "sandbox", "run", "--backend", backend, *options.pop("flags", ()), str(worktree),
             "--", *command],
            cwd=worktree, env=self.pane_env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options)
        self.clients.append(client)
        return client

    def end_sandbox(self, client):
        self.end_sandboxes([client])

    def end_sandboxes(self, clients):
        """All at once."""
        for client in clients:
            self.clients.remove(client)
            client.stdin.close()
            if client.poll() is None:
                client.send_signal(signal.SIGTERM)
        for client in clients:
            client.wait()
            client.stdout.close()
