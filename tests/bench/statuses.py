"""`set-window-status`, the call that an agent's hooks make all the time."""

import json

import measure
import process_events

_GUEST = """
import json, os, shutil, sys, time
program = shutil.which("workmux")
null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
def run(argv):
    before = time.perf_counter_ns()
    _, status = os.waitpid(os.posix_spawn(argv[0], argv, os.environ, file_actions=null), 0)
    if status: sys.exit(f"{argv}: {status}")
    return (time.perf_counter_ns() - before) / 1e6
for line in sys.stdin:
    count = int(line)
    subjects, bares = [], []
    for _ in range(count):
        subjects.append(run([program, "set-window-status", "working"]))
        bares.append(run(["/usr/bin/git", "--version"]))
        time.sleep(0.06)  # the bridge takes 20 calls a second
    print(json.dumps([subjects, bares]), flush=True)
"""


def set_status_host(world, pairs):
    run = world.command("workmux", "set-window-status", "working", cwd=world.worktrees[0],
                        env=dict(world.pane_env, TMUX_PANE=world.panes()[str(world.worktrees[0])]))
    bare = world.command("tmux", "-S", world.socket, "set-option", "-p", "-t", world.pane_env["TMUX_PANE"],
                         "@bench", "working")
    subjects, bares = measure.pairs(lambda _: measure.milliseconds(run), lambda _: measure.milliseconds(bare),
                                    pairs * 2, warm_up=5)

    def repeat():
        for _ in range(10):
            run()

    started, method = process_events.count(world.daemon, repeat)
    return [measure.absolute("set-window-status, host", subjects, bares, 6, bare="tmux set-option -p",
                             processes_started=started, processes_seen_by=method)]


def set_status_guest(world, pairs):
    client = world.start_sandbox("namespace", world.worktrees[0], "/usr/bin/python3", "-c", _GUEST)

    def ask(count):
        client.stdin.write(f"{count}\n")
        client.stdin.flush()
        return json.loads(client.stdout.readline())

    try:
        ask(5)
        subjects, bares = ask(pairs * 2)
        started, method = process_events.count(world.daemon, lambda: ask(10))
    finally:
        world.end_sandbox(client)
    return [measure.absolute("set-window-status, guest", subjects, bares, 6,
                             bare="git --version in the same sandbox",
                             processes_started=started, processes_seen_by=method)]
