#!/usr/bin/env python3
"""layers.py ROOT: the include rules of the layers, the fences of the libraries, file sizes.

The link graph keeps most of it; this finds what it cannot see: a header that
needs no linking, and a library used outside of the file it is fenced into.
"""

import pathlib
import re
import sys

# area -> {area it may include: why}. The longest prefix of a path is its area;
# an area may always include itself. What is not listed is forbidden.
BASE = "every layer reports errors and owns descriptors the same way"
LAYERS = {
    "common/base": {},
    "common/log": {"common/base": BASE},
    "common/io": {"common/base": BASE},
    "common/process": {"common/base": BASE, "common/io": "pipes and files of children"},
    "common/os": {
        "common/base": BASE,
        "common/io": "private directories",
        "common/process": "Env, the caller's variables",
    },
    "common/rpc": {"common/base": BASE},
    "common/relay": {"common/base": BASE},
    "daemon/async": {"common/base": BASE, "common/io": "sockets and timers of the loop"},
    "daemon/config": {
        "common/base": BASE,
        "common/io": "configuration files are read",
        "common/os": "where they lie",
        "common/process": "Env, for variables of the caller",
        "daemon/egress/credential_rule.h": "credentials are checked as they are read",
        "daemon/egress/egress_policy.h": "rules of hosts are checked as they are read",
        "daemon/egress/host_port.h": "services of the host are checked as they are read",
        "daemon/egress/presets.h": "names of presets",
    },
    "daemon/sys": {
        "common/base": BASE,
        "common/io": "locks and inherited sockets",
        "common/os": "paths",
        "common/process": "Env, in which a service manager says what it hands over",
    },
    "daemon/ports": {
        "common/base": BASE,
        "common/process": "Env and ExitStatus are part of the contracts",
        "daemon/config": "plain structs that a backend is given",
        "daemon/egress/credential_rule.h": "rules of credentials, which are plain structs",
        "daemon/egress/egress_policy.h": "rules of hosts, which are plain structs",
        "daemon/egress/host_port.h": "services of the host, which are plain structs",
        "daemon/domain/agent_config_plan.h": "what is asked for of an agent's settings",
        "daemon/domain/types.h": "the vocabulary of the contracts",
        "daemon/domain/progress.h": "long calls report progress",
        "daemon/domain/sandbox_spec.h": "what a backend is asked to make",
        "daemon/domain/session_record.h": "what is kept of a session and of an agent",
    },
    "daemon/domain": {
        "common/base": BASE,
        "common/io": "openat2-based reads below what a guest writes",
        "common/log": "the daemon says what it decided",
        "common/os": "paths",
        "common/process": "hooks and host commands, through the interface",
        "daemon/async": "background work through the executor",
        "daemon/config": "plain structs",
        "daemon/egress": "what a restricted sandbox may reach, and what was decided",
        "daemon/ports": "the outside world",
        "daemon/sys": "identities of processes and random tokens",
    },
    "daemon/agent_config": {
        "common/base": BASE,
        "common/io": "openat2-based access below what a guest writes",
        "common/log": "logins that were taken, and those that were not",
        "daemon/async": "passes on the executor",
        "daemon/sys/random.h": "names that nobody can have taken",
        "daemon/domain": "the tables of files, and types of the contracts",
        "daemon/ports": "what it implements",
    },
    "daemon/verify": {
        "common/base": BASE,
        "common/io": "its own mounts are read",
        "common/log": "differences",
        "common/os": "mount points of this host",
        "common/process": "probes are run, through the interface",
        "daemon/async": "timers and background questions",
        "daemon/config": "plain structs, and a hash",
        "daemon/domain": "what it is asked by, and what a sandbox is made of",
        "daemon/ports": "backends and records",
    },
    "daemon/broker": {
        "common/base": BASE,
        "common/io": "files of secrets",
        "common/process": "commands that print a secret",
        "common/relay": "writes to a side that is refused",
        "daemon/egress/credential_rule.h": "what it answers for",
        "daemon/egress/chunked_body.h": "requests are read",
        "daemon/egress/decision.h": "why it refused",
        "daemon/egress/reply.h": "what it tells who is refused",
        "daemon/egress/request_head.h": "requests are read",
    },
    "daemon/egress": {
        "common/base": BASE,
        "daemon/broker": "connections to hosts of credentials",
        "common/io": "sockets",
        "common/log": "verdicts",
        "common/relay": "bytes of tunnels",
        "daemon/async": "its loop",
    },
    "daemon/adapters": {
        "common/base": BASE,
        "common/io": "files and sockets",
        "common/log": "what an adapter met",
        "common/os": "paths",
        "common/process": "the tools it drives",
        "daemon/async": "event sources",
        "daemon/config": "plain structs, and the loader in one adapter",
        "daemon/domain": "types of the contracts",
        "daemon/broker": "credentials of the gateway's sandboxes",
        "daemon/egress": "one gateway adapter",
        "daemon/ports": "what it implements",
    },
    "daemon/guest": {
        "common/base": BASE,
        "common/io": "listeners",
        "common/log": "refusals",
        "common/process": "exit codes of host commands",
        "common/rpc": "statuses on the wire",
        "daemon/async": "executor",
        "daemon/domain": "what a guest may do",
        "daemon/ports": "what it implements",
        "daemon/rpc": "the call adaptors",
    },
    "daemon/rpc": {
        "common/base": BASE,
        "common/io": "the accept loop",
        "common/log": "refusals",
        "common/os": "paths",
        "common/process": "Env and ExitStatus of requests",
        "common/rpc": "statuses on the wire",
        "daemon/async": "executor",
        "daemon/config": "plain structs in answers",
        "daemon/domain": "what a call does",
        "daemon/egress": "how a host is judged",
        "daemon/ports": "types of the contracts",
    },
    "daemon": {
        "common": "the composition root sees everything",
        "daemon": "the composition root sees everything",
    },
    "cli": {
        "common": "the client's half of the shared layers",
    },
    "guest": {
        "common/base": BASE,
        "common/io": "the relay's sockets",
        "common/os": "the filter of system calls",
        "common/process": "exit codes",
        "common/relay": "bytes of relayed connections",
        "common/rpc": "statuses on the wire",
    },
    "tests": {"common": "-", "daemon": "-", "cli": "-", "guest": "-", "tests": "-"},
}

