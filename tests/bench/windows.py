"""`add` beside the same three commands by hand."""

import measure


def add_worktree(world, pairs):
    # Small, or the checkout's own time would drown the difference.
    repository = world.root / "small"
    world.make_repository(repository, 20)

    def subject(index):
        name = f"bench-{index + 100}"
        run = world.command("workmux", "add", "-b", name, cwd=repository)
        taken = measure.milliseconds(run)
        _tidy(world, repository, name)
        return taken

    def by_hand(index):
        name = f"hand-{index + 100}"
        path = world.root / "small__worktrees" / name
        tmux = ("tmux", "-S", world.socket)
        runs = [
            world.command("git", "worktree", "add", "-q", "-b", name, path, cwd=repository),
            world.command(*tmux, "new-window", "-d", "-n", name, "-c", path),
            world.command(*tmux, "split-window", "-d", "-h", "-t", f"bench:={name}", "-c", path, "clear; exec /bin/sh -l"),
        ]

        def all_three():
            for run in runs:
                run()

        taken = measure.milliseconds(all_three)
        _tidy(world, repository, name)
        return taken

    (world.root / "small__worktrees").mkdir()
    subjects, bares = measure.pairs(subject, by_hand, pairs)
    return [measure.difference("add -b, beyond by hand", subjects, bares, 40,
                               bare="git worktree add, tmux new-window, tmux split-window")]


def _tidy(world, repository, name):
    for line in world.tmux_output("list-windows", "-a", "-F", "#{window_id} #{window_name}").splitlines():
        window, window_name = line.split(" ", 1)
        if window_name in (name, f"wm-{name}"):
            world.tmux_output("kill-window", "-t", window)
    path = world.root / "small__worktrees" / name
    world.git("worktree", "remove", "--force", str(path), cwd=repository)
    world.git("branch", "-D", name, cwd=repository)
