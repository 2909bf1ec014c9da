"""The way out of restricted sandboxes beside other proxies: same client, same server,
same bytes, in turns."""

import contextlib

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


def set_up(clients, pairs):
    """First byte of CONNECT to first echoed byte."""
    times = _turns(clients, pairs, lambda client: client.ask("setup", BATCH))
    results = []
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        own = _percentile(times["workmux"], share) / 1e3
        for peer, limit in (("tinyproxy", 1.0), ("squid", 0.8)):
            if peer in times:
                results.append(_compare(f"CONNECT {label} beside {peer}", "us", own,
                                        _percentile(times[peer], share) / 1e3, limit, count=len(times[peer])))
        if "isolated" in times:
            results.append(_compare(f"CONNECT {label}, isolated path", "us",
                                    _percentile(times["isolated"], share) / 1e3, own, None))
    return results


def _stream(client):
    return [STREAM / client.ask("stream", STREAM)[0]]


def one_stream(clients, pairs):
    """Bytes of one download; GB per second."""
    rates = {name: measure.median(found) for name, found in _turns(clients, pairs, _stream).items()}
    results = [_compare(f"one stream beside {peer}", "GB/s", rates["workmux"], rates[peer], limit, at_least=True)
               for peer, limit in (("tinyproxy", 2.0), ("squid", None), ("haproxy", 0.9), ("direct", 0.3))
               if peer in rates]
    return results + [_compare("one stream, isolated path beside direct", "GB/s", rates["isolated"], rates["direct"],
                               None, at_least=True)]


def relay_cost(costs, pairs):
    """CPU of who relays one stream; `costs` are pairs of a client and who counts."""

    def one(pair):
        client, used = pair
        before = used()
        _stream(client)
        return [(used() - before) / STREAM]

    found = {name: measure.median(values) for name, values in _turns(costs, pairs, one).items()}
    return [_compare(f"CPU, {label}, beside a copy loop", "s/GB", found[own], found[bare], 0.6)
            for label, own, bare in (("proxy", "proxy", "copy"), ("guest's relay", "relay", "guest copy"),
                                     ("proxy behind it", "daemon", "copy"))]


def egress(world, pairs):
    with contextlib.ExitStack() as stack:
        stage = Stage(world.programs.parent / "tests" / "bench", world.env)
        stack.callback(stage.close)
        directory = world.root / "egress"
        directory.mkdir(mode=0o755)
        results, clients = [], {}
        listener = Listener(stage, directory / "workmux")
        clients["workmux"] = Load.on_stage(stage, listener.where)
        for name in ("tinyproxy", "squid", "haproxy"):
            if Peer.program(name) is None:
                results.append({"name": f"beside {name}", "skipped": Peer.skipped(name)})
                continue
            peer = Peer(name, stage, directory, any_port(), UPSTREAM)
            clients[name] = Load.on_stage(stage, peer.where)
        restricted = RestrictedWorld(world, stage)
        stack.callback(restricted.close)
        clients["isolated"] = restricted.start(world.worktrees[0])
        results += set_up({name: client for name, client in clients.items() if name != "haproxy"}, pairs)
        clients["direct"] = Load.on_stage(stage, UPSTREAM)
        results += one_stream(clients, max(3, pairs // 3))

        copy = CopyLoop(stage, any_port())
        guest_copy = restricted.start(world.worktrees[1], f"./egress-copy-loop 127.0.0.1:{GUEST_PORT}",
                                      "/run/workmux/bridge/proxy.sock >/dev/null &")
        guest_copy.ask("process", "copy-loop")
        guest_copy.ask("port", GUEST_PORT)
        results += relay_cost({
            "proxy": (clients["workmux"], lambda: processor_time(listener.pid)),
            "copy": (Load.on_stage(stage, copy.where), lambda: processor_time(copy.pid)),
            "relay": (clients["isolated"], lambda: clients["isolated"].ask("process", "workmux-relay")[0]),
            "guest copy": (guest_copy, lambda: guest_copy.ask("process", "copy-loop")[0]),
            "daemon": (clients["isolated"], lambda: processor_time(restricted.pid)),
        }, max(3, pairs // 3))
        return results