# library header -> (where it may be included, why there only).
FENCES = {
    r"CLI/": (r"cli/(app|options)[^/]*\.cc", "seven seconds to compile, and it throws"),
    r"yaml-cpp/": (r"daemon/config/[^/]*\.cc", "it throws, and only configuration is YAML"),
    r"sqlite3\.h": (r"daemon/adapters/store/[^/]*\.cc", "one owner of the state file"),
    r"nlohmann/": (r"(cli|daemon/adapters|daemon/agent_config|daemon/domain|guest|tests)/.*\.cc",
                   "JSON is an outer format: no header of ours shows it"),
    r"asio": (r"(common/relay|daemon/async|daemon/broker|daemon/egress|daemon/guest|daemon/rpc|daemon/adapters|daemon/sys|guest)/.*|daemon/[^/]*\.cc|tests/.*",
              "only event-driven code has a loop"),
    r"(grpc|grpcpp)/": (r"(common/rpc|daemon/rpc|daemon/guest|cli/client|guest|tests)/.*|(daemon|cli)/[^/]*\.cc",
                        "the domain does not know the wire"),
    r"openssl/(ssl|x509)": (r"daemon/broker/.*\.cc|tests/.*",
                   "one place speaks TLS"),
    r"spdlog/": (r"common/log/.*", "one place sets the log up"),
    r"seccomp\.h": (r"(daemon|cli|guest)/.*\.cc|tests/.*", "an implementation detail of a sandbox"),
    r"workmux/(control|guest)/": (r"(common/rpc|daemon/rpc|daemon/guest|daemon/verify|cli|guest|tests)/.*|daemon/[^/]*\.cc",
                                  "the domain does not know the wire"),
    r"catch2/": (r"tests/support/.*", "two major versions are supported through catch.h"),
}

# pattern -> why it is refused in our C++ code. A comment may name it.
REFUSED = {
    r"\babsl::Str[A-Z]\w*": "takes absl::string_view only; use Format()",
    r"\babsl::Mutex\b": "invisible to ThreadSanitizer; use Mutex of common/base/mutex.h",
    r"\b(system|popen)\s*\(\s*\"": "a shell between us and a program; use CommandRunner",
    r"\busing namespace (?!std::\w*literals)": "hides where a name comes from",
}

# Files where absl's callbacks force the type on us.
STRING_VIEW_ALLOWED = {"common/base/status.cc", "common/rpc/grpc_status.cc"}

MAX_LINES = {".cc": 600, ".h": 300}
SHOWN_LINES = {".cc": 400, ".h": 150}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def area_of(path):
    fitting = [area for area in LAYERS if path == area or path.startswith(area + "/")]
    return max(fitting, key=len, default=None)


def is_fenced_path(path, rule):
    return re.fullmatch(rule, path) is not None


def may_include(area, included):
    own = [area, *LAYERS[area]]
    return any(included == allowed or included.startswith(allowed + "/") for allowed in own)


def include_faults(root, path, line):
    match = INCLUDE.match(line)
    if not match:
        return
    kind, included = match.groups()
    for header, (where, why) in FENCES.items():
        if re.match(header, included) and not is_fenced_path(path, where):
            yield f"includes <{included}> outside of {where}: {why}"
    if kind == '"' and (root / included).is_file():
        if included.startswith("tests/") and not path.startswith("tests/"):
            yield f'production code includes "{included}"'
        elif not may_include(area_of(path), included):
            yield f'{area_of(path)} may not include "{included}"'


def file_faults(root, path):
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        for fault in include_faults(root, path, line):
            yield f"{path}:{number}: {fault}"
        code = line.split("//", 1)[0]
        for pattern, why in REFUSED.items():
            if re.search(pattern, code):
                yield f"{path}:{number}: {pattern}: {why}"
        if "absl::string_view" in code and path not in STRING_VIEW_ALLOWED:
            yield f"{path}:{number}: absl::string_view: not convertible to std::string_view"
    suffix = pathlib.Path(path).suffix
    if len(lines) > MAX_LINES[suffix]:
        yield f"{path}: {len(lines)} lines, at most {MAX_LINES[suffix]}: split it by idea"
    elif len(lines) > SHOWN_LINES[suffix]:
        print(f"note: {path}: {len(lines)} lines, aim for {SHOWN_LINES[suffix]}")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    paths = [
        str(file.relative_to(root))
        for top in ("common", "daemon", "cli", "guest", "tests")
        for file in sorted((root / top).rglob("*"))
        if file.suffix in MAX_LINES
    ]
    faults = [fault for path in paths for fault in file_faults(root, path)]
    print("\n".join(faults) or f"{len(paths)} files keep the rules")
    return 1 if faults or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
