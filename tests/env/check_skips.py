#!/usr/bin/env python3
"""check_skips.py JUNIT ALLOWED: fails, with names, when a test was skipped that must run."""

import re
import sys
import xml.etree.ElementTree as ElementTree


def allowed_patterns(path):
    with open(path, encoding="utf-8") as lines:
        stripped = (line.split("#", 1)[0].strip() for line in lines)
        return [re.compile(line) for line in stripped if line]


def skipped_tests(path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            output = case.findtext("system-out", default="")
            reason = re.search(r"SKIPPED: (.*)", output)
            yield case.get("name"), reason.group(1) if reason else "no reason given"


def main():
    junit, allowed_file = sys.argv[1:]
    allowed = allowed_patterns(allowed_file)
    try:
        skipped = list(skipped_tests(junit))
    except (OSError, ElementTree.ParseError) as error:
        sys.exit(f"check_skips: no readable test report: {error}")
    forbidden = [(name, why) for name, why in skipped if not any(p.search(name) for p in allowed)]
    for name, why in forbidden:
        print(f"must not be skipped here: {name}: {why}", file=sys.stderr)
    return 1 if forbidden else 0


if __name__ == "__main__":
    sys.exit(main())
