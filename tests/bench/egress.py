"""The way out of restricted sandboxes beside other proxies: same client, same server,
same bytes, in turns."""

import contextlib

import measure
from egress_peers import Peer
from egress_stage import UPSTREAM, Listener, Load, Stage, any_port

BATCH = 50  # set-ups of one proxy before the next one's turn


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


def egress(world, pairs):
    with contextlib.ExitStack() as stack:
        stage = Stage(world.programs.parent / "tests" / "bench", world.env)
        stack.callback(stage.close)
        directory = world.root / "egress"
        directory.mkdir(mode=0o755)
        results, clients = [], {}
        clients["workmux"] = Load.on_stage(stage, Listener(stage, directory / "workmux").where)
        for name in ("tinyproxy", "squid", "haproxy"):
            if Peer.program(name) is None:
                results.append({"name": f"beside {name}", "skipped": Peer.skipped(name)})
                continue
            peer = Peer(name, stage, directory, any_port(), UPSTREAM)
            clients[name] = Load.on_stage(stage, peer.where)
        results += set_up({name: client for name, client in clients.items() if name != "haproxy"}, pairs)
        return results
