#!/usr/bin/env python3
"""A stand-in for Apple's `container`: takes what the documentation knows and nothing else.

The grammar is that of docs/command-reference.md of github.com/apple/container, 1.2.1 (the
release that brought --read-only-path and --masked-path), as far as sandboxes need it. An
unknown option is an error, as is a mount that is no directory, which virtiofs cannot share.
What runs, runs on this machine below bubblewrap, with the mounts it asked
for. State and `calls`, one JSON array of arguments a line, lie in ~/.stand-in-container.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

HOME = os.path.join(os.environ["HOME"], ".stand-in-container")

PROCESS = {"-e": 1, "--env": 1, "--env-file": 1, "--gid": 1, "-i": 0, "--interactive": 0, "-t": 0,
           "--tty": 0, "-u": 1, "--user": 1, "--uid": 1, "--ulimit": 1, "-w": 1, "--workdir": 1,
           "--cwd": 1}
RESOURCE = {"-c": 1, "--cpus": 1, "-m": 1, "--memory": 1}
MANAGEMENT = {"-a": 1, "--arch": 1, "--cap-add": 1, "--cap-drop": 1, "--cidfile": 1, "-d": 0,
              "--detach": 0, "--dns": 1, "--dns-domain": 1, "--dns-option": 1, "--dns-search": 1,
              "--entrypoint": 1, "--init": 0, "--init-image": 1, "-k": 1, "--kernel": 1, "-l": 1,
              "--label": 1, "--masked-path": 1, "--mount": 1, "--name": 1, "--network": 1,
              "--no-dns": 0, "--os": 1, "-p": 1, "--publish": 1, "--platform": 1,
              "--publish-socket": 1, "--read-only": 0, "--read-only-path": 1, "--rm": 0,
              "--remove": 0, "--rosetta": 0, "--runtime": 1, "--shm-size": 1, "--ssh": 0,
              "--tmpfs": 1, "-v": 1, "--volume": 1, "--virtualization": 0}
COMMANDS = {
    "create": {**PROCESS, **RESOURCE, **MANAGEMENT, "--scheme": 1},
    "start": {"-a": 0, "--attach": 0, "-i": 0, "--interactive": 0},
    "stop": {"-a": 0, "--all": 0, "-s": 1, "--signal": 1, "-t": 1, "--time": 1},
    "delete": {"-a": 0, "--all": 0, "-f": 0, "--force": 0},
    "list": {"-a": 0, "--all": 0, "--format": 1, "-q": 0, "--quiet": 0},
    "exec": {**PROCESS, "-d": 0, "--detach": 0},
    "logs": {"--boot": 0, "-f": 0, "--follow": 0, "-n": 1},
    "inspect": {},
    "image inspect": {},
}
ALIASES = {"rm": "delete", "ls": "list"}
TAKES_COMMAND = ("create", "exec")


def usage(message):
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(64)


def fail(message):
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(1)


def parse(command, words):
    """Options as a list of pairs, and the arguments. What follows the name of an image or
    container is its command's, and is not looked at."""
    grammar = {**COMMANDS[command], "--debug": 0}
    options, arguments = [], []
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            return options, arguments + words
        if not word.startswith("-"):
            arguments.append(word)
            if command in TAKES_COMMAND:
                return options, arguments + words
            continue
        name, equals, value = word.partition("=")
        if name not in grammar:
            usage(f"Unknown option '{name}'")
        if not grammar[name]:
            if equals:
                usage(f"The option '{name}' takes no value")
            options.append((name, None))
            continue
        if not equals:
            if not words:
                usage(f"Missing value for '{name}'")
            value = words.pop(0)
        options.append((name, value))
    return options, arguments


