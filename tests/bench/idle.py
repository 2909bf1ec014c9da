"""What the daemon costs while nothing happens."""

import os
import pathlib
import time

from world import wait_for

SANDBOXES = 50
SETTLE = 40  # seconds; idle workers of the daemon leave after 30
WINDOW = 30  # seconds


def _threads(pid):
    return [pathlib.Path(f"/proc/{pid}/task/{task}") for task in os.listdir(f"/proc/{pid}/task")]


def field(text, name):
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))


def sample(pid):
    """Voluntary switches and nanoseconds of CPU, by thread; both since its start."""
    sample = {}
    for thread in _threads(pid):
        try:
            switches = field((thread / "status").read_text(), "voluntary_ctxt_switches")
            cpu = int((thread / "schedstat").read_text().split()[0])
            name = (thread / "comm").read_text().strip()
        except OSError:
            continue
        sample[int(thread.name)] = (name, switches, cpu)
    return sample


def _memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return round(field(status, "VmRSS") / 1024, 1)


def _observe(pid):
    time.sleep(SETTLE)
    before = sample(pid)
    time.sleep(WINDOW)
    after = sample(pid)
    by_thread, switches, cpu = {}, 0, 0
    for task, (name, count, used) in after.items():
        _, count_before, used_before = before.get(task, (name, 0, 0))
        switches += count - count_before
        cpu += used - used_before
        if count > count_before:
            by_thread[f"{name} {task}"] = round((count - count_before) / WINDOW, 2)
    return {
        "rss_mib": _memory(pid),
        "switches_per_second": round(switches / WINDOW, 2),
        "cpu_percent": round(cpu / WINDOW / 1e7, 3),
        "threads": len(after),
        "switches_by_thread": by_thread,
    }


def idle_daemon(world, _pairs):
    alone = _observe(world.daemon)
    places = list(world.worktrees)
    while len(places) < SANDBOXES:
        path = world.root / "repo__worktrees" / f"idle{len(places)}"
        world.git("worktree", "add", "-q", "-b", path.name, str(path))
        places.append(path)
    clients = [world.start_sandbox("namespace", path, "/bin/sh", "-c", "echo up; exec sleep infinity")
               for path in places]
    try:
        for client in clients:
            wait_for(client.stdout.readline, 60, "a sandbox")
        leased = _observe(world.daemon)
    finally:
        for client in clients:
            world.end_sandbox(client)
    results = []
    for key, unit, limit in (("rss_mib", "MiB", 40), ("switches_per_second", "/s", 10), ("cpu_percent", "%", 0.2)):
        results.append({"name": f"{SANDBOXES} idle sandboxes: {key}", "value": leased[key], "limit": limit,
                        "unit": unit, "ok": leased[key] <= limit, "without_sandboxes": alone[key]})
    results[0]["details"] = leased
    results[0]["details_without_sandboxes"] = alone
    return results
