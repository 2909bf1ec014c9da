#!/usr/bin/env python3
"""check_docs.py CHECK --bin DIR --source DIR: keeps the documentation true.

  examples FILE   runs the file's ```console blocks and loads its ```yaml blocks
  help            every command of `workmux --help` has a text with examples
  man DIR         man(1) has no complaint about a generated page
  configuration   the tables of configuration.md are what the schema says (--write)
  links           every relative link leads to a file, and to a heading of it
  promises        every test case that threat-model.md names exists
  selftest        wrong output, a wrong exit code and a doubtful configuration are noticed

A console block holds commands ("$ ", continued with "> ") and what they print, with
stdout and stderr together. "…" in a line stands for any text, a line of "…" for any
number of lines; a command without output shown is not compared. It must exit with 0,
or with what a trailing "# exits N" says. Blocks of one file run in order, in a scratch
repository with a HOME, a runtime folder, a tmux server and a daemon of their own.
```yaml (global) and ```yaml project blocks are loaded by `workmux list`, which must not
warn; a ```yaml here block too, and it stays the global file of what follows.
Other blocks (sh, json, dockerfile …) are not run.

With --containers the scratch machine has a rootless Podman, and a registry on loopback
that gives the official image of Claude Code (with the stand-in for it).
"""

import argparse
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

FENCE = re.compile(r"^```([a-z]*)[ ]*([a-z]*)\n(.*?)^```$", re.M | re.S)
EXIT = re.compile(r"\s+# exits (\d+)$")
# These only look, so they are asked again until they show what is under way.
LOOKING = re.compile(r"^(workmux (status|list|ls|daemon status|sandbox (list|ps))|tmux list|git -C .* (log|show|status))\b")
PATIENCE = 40.0  # seconds

# What depends on the machine: steps that are shown only when they take long, and a
# warning for root (the examples are written for an ordinary user).
PASSING = re.compile(r"^(Creating the (worktree|container) |Copying and linking files$|Opening the window "
                     r"|Removing /|Merging \S+ into |Preparing the sandbox |Taking back what was made$"
                     r"|looking at the (worktrees|sandboxes)$|checking$|Pulling image '[^']*'(: |$))"
                     r"|A namespace sandbox of root has no limit on its processes")

# What stands in for Claude Code: tells its state, works, tells that it is done.
AGENT = """#!/bin/sh
workmux set-window-status working
printf 'agent started: %s\\n' "$*"
workmux set-window-status done
exec cat
"""


class Failure(Exception):
    pass


def matches(expected, got):
    """Whether the lines of `got` are what `expected` shows."""
    pattern = "".join("(?:.*\n)*?" if line == "…" else
                      ".*".join(re.escape(part) for part in line.split("…")) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in got)) is not None


def parse_console(text):
    """[(command, exit code, expected lines)]"""
    commands = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append([line[2:], 0, []])
        elif not commands:
            raise Failure(f"output without a command: {line}")
        elif line.startswith("> ") and not commands[-1][2]:
            commands[-1][0] += "\n" + line[2:]
        else:
            commands[-1][2].append(line.rstrip())
    for command in commands:
        if said := EXIT.search(command[0]):
            command[0], command[1] = command[0][:said.start()], int(said[1])
    return commands


