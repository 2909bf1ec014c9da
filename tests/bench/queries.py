"""`list` and `status`, from memory and with git."""

import measure
import process_events

REPEATS = 5


def _report_agents(world):
    """An agent that works in each worktree."""
    for path, pane in world.panes().items():
        if any(str(worktree) == path for worktree in world.worktrees):
            world.command("workmux", "set-window-status", "working", cwd=path,
                          env=dict(world.pane_env, TMUX_PANE=pane))()


def _commands(world, *flags):
    return [(f"{name} --json{''.join(' ' + flag for flag in flags)}",
             world.command("workmux", name, "--json", *flags)) for name in ("list", "status")]


def _repeat(run):
    for _ in range(REPEATS):
        run()


def list_and_status(world, pairs):
    _report_agents(world)
    bare = world.command("git", "--version")
    results = []
    for name, run in _commands(world):
        subjects, bares = measure.pairs(lambda _: measure.milliseconds(run), lambda _: measure.milliseconds(bare),
                                        pairs * 2)
        started, method = process_events.count(world.daemon, lambda: _repeat(run))
        results.append(measure.ratio(name, subjects, bares, 4, bare="git --version", processes_started=started,
                                     processes_seen_by=method, worktrees=len(world.worktrees)))
    return results


def with_git(world, pairs):
    _report_agents(world)
    results = []
    for name, run in _commands(world, "--git"):
        # `list` looks at the main worktree too.
        paths = world.worktrees + ([world.repo] if name.startswith("list") else [])
        by_hand = [world.command("git", "status", "--porcelain=v2", "-z", "--untracked-files=normal", cwd=path)
                   for path in paths]
        subjects, bares = measure.pairs(lambda _: measure.milliseconds(run),
                                        lambda _: measure.milliseconds(lambda: measure.all_at_once(by_hand)), pairs)
        started, method = process_events.count(world.daemon, run)
        result = measure.ratio(name, subjects, bares, 1.3, bare=f"{len(paths)} git status, all at once",
                               git_processes=started, processes_seen_by=method)
        # The counter of the other figures proves itself here.
        result["ok"] = result["ok"] and started >= len(paths)
        results.append(result)
    return results
