"""The way out of restricted sandboxes beside other proxies: same client, same server,
same bytes, in turns."""

import contextlib
import pathlib
import tempfile

import measure
from egress_peers import Peer
from egress_stage import (UPSTREAM, CopyLoop, Listener, Load, RestrictedWorld, Stage, any_port,
                          processor_time)

BATCH = 50  # set-ups of one proxy before the next one's turn
STREAM = 1 << 30  # bytes
GUEST_PORT = 4000


def _percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _turns(clients, count, body):
    """body(client) of each client in turns, in another order each time."""
    names = list(clients)
    found = {name: [] for name in names}
    for index in range(-1, count):
        for name in names[index % len(names):] + names[:index % len(names)]:
            value = body(clients[name])
            if index >= 0:
                found[name] += value
    return found


def _compare(name, unit, subject, bare, limit, at_least=False, **more):
    value = round(subject / bare, 2)
    return {"name": name, "value": value, "limit": limit, "unit": "x",
            "ok": limit is None or (value >= limit if at_least else value <= limit),
            "measured": f"{subject:.3g} {unit}", "bare": f"{bare:.3g} {unit}", **more}


@contextlib.contextmanager
def _players(world, peers):
    """The stage, clients by the name of what is between them and the server, and what
    could not be started."""
    with contextlib.ExitStack() as stack:
        stage = Stage(world.programs.parent / "tests" / "bench", world.env)
        stack.callback(stage.close)
        directory = pathlib.Path(tempfile.mkdtemp(prefix="egress", dir=world.root))
        directory.chmod(0o755)
        stage.listener = Listener(stage, directory / "workmux")
        clients, skipped = {"workmux": Load.on_stage(stage, stage.listener.where)}, []
        for name in peers:
            if Peer.program(name) is None:
                skipped.append({"name": f"beside {name}", "skipped": Peer.skipped(name)})
                continue
            peer = Peer(name, stage, directory, any_port(), UPSTREAM)
            clients[name] = Load.on_stage(stage, peer.where)
        stage.restricted = RestrictedWorld(world, stage)
        stack.callback(stage.restricted.close)
        clients["isolated"] = stage.restricted.start(world.worktrees[0])
        stack.callback(lambda: world.end_sandbox(clients["isolated"].process))
        yield stage, clients, skipped


def set_up(world, pairs):
    """First byte of CONNECT to first echoed byte."""
    with _players(world, ("tinyproxy", "squid")) as (_, clients, results):
        times = _turns(clients, pairs, lambda client: client.ask("setup", BATCH))
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        at = {name: _percentile(values, share) / 1e3 for name, values in times.items()}
        for peer, limit in (("tinyproxy", 1.0), ("squid", 0.8)):
            if peer in at:
                results.append(_compare(f"CONNECT {label} beside {peer}", "us", at["workmux"], at[peer], limit,
                                        count=len(times[peer])))
        results.append(_compare(f"CONNECT {label}, isolated path beside TCP", "us", at["isolated"], at["workmux"],
                                None))
    return results


def _stream(client):
    return [STREAM / client.ask("stream", STREAM)[0]]


def one_stream(world, pairs):
    """Bytes of one download in GB per second, and the CPU of who relays them."""
    pairs = max(3, pairs // 3)
    with _players(world, ("tinyproxy", "squid", "haproxy")) as (stage, clients, results):
        direct = Load.on_stage(stage, UPSTREAM)
        found = _turns(dict(clients, direct=direct), pairs, _stream)
        costs = _relay_costs(world, stage, clients, pairs)
    rates = {name: measure.median(values) for name, values in found.items()}
    for peer, limit in (("tinyproxy", 2.0), ("squid", None), ("haproxy", 0.9), ("direct", 0.3)):
        if peer in rates:
            results.append(_compare(f"one stream beside {peer}", "GB/s", rates["workmux"], rates[peer], limit,
                                    at_least=True))
    results.append(_compare("one stream, isolated path beside direct", "GB/s", rates["isolated"], rates["direct"],
                            None, at_least=True))
    return results + costs


def _relay_costs(world, stage, clients, pairs):
    copy = CopyLoop(stage, any_port())
    near_copy = Load.on_stage(stage, copy.where)
    guest_copy = stage.restricted.start(world.worktrees[1], f"./egress-copy-loop 127.0.0.1:{GUEST_PORT}",
                                        "/run/workmux/bridge/proxy.sock >/dev/null &")
    guest_copy.ask("port", GUEST_PORT)
    isolated = clients["isolated"]
    # Who downloads, and whose nanoseconds are counted.
    costs = {
        "proxy": (clients["workmux"], lambda: processor_time(stage.listener.pid)),
        "copy": (near_copy, lambda: processor_time(copy.pid)),
        "relay": (isolated, lambda: isolated.ask("process", "workmux-relay")[0]),
        "guest copy": (guest_copy, lambda: guest_copy.ask("process", "copy-loop")[0]),
        "daemon": (isolated, lambda: processor_time(stage.restricted.pid)),
    }

    def one(pair):
        client, used = pair
        before = used()
        _stream(client)
        return [(used() - before) / STREAM]

    try:
        found = {name: measure.median(values) for name, values in _turns(costs, pairs, one).items()}
    finally:
        world.end_sandbox(guest_copy.process)
    return [_compare(f"CPU, {label}, beside a copy loop", "s/GB", found[own], found[bare], 0.6)
            for label, own, bare in (("proxy", "proxy", "copy"), ("guest's relay", "relay", "guest copy"),
                                     ("proxy behind it", "daemon", "copy"))]