class World:
    """A machine of its own for the examples of one file."""

    def __init__(self, bin_dir):
        # Short: a socket's path has 107 bytes at most.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="wmdoc-", dir="/tmp"))
        self.home = self.root / "home"
        self.project = self.home / "project"
        self.state = self.root / "shell-state"
        self.registry = None
        self.tmux = self.root / "tmux.sock"
        tools = self.home / ".local/bin"
        tools.mkdir(parents=True)
        (self.root / "run").mkdir(mode=0o700)
        path = f"{tools}:{bin_dir}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        self.env = {
            "HOME": str(self.home), "USER": "you", "PATH": path, "LANG": "C.UTF-8", "TERM": "xterm-256color",
            "SHELL": "/bin/bash", "XDG_RUNTIME_DIR": str(self.root / "run"), "PS1": "$ ",
            "WORKMUX_TMUX_SOCKET": str(self.tmux), "GIT_CONFIG_NOSYSTEM": "1",
        }
        # A login shell of tmux's would set the distribution's PATH.
        (self.home / ".bash_profile").write_text(f'export PATH="{path}"\nunset HISTFILE\n')
        (tools / "claude").write_text(AGENT)
        (tools / "claude").chmod(0o755)
        for name in ("WORKMUX_TEST_IMAGE", "DOCKER_HOST"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.sh(f"""set -e
git config --global user.name You; git config --global user.email you@example.org
git config --global init.defaultBranch main
git init -q {self.project}; cd {self.project}
printf 'print("hello")\\n' > app.py; printf '.env\\n' > .gitignore; echo TOKEN=secret > .env
git add .; git commit -qm 'First commit'; cd {self.project}""")
        self.run(f"cd {self.project}")

    def sh(self, script):
        run = subprocess.run(["bash", "-c", script], env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                             cwd=self.root)
        if run.returncode != 0:
            raise Failure(f"preparing: {run.stdout}")

    def run(self, command):
        """One command in a shell that remembers the last one's directory and variables."""
        script = (f'[ ! -f "{self.state}" ] || . "{self.state}"\n{command}\ncode=$?\n'
                  '{ export -p | grep -vE "^declare -x (PS1|PWD|OLDPWD)"\n'
                  'printf "cd %q 2>/dev/null\\ncd %q\\n" "${OLDPWD:-$PWD}" "$PWD"; } '
                  f'>"{self.state}"\nexit $code\n')
        # Not a pipe: what the command leaves running would keep it open.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
            done = subprocess.run(["bash", "-c", script], env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, timeout=120, cwd=self.root)
            out.seek(0)
            return done.returncode, [line for line in out.read().splitlines() if not PASSING.search(line)]

    def give_containers(self):
        """Podman with the image of the tests, for which the official registry is one on loopback."""
        shared = os.environ["WORKMUX_TEST_PODMAN"]
        # By it Podman finds the user's range of ids, subuid(5).
        self.env["USER"] = pwd.getpwuid(os.getuid()).pw_name
        own = self.root / "podman"
        own.mkdir()
        for name, variable in (("storage.conf", "CONTAINERS_STORAGE_CONF"), ("containers.conf", "CONTAINERS_CONF")):
            text = (pathlib.Path(shared) / name).read_text().replace(shared, str(own))
            if name == "storage.conf":
                text += f'[storage.options]\nadditionalimagestores = ["{shared}/store"]\n'
            (own / name).write_text(text)
            self.env[variable] = str(own / name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{probe.getsockname()[1]}"
        (own / "registries.conf").write_text(
            f'[[registry]]\nlocation = "{host}"\ninsecure = true\n\n'
            f'[[registry]]\nprefix = "ghcr.io/raine"\nlocation = "{host}"\ninsecure = true\n')
        self.env["CONTAINERS_REGISTRIES_CONF"] = str(own / "registries.conf")
        (own / "registry.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{host}'}}\n"
            f"storage: {{filesystem: {{rootdirectory: {own / 'registry'}}}}}\n")
        self.registry = subprocess.Popen(["docker-registry", "serve", str(own / "registry.yml")], env=self.env,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, cwd="/")
        self.sh(f"""set -e
until (: </dev/tcp/{host.replace(":", "/")}) 2>/dev/null; do sleep 0.05; done
cd {self.home}/.local/bin
printf 'FROM localhost/{os.environ["WORKMUX_TEST_IMAGE"]}\nCOPY claude /usr/local/bin/claude\n' |
  podman build --quiet --tag {host}/workmux-sandbox:claude --file - .
podman push --quiet {host}/workmux-sandbox:claude
podman rmi --force {host}/workmux-sandbox:claude""")

    def close(self):
        for argv in (["workmux", "daemon", "stop", "--sandboxes"], ["tmux", "-S", str(self.tmux), "kill-server"]):
            subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60, check=False, cwd="/")
        if self.registry is not None:
            self.registry.terminate()
            self.registry.wait()
            # Files of ids that only Podman's namespace has, and the process that keeps that.
            for argv in (["podman", "rmi", "--all", "--force"], ["podman", "system", "migrate"]):
                subprocess.run(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, timeout=60, check=False, cwd="/")
        shutil.rmtree(self.root, ignore_errors=True)


def run_example(world, command, code, expected):
    give_up = time.monotonic() + PATIENCE
    while True:
        got_code, got = world.run(command)
        if got_code == code and (not expected or matches(expected, got)):
            return
        if not LOOKING.match(command) or time.monotonic() > give_up:
            raise Failure("\n".join([f"$ {command}", f"exit code {got_code}, expected {code}", "--- expected",
                                     *expected, "--- got", *got]))
        time.sleep(0.2)


def load_config(world, kind, text):
    if kind not in ("", "global", "project", "here"):
        raise Failure(f"```yaml {kind}: neither a global nor a project configuration")
    place = world.project / ".workmux.yaml" if kind == "project" else world.home / ".config/workmux/config.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    kept = place.read_text() if place.exists() else None
    place.write_text(text)
    done = subprocess.run(["workmux", "list", "--json"], env=world.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False, cwd=world.project)
    if kind != "here":
        place.unlink()
        if kept is not None:
            place.write_text(kept)
    # A slow machine also says what it waits for.
    if done.returncode != 0 or "workmux: " in done.stderr:
        raise Failure(f"this configuration is not accepted as it is: {done.stderr}\n{text}")


def check_examples(given):
    text = given.subject.read_text(encoding="utf-8")
    ran, world = 0, World(given.bin)
    if given.containers and (shutil.which("podman") is None or not os.environ.get("WORKMUX_TEST_PODMAN")):
        print("SKIPPED: there is no Podman for tests (tests/run prepares it)")
        return "skipped"
    try:
        if given.containers:
            world.give_containers()
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            try:
                if fence[1] == "console" and not given.configs:
                    for command in parse_console(fence[3]):
                        run_example(world, *command)
                        ran += 1
                elif fence[1] == "yaml":
                    load_config(world, fence[2], fence[3])
                    ran += 1
            except (Failure, subprocess.TimeoutExpired) as failure:
                raise Failure(f"{given.subject}:{line}: {failure}") from None
    finally:
        world.close()
    if ran == 0:
        raise Failure(f"{given.subject}: no example was found")
    return f"{ran} examples ran"


def help_of(given, words):
    return subprocess.run([given.bin / "workmux", *words, "--help"], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL, timeout=60).stdout


def check_help(given):
    section = help_of(given, []).split("Subcommands:\n", 1)[1].split("\n\n", 1)[0]
    commands = re.findall(r"^  (\w[\w-]*)", section, re.M)
    if len(commands) < 10:
        raise Failure(f"the list of commands was not understood: {commands}")
    for command in commands:
        text = help_of(given, [command])
        if "Examples:" not in text or f"workmux {command}" not in text.split("Examples:", 1)[1]:
            raise Failure(f"workmux {command} --help shows no example of the command")
        if not (given.source / f"cli/help/{command}.md").is_file():
            raise Failure(f"cli/help/{command}.md is missing")
    return f"{len(commands)} commands have examples"


def check_man(given):
    if shutil.which("man") is None:
        print("SKIPPED: man is not installed")
        return "skipped"
    pages = sorted(given.subject.glob("*.1"))
    if len(pages) < 10:
        raise Failure(f"{given.subject}: only {len(pages)} pages")
    for page in pages:
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                              env={**os.environ, "MANROFFSEQ": "", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"},
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
        if done.returncode != 0 or done.stderr.strip():
            raise Failure(f"{page}: {done.stderr}")
        for needed in (".SH NAME", ".SH SYNOPSIS", ".SH EXAMPLES"):
            if needed not in page.read_text(encoding="utf-8"):
                raise Failure(f"{page}: no {needed}")
    return f"{len(pages)} pages"


def reference_keys(text):
    """[(key, default, type, remarks, meaning)] from `workmux config reference`."""
    keys, sections, comment = [], [], ""
    for line in text.split("\n\n", 1)[1].splitlines():
        if said := re.match(r"^\s*# (.*)$", line):
            comment = said[1]
        elif key := re.match(r"^(\s*)#([a-z_]+):(?: (.*))?$", line):
            depth = len(key[1]) // 2
            sections[depth:] = [key[2]]
            if key[3] is None:
                continue
            meaning, remarks = re.fullmatch(r"(.*) \(([^()]*)\)", comment).groups()
            kind, *rest = remarks.split("; ")
            keys.append((".".join(sections), key[3], kind, rest, meaning.rstrip(".")))
    return keys


def configuration_tables(keys):
    def cell(text):
        return text.replace("|", "\\|").replace("<", "&lt;")

    def code(text):
        return "not set" if text == "~" else "`" + text.replace("|", "\\|") + "`"

    def row(key, default, kind, rest, meaning):
        shown = code(default)
        where = "global only" if "global file only" in rest else ""
        return f"| `{key}` | {cell(kind)} | {shown} | {where} | {cell(meaning)} |"

    groups = [("General", lambda k, r: not k.startswith("sandbox.")), ("Sandbox", lambda k, r: k.startswith("sandbox."))]
    out = []
    for title, belongs in groups:
        out += [f"### {title}", "", "| Key | Value | Default | File | Meaning |", "|---|---|---|---|---|"]
        out += [row(*k) for k in keys if belongs(k[0], k[3]) and not any("not supported" in r for r in k[3])]
        out.append("")
    out += ["### Known, not supported yet", "",
            "Files written for other versions may hold these. `ignored`: any value gives a warning.",
            "`refused`: any value but the default is an error, because it would promise protection that is not there.",
            "", "| Key | Value | Default | Treatment |", "|---|---|---|---|"]
    for key, default, kind, rest, _ in keys:
        if any("not supported" in r for r in rest):
            treatment = "ignored" if any("ignored" in r for r in rest) else "refused"
            out.append(f"| `{key}` | {cell(kind)} | {code(default)} | {treatment} |")
    return "\n".join(out) + "\n"


def check_configuration(given):
    golden = (given.source / "tests/golden/config_reference.yaml").read_text(encoding="utf-8")
    keys = reference_keys(golden)
    if len(keys) < 50:
        raise Failure("the reference was not understood")
    file = given.source / "packaging/doc/configuration.md"
    text = file.read_text(encoding="utf-8")
    begin, end = "<!-- begin: made from the schema -->\n", "<!-- end: made from the schema -->\n"
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    wanted = head + begin + "\n" + configuration_tables(keys) + "\n" + end + tail
    if given.write:
        file.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        raise Failure(f"{file} is not what the schema says; run: {sys.argv[0]} configuration --source . --write")
    return f"{len(keys)} keys"


def anchors(text):
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_links(given):
    files = [f for f in given.source.rglob("*.md") if not re.search(r"/(build[^/]*|\.git)/", str(f))]
    broken, count = [], 0
    for file in files:
        text = re.sub(r"^```.*?^```$", "", file.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            path, _, anchor = target.partition("#")
            leads_to = (file.parent / path).resolve() if path else file
            if not leads_to.exists():
                broken.append(f"{file}: {target}")
            elif anchor and leads_to.is_file() and anchor not in anchors(leads_to.read_text(encoding="utf-8")):
                broken.append(f"{file}: {target}: no such heading")
    if broken:
        raise Failure("\n".join(broken))
    return f"{count} links"


def comparable(name):
    """An attack is known by its number and sentence, whatever area stands before it."""
    return re.sub(r"^.*\battack (?=[A-Z]\d)", "Attack ", name, flags=re.I)


def check_promises(given):
    cases = set()
    for file in (given.source / "tests").rglob("*.cc"):
        for call in re.findall(r'TEST_CASE\(((?:\s*"(?:[^"\\]|\\.)*")+)', file.read_text(encoding="utf-8")):
            cases.add(comparable("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call))))
    text = (given.source / "packaging/doc/threat-model.md").read_text(encoding="utf-8")
    named = [name for row in re.findall(r"^\| [^|]* \|([^|]*)\|$", text.split("## Promises", 1)[1], re.M)
             for name in re.findall(r"`([^`]+: [^`]+)`", row)]
    if len(named) < 20:
        raise Failure("the table of promises was not understood")
    if missing := [name for name in named if comparable(name) not in cases]:
        raise Failure("no such test case:\n" + "\n".join(missing))
    return f"{len(named)} test cases"


WRONG = {
    "output": "```console\n$ echo one\ntwo\n```\n",
    "more output": "```console\n$ printf 'one\\ntwo\\n'\none\n```\n",
    "exit code": "```console\n$ false\n```\n",
    "an unexpected success": "```console\n$ true  # exits 1\n```\n",
    "an unknown key": "```yaml project\nmrge_keep: true\n```\n",
    "a key of the wrong file": "```yaml project\nagents: {a: claude}\n```\n",
    "no examples": "```sh\nfalse\n```\n",
}
RIGHT = "```console\n$ cd / && cd /tmp && export A=b\n$ echo $A; pwd; cd - && cd - ; echo; seq 9\nb\n/t…p\n/\n/tmp\n\n1\n…\n9\n```\n```yaml project\nmerge_keep: true\n```\n"


def check_selftest(given):
    with tempfile.TemporaryDirectory() as folder:
        given.subject = pathlib.Path(folder) / "example.md"
        given.subject.write_text(RIGHT, encoding="utf-8")
        check_examples(given)
        for what, text in WRONG.items():
            given.subject.write_text(text, encoding="utf-8")
            try:
                check_examples(given)
            except Failure:
                continue
            raise Failure(f"not noticed: {what}")
    return f"{len(WRONG)} mistakes were noticed"


def main():
    checks = {"examples": check_examples, "help": check_help, "man": check_man,
              "configuration": check_configuration, "links": check_links, "promises": check_promises,
              "selftest": check_selftest}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=checks)
    parser.add_argument("subject", nargs="?", type=pathlib.Path)
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--containers", action="store_true", help="examples: with Podman and an image")
    parser.add_argument("--configs", action="store_true", help="examples: the yaml blocks only")
    given = parser.parse_args()
    try:
        print(checks[given.check](given))
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")


if __name__ == "__main__":
    main()
