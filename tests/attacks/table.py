#!/usr/bin/env python3
"""table.py ROOT [--check]: writes the table of packaging/doc/threat-model.md from the attack tests.

With --check it fails when the file has not what it would write. A test of an
attack is a TEST_CASE("Attack ID: sentence", "[attack][ID][backend]…") below
tests/attacks, right under a comment "Control: …" that says how the test proves
that the attack works where the defence is off. What is only noticed afterwards has
the tag [detected] and a line "Detected: …" above that one, which says why; what is
not held at all the tag [documented] and a line "Documented: …".
"""

import pathlib
import re
import sys

DOC = "packaging/doc/threat-model.md"
# What stands between these two lines of it.
BEGIN = "<!-- Written by tests/attacks/table.py. -->\n"
END = "<!-- End of what tests/attacks/table.py writes. -->\n"
# Tags that say where an attack is tried, as the table names them.
BACKENDS = {
    "namespace": "namespace",
    "docker": "docker",
    "podman": "podman",
    "podman_root": "podman as root",
    "docker_firewall": "docker behind a firewall",
    "firewall": "docker and root's podman behind a firewall",
    "tmux": "tmux",
    "proxy": "the proxy by itself",
}
CASE = re.compile(
    r"((?:^//[^\n]*\n)*)^TEST_CASE\(\s*\"Attack ([A-Z]+\d+): ([^\"]+)\",\s*\"([^\"]*)\"\)", re.MULTILINE
)
HEAD = """
Made from the tests themselves; a lint test keeps it true. Each attack
runs in sandboxes that `workmux sandbox run` makes, or against the proxy of one, and each test also runs its control: the same attack
where the defence is off, which has to succeed. "Held" says that the attack does not succeed; "only detected",
that it can, and that you are told; "not held", that it succeeds, and that the documents say so.

F: files and git. T: terminal and bridge. N: restricted networks. K: kernel and resources.

| Attack | What the test shows | | Where | Control | Test |
|---|---|---|---|---|---|
"""


def attacks(root):
    for path in sorted((root / "tests/attacks").rglob("*_test.cc")):
        text = path.read_text(encoding="utf-8")
        found = list(CASE.finditer(text))
        if len(found) != len(re.findall(r"^TEST_CASE\(", text, re.MULTILINE)):
            sys.exit(f'{path}: a TEST_CASE is not of the form "Attack ID: sentence"')
        for comment, name, sentence, tags in (match.groups() for match in found):
            words = " ".join(line.lstrip("/ ") for line in comment.splitlines())
            detected = re.search(r"(Detected|Documented): (.*?)\.?\s*(?:Control: |$)", words)
            control = words.partition("Control: ")[2].strip().rstrip(".")
            where = [BACKENDS[tag] for tag in re.findall(r"\[(\w+)\]", tags) if tag in BACKENDS]
            if not control or not where or f"[attack][{name}]" not in tags:
                sys.exit(f"{path}: {name}: {sentence}: no control, no backend, or other tags")
            outcome = "held"
            for tag, word in (("detected", "only detected"), ("documented", "not held")):
                if (f"[{tag}]" in tags) != (detected is not None and detected.group(1).lower() == tag):
                    sys.exit(f"{path}: {name}: {sentence}: the tag [{tag}] and a line that says why go together")
                if f"[{tag}]" in tags:
                    outcome = word
            test = path.relative_to(root).as_posix()
            yield name, sentence, outcome, ", ".join(where), control, test, detected.group(2) if detected else ""


def main():
    root = pathlib.Path(sys.argv[1])
    order = {"F": 0, "T": 1, "H": 2, "N": 3, "K": 4}
    rows = sorted(attacks(root), key=lambda row: (order[row[0][0]], int(row[0][1:]), row[1]))
    text = HEAD + "".join(
        f"| {name} | {sentence} | {outcome} | {where} | {control} | `{path}` |\n"
        for name, sentence, outcome, where, control, path, _ in rows
    )
    for title in ("only detected", "not held"):
        if not any(row[2] == title for row in rows):
            continue
        text += f"\n### {title.capitalize()}, and why\n\n" + "".join(
            f"- {name}, {sentence}: {why}.\n" for name, sentence, outcome, _, _, _, why in rows if outcome == title
        )
    doc = root / DOC
    before = doc.read_text(encoding="utf-8")
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{DOC} has no place for the table")
    after = head + begin + text + "\n" + end + tail
    if "--check" not in sys.argv:
        doc.write_text(after, encoding="utf-8")
    elif before != after:
        sys.exit(f"{DOC} is not up to date; run tests/attacks/table.py {root}")


if __name__ == "__main__":
    main()
