"""Many tunnels through the daemon: idle ones, and those of many sandboxes at work."""

import contextlib
import pathlib
import time

import measure
from egress_stage import RestrictedWorld, Stage
from idle import field, sample

IDLE_TUNNELS = 1000
HOLDERS = 5  # sandboxes that share them: one may have 256
SET_UPS = 2000  # of one more client beside them
SETTLE = 40  # seconds; idle workers of the daemon leave after 30
WINDOW = 30  # seconds
SANDBOXES = 200
TUNNELS = 20
AT_ONCE = 20  # sandboxes started together
VERBS = (("list", "--json"), ("status", "--json"))


def _memory(pid):
    return field(pathlib.Path(f"/proc/{pid}/status").read_text(), "VmRSS")


@contextlib.contextmanager
def _restricted(world, count):
    """A daemon on the stage and `count` sandboxes with a client each."""
    with contextlib.ExitStack() as stack:
        stage = Stage(world.programs.parent / "tests" / "bench", world.env)
        stack.callback(stage.close)
        restricted = RestrictedWorld(world, stage)
        stack.callback(restricted.close)
        repository = world.root / f"small{count}"
        world.make_repository(repository, 20)
        loads = []
        stack.callback(lambda: world.end_sandboxes([load.process for load in loads]))
        for index in range(count):
            path = world.root / f"small{count}__worktrees" / f"s{index}"
            world.git("worktree", "add", "-q", "-b", path.name, str(path), cwd=repository)
            loads.append(restricted.start(path))
            if (index + 1) % AT_ONCE == 0 or index + 1 == count:
                for load in loads[-AT_ONCE:]:
                    load.ask("setup", 1)
        yield restricted, loads


def _observe(restricted, loads):
    """After a while: memory in KiB and voluntary switches, of the daemon's proxy and of the relays."""
    time.sleep(SETTLE)

    def switches():
        threads = sample(restricted.pid).values()
        return (sum(count for name, count, _ in threads if name == "wm-egress"),
                sum(load.ask("process", "workmux-relay")[1] for load in loads))

    before = switches()
    time.sleep(WINDOW)
    proxy, relays = (after - start for after, start in zip(switches(), before))
    memory = sum(load.ask("process", "workmux-relay")[2] for load in loads)
    return {"daemon": _memory(restricted.pid), "relays": memory, "proxy_wakes": proxy, "relay_wakes": relays}


def idle_tunnels(world, _pairs):
    with _restricted(world, HOLDERS) as (restricted, loads):
        alone = _observe(restricted, loads)
        for load in loads:
            load.ask("hold", IDLE_TUNNELS // HOLDERS)
        held = _observe(restricted, loads)
        beside = sorted(loads[0].ask("setup", SET_UPS))
    p99 = round(beside[int(len(beside) * 0.99)] / 1e6, 2)
    results = [{"name": f"{IDLE_TUNNELS} idle tunnels, set-up p99 beside them", "value": p99, "limit": 5, "unit": "ms",
                "ok": p99 <= 5, "p50_ms": round(beside[len(beside) // 2] / 1e6, 3)}]
    for key, label, limit in (("daemon", "daemon", 20), ("relays", f"{HOLDERS} relays together", None)):
        more = round((held[key] - alone[key]) / 1024, 1)
        results.append({"name": f"{IDLE_TUNNELS} idle tunnels, {label}", "value": more, "limit": limit,
                        "unit": "MiB", "ok": limit is None or more <= limit})
    wakes = held["proxy_wakes"] + held["relay_wakes"]
    results.append({"name": f"{IDLE_TUNNELS} idle tunnels, wake-ups in {WINDOW} s", "value": wakes, "limit": 0,
                    "unit": "", "ok": wakes == 0, "details": held, "without_tunnels": alone})
    return results


def _verbs(world, until):
    """Milliseconds of the verbs, in turns, for so long."""
    times = {verb: [] for verb in VERBS}
    end = time.monotonic() + until
    while time.monotonic() < end:
        for verb in VERBS:
            times[verb].append(measure.milliseconds(world.command("workmux", *verb)))
            time.sleep(0.05)
    return times


def mixed_load(world, _pairs):
    name = f"{SANDBOXES} sandboxes x {TUNNELS} tunnels"
    seconds = world.seconds
    with _restricted(world, SANDBOXES) as (_, loads):
        unloaded = [took for load in loads[:20] for took in load.ask("setup", 100)]
        verbs_before = _verbs(world, min(seconds, 20))
        for index, load in enumerate(loads):
            load.tell("mixed", seconds, TUNNELS, index + 1)
        verbs = _verbs(world, max(1, seconds - 1))
        told = [load.hear() for load in loads]
    kinds = dict(zip(("not connected", "refused", "broken"), map(sum, zip(*(one[:3] for one in told)))))
    errors = sum(kinds.values())
    loaded = sorted(took for one in told for took in one[5:])
    p99 = loaded[int(len(loaded) * 0.99)]
    unloaded.sort()
    p99_unloaded = unloaded[int(len(unloaded) * 0.99)]
    results = [
        {"name": f"{name}: errors", "value": errors, "limit": 0, "unit": "", "ok": errors == 0, "seconds": seconds,
         "set_ups": len(loaded), "messages": sum(one[3] for one in told), "bytes": sum(one[4] for one in told), **kinds},
        {"name": f"{name}: set-up p99, loaded", "value": round(p99 / p99_unloaded, 2), "limit": 4, "unit": "x",
         "ok": p99 <= 4 * p99_unloaded, "measured": f"{p99 / 1e3:.3g} us", "bare": f"{p99_unloaded / 1e3:.3g} us",
         "p50_us": loaded[len(loaded) // 2] / 1e3, "p50_unloaded_us": unloaded[len(unloaded) // 2] / 1e3}]
    for verb in VERBS:
        results.append(measure.ratio(f"{name}: {' '.join(verb)}", verbs[verb], verbs_before[verb], 1.25))
    return results
