"""Times whole processes in interleaved pairs and reduces them to medians."""

import os
import statistics
import time

_NULL = (
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
    (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
)


class Run:
    """One process: argv with an absolute program, its environment and cwd."""

    def __init__(self, argv, env, cwd, may_fail=False):
        self.argv = [str(word) for word in argv]
        self.env = env
        self.cwd = str(cwd)
        self.may_fail = may_fail

    def start(self):
        os.chdir(self.cwd)
        return os.posix_spawn(self.argv[0], self.argv, self.env, file_actions=_NULL)

    def finish(self, pid):
        _, status = os.waitpid(pid, 0)
        if status != 0 and not self.may_fail:
            raise RuntimeError(f"{' '.join(self.argv)}: status {os.waitstatus_to_exitcode(status)}")

    def __call__(self):
        self.finish(self.start())


def all_at_once(runs):
    """Starts every run, then waits for all."""
    started = [(run, run.start()) for run in runs]
    for run, pid in started:
        run.finish(pid)


def milliseconds(body):
    before = time.perf_counter_ns()
    body()
    return (time.perf_counter_ns() - before) / 1e6


def pairs(subject, bare, count, warm_up=2):
    """Times in ms of subject(i) and bare(i), each after the other in turn, so
    that what else the machine does falls on both."""
    for index in range(-warm_up, 0):
        subject(index)
        bare(index)
    subjects, bares = [], []
    for index in range(count):
        order = ((subject, subjects), (bare, bares))
        for body, times in order if index % 2 == 0 else reversed(order):
            value = body(index)
            times.append(value)
    return subjects, bares


def median(values):
    return statistics.median(values)


def spread(values):
    ordered = sorted(values)
    return {
        "min": round(ordered[0], 3),
        "median": round(median(ordered), 3),
        "p90": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))], 3),
        "count": len(ordered),
    }


def ratio(name, subjects, bares, limit, **more):
    value = round(median(subjects) / median(bares), 2)
    return _result(name, value, limit, "x", subjects, bares, more)


def difference(name, subjects, bares, limit, **more):
    value = round(median([a - b for a, b in zip(subjects, bares)]), 1)
    return _result(name, value, limit, "ms", subjects, bares, more)


def absolute(name, subjects, bares, limit, **more):
    return _result(name, round(median(subjects), 2), limit, "ms", subjects, bares, more)


def _result(name, value, limit, unit, subjects, bares, more):
    result = {
        "name": name,
        "value": value,
        "limit": limit,
        "unit": unit,
        "ok": limit is None or value <= limit,
        "workmux_ms": spread(subjects),
    }
    if bares:
        result.update(bare_ms=round(median(bares), 2), bare_spread_ms=spread(bares))
    result.update(more)
    if result.get("processes_started"):
        result["ok"] = False
    return result