def parse_mount(text):
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = set(fields) - {"type", "source", "src", "target", "destination", "dst", "readonly", "ro"}
    if unknown:
        fail(f"unknown mount option {sorted(unknown)}")
    source = fields.get("source", fields.get("src", ""))
    target = fields.get("target", fields.get("destination", fields.get("dst", "")))
    if fields.get("type") != "bind" or not target.startswith("/"):
        fail(f"invalid mount '{text}'")
    if not os.path.isdir(source):
        fail("A directory sharing device configuration is invalid. (Not a directory: "
             f"{source})")
    return [source, target, "readonly" in fields or "ro" in fields]


def environment(options):
    env = {}
    for name, value in options:
        if name == "--env-file":
            with open(value, encoding="utf-8") as file:
                lines = [line.rstrip("\n") for line in file]
            env.update(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        if name in ("-e", "--env"):
            key, equals, text = value.partition("=")
            env[key] = text if equals else os.environ.get(key, "")
    return env


PATTERNS = {"--memory": r"\d+[KMGTPkmgtp]?[iI]?[bB]?", "-m": r"\d+[KMGTPkmgtp]?", "--cpus": r"\d+",
            "-c": r"\d+", "--label": r"[^=]+=.*", "-l": r"[^=]+=.*", "--user": r"\w+(:\d+)?",
            "-u": r"\w+(:\d+)?", "--name": r"[A-Za-z0-9][A-Za-z0-9_.-]*", "--cap-drop": r"ALL|\w+",
            "--read-only-path": r"/.*", "--masked-path": r"/.*", "-n": r"\d+", "-t": None}


def check_values(command, options):
    for name, value in options:
        pattern = PATTERNS.get(name)
        if pattern and not re.fullmatch(pattern, value or ""):
            usage(f"The value '{value}' is invalid for '{name}'")
        if name == "--format" and value not in ("json", "table"):
            usage(f"The value '{value}' is invalid for '--format <format>'")
    del command


def path_of(name, suffix="json"):
    return os.path.join(HOME, f"{name}.{suffix}")


def load(name):
    try:
        with open(path_of(name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return fail(f"not found: container {name}")


def save(box):
    with open(path_of(box["name"]) + ".part", "w", encoding="utf-8") as file:
        json.dump(box, file)
    os.rename(file.name, path_of(box["name"]))


def last(options, *names):
    values = [value for name, value in options if name in names]
    return values[-1] if values else None


def create(options, arguments):
    if not arguments:
        usage("Missing expected argument '<image>'")
    name = last(options, "--name") or f"c{os.getpid()}"
    if os.path.exists(path_of(name)):
        fail(f"container {name} is already in use")
    save({"name": name, "image": arguments[0], "command": arguments[1:], "status": "stopped",
          "mounts": [parse_mount(value) for key, value in options if key == "--mount"],
          "read_only": [value for key, value in options if key == "--read-only-path"],
          "masked": [value for key, value in options if key == "--masked-path"],
          "labels": dict(value.split("=", 1) for key, value in options if key in ("-l", "--label")),
          "env": environment(options), "cwd": last(options, "-w", "--workdir", "--cwd") or "/"})
    print(name)


def shown_at(box, path):
    """The host's file that the mounts show there."""
    best = max((mount for mount in box["mounts"] if path == mount[1] or path.startswith(mount[1] + "/")),
               key=lambda mount: len(mount[1]), default=None)
    if best is None:
        fail(f"nothing stands at {path}")
    return best[0] + path[len(best[1]):]


def sandboxed(box, command, env, cwd):
    argv = ["bwrap", "--die-with-parent", "--unshare-pid", "--dev-bind", "/", "/", "--proc", "/proc",
            "--tmpfs", "/tmp", "--tmpfs", "/run"]
    for source, target, read_only in sorted(box["mounts"], key=lambda mount: mount[1].split("/")):
        argv += ["--ro-bind" if read_only else "--bind", source, target]
    for path in box["read_only"]:
        argv += ["--ro-bind", shown_at(box, path), path]
    for path in box["masked"]:
        argv += ["--ro-bind", "/dev/null", path]
    argv += ["--clearenv"]
    for key, value in env.items():
        argv += ["--setenv", key, value]
    return argv + ["--chdir", cwd, "--", *command]


def start(options, arguments):
    box = load(arguments[0])
    if not last_flag(options, "-a", "--attach"):
        fail("the stand-in only starts attached containers")
    tty = os.isatty(1)
    client = subprocess.Popen(sandboxed(box, box["command"], box["env"], box["cwd"]),
                              stdout=None if tty else subprocess.PIPE)
    box.update(status="running", pid=client.pid)
    save(box)
    with open(path_of(box["name"], "log"), "ab", buffering=0) as log:
        while not tty and (text := os.read(client.stdout.fileno(), 65536)):
            log.write(text)
            os.write(1, text)
    code = client.wait()
    if os.path.exists(path_of(box["name"])):
        box.update(status="stopped")
        save(box)
    sys.exit(code if code >= 0 else 128 - code)


def last_flag(options, *names):
    return any(name in names for name, _ in options)


def kill(box, grace):
    if box["status"] != "running":
        return
    for number, limit in ((signal.SIGTERM, grace), (signal.SIGKILL, 5)):
        try:
            os.kill(box["pid"], number)
        except ProcessLookupError:
            return
        end = time.monotonic() + limit
        while time.monotonic() < end and os.path.exists(f"/proc/{box['pid']}"):
            time.sleep(0.02)


def stop(options, arguments):
    for name in arguments:
        kill(load(name), float(last(options, "-t", "--time") or 5))


def delete(options, arguments):
    for name in arguments:
        box = load(name)
        if box["status"] == "running" and not last_flag(options, "-f", "--force"):
            fail(f"container {name} is running")
        kill(box, 0)
        os.unlink(path_of(name))
        print(name)


def listed(options, _):
    boxes = [load(entry[:-5]) for entry in sorted(os.listdir(HOME)) if entry.endswith(".json")]
    if last(options, "--format") != "json":
        fail("the stand-in lists JSON only")
    print(json.dumps([{"configuration": {"id": box["name"], "labels": box["labels"]},
                       "status": box["status"]} for box in boxes
                      if box["status"] == "running" or last_flag(options, "-a", "--all")]))


def execute(options, arguments):
    box = load(arguments[0])
    if box["status"] != "running":
        fail(f"container {arguments[0]} is not running")
    argv = sandboxed(box, arguments[1:], {**box["env"], **environment(options)},
                     last(options, "-w", "--workdir", "--cwd") or box["cwd"])
    os.execvp(argv[0], argv)


def logs(options, arguments):
    load(arguments[0])
    with open(path_of(arguments[0], "log"), encoding="utf-8") as file:
        lines = file.readlines()
    count = last(options, "-n")
    print("".join(lines[-int(count):] if count else lines), end="")


def inspect(_, arguments):
    print(json.dumps([load(name) for name in arguments]))


def image_inspect(_, arguments):
    if "missing" in arguments[0]:
        fail(f"image not found: {arguments[0]}")
    print(json.dumps([{"name": arguments[0], "index": {"digest": "sha256:" + "a" * 64}}]))


ACTIONS = {"create": create, "start": start, "stop": stop, "delete": delete, "list": listed,
           "exec": execute, "logs": logs, "inspect": inspect, "image inspect": image_inspect}


def main():
    os.makedirs(HOME, exist_ok=True)
    words = sys.argv[1:]
    with open(os.path.join(HOME, "calls"), "a", encoding="utf-8") as calls:
        calls.write(json.dumps(words) + "\n")
    command = words.pop(0) if words else ""
    command = ALIASES.get(command, command)
    if command == "image" and words:
        command += " " + words.pop(0)
    if command not in COMMANDS:
        usage(f"Unexpected argument '{command}'")
    options, arguments = parse(command, words)
    check_values(command, options)
    if not arguments and command not in ("list", "stop", "delete"):
        usage("Missing expected argument")
    ACTIONS[command](options, arguments)


main()
