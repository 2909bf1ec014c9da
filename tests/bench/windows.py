"""`add` beside the same three commands by hand."""

import shutil

import measure


def add_worktree(world, pairs):
    def subject(index):
        name = f"bench-{index + 100}"
        run = world.command("workmux", "add", "-b", name)
        taken = measure.milliseconds(run)
        _tidy(world, name)
        return taken

    def by_hand(index):
        name = f"hand-{index + 100}"
        path = world.root / "repo__worktrees" / name
        tmux = ("tmux", "-S", world.socket)
        runs = [
            world.command("git", "worktree", "add", "-q", "-b", name, path),
            world.command(*tmux, "new-window", "-d", "-n", name, "-c", path),
            world.command(*tmux, "split-window", "-d", "-h", "-t", f"={name}", "-c", path, "clear; exec /bin/sh -l"),
        ]

        def all_three():
            for run in runs:
                run()

        taken = measure.milliseconds(all_three)
        _tidy(world, name)
        return taken

    subjects, bares = measure.pairs(subject, by_hand, pairs)
    return [measure.difference("add -b, beyond by hand", subjects, bares, 40,
                               bare="git worktree add, tmux new-window, tmux split-window")]


def _tidy(world, name):
    for line in world.tmux_output("list-windows", "-a", "-F", "#{window_id} #{window_name}").splitlines():
        window, window_name = line.split(" ", 1)
        if window_name in (name, f"wm-{name}"):
            world.tmux_output("kill-window", "-t", window)
    world.git("worktree", "remove", "--force", str(world.root / "repo__worktrees" / name))
    world.git("branch", "-D", name)
    shutil.rmtree(world.root / "repo__worktrees" / name, ignore_errors=True)
