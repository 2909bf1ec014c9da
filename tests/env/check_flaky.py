#!/usr/bin/env python3
"""check_flaky.py LOG: names the tests that failed and passed when ctest ran them again.

Such a test is a bug, but a busy machine does not stop everybody's work for it.
An attack that succeeds once has succeeded: for one of those the exit code is 1.
2 when there is something to read, 0 when every test passed or failed for good.
"""

import re
import sys

LINE = re.compile(r"Test\s+#\d+: (?P<name>.*?) \.*\s*(?P<verdict>\*\*\*\w+|Passed)")
ATTACK = re.compile(r"(^|_)attack_test\b")


def passed_at_last(log):
    """Names with a failure before their pass, in order."""
    failed = {}
    for line in log:
        found = LINE.search(line)
        if not found:
            continue
        name = found["name"]
        if found["verdict"] == "Passed":
            if name in failed:
                failed[name] = True
        elif found["verdict"] != "***Skipped":
            failed[name] = False
    return [name for name, passed in failed.items() if passed]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        flaky = passed_at_last(log)
    attacks = [name for name in flaky if ATTACK.search(name)]
    for name in flaky:
        print(f"FLAKY: failed, and passed when it was run again: {name}", file=sys.stderr)
    for name in attacks:
        print(f"an attack test must pass every time: {name}", file=sys.stderr)
    if attacks:
        return 1
    return 2 if flaky else 0


if __name__ == "__main__":
    sys.exit(main())
