#!/usr/bin/env python3
"""make_man.py --program CLI --help-dir DIR --extra FILE --version V --out DIR

Writes one roff page for each text in DIR (cli/help/*.md): its prose comes from the
text, its options from what the program itself prints with --help. FILE holds further
sections of workmux(1).

The markdown is restricted: "# title", "## SECTION", paragraphs, "- `term`: text"
items, and lines indented by two spaces, which are examples as they stand (six spaces:
the remark below one). `code` becomes bold. See man(7) for the macros.
"""

import argparse
import pathlib
import re
import subprocess
import sys

SECTION = re.compile(r"^(Positionals|Options|Subcommands):$")
ENTRY = re.compile(r"^  (\S.*?)(?:  +(\S.*))?$")
ITEM = re.compile(r"^- (`[^`]+`(?:, `[^`]+`)*): (.*)$")


def escape(text):
    """Plain text as roff: no escapes, no accidental requests, ASCII minus signs."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    if text.startswith((".", "'")):
        text = "\\&" + text
    return text


def inline(text):
    parts = text.split("`")
    shown = [f"\\fB{escape(part)}\\fR" if i % 2 else escape(part) for i, part in enumerate(parts)]
    line = "".join(shown)
    return "\\&" + line if line.startswith((".", "'")) else line


def example(lines):
    out = [".PP", ".RS 4", ".nf"]
    for line in lines:
        out.append(escape(line[2:]) if line else "")
    return out + [".fi", ".RE"]


def body(text):
    """The markdown below the title and its summary."""
    out, paragraph, block = [], [], []

    def flush():
        nonlocal paragraph, block
        if block:
            out.extend(example(block))
        if paragraph:
            joined = " ".join(paragraph)
            item = ITEM.match(joined)
            out.extend([".TP", inline(item[1]), inline(item[2])] if item else [".PP", inline(joined)])
        paragraph, block = [], []

    for line in text.splitlines() + [""]:
        if line.startswith("## "):
            flush()
            out.append(".SH " + escape(line[3:].upper()))
        elif line.strip() == "Examples:":
            flush()
            out.append(".SH EXAMPLES")
        elif not line.strip():
            flush()
        elif line.startswith("  ") and not (paragraph and ITEM.match(paragraph[0])):
            block.append(line.rstrip())
        else:
            if line.startswith("- "):
                flush()
            paragraph.append(line.strip())
    return out


def parse_help(program, words):
    """{"Options": [(names, text)], …} as the program prints it."""
    run = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True,
                         stdin=subprocess.DEVNULL, timeout=60)
    sections, usage, current = {}, "", None
    for line in run.stdout.splitlines():
        heading = SECTION.match(line)
        if line.startswith("Usage: "):
            usage = line[len("Usage: "):]
        elif heading:
            current = sections.setdefault(heading[1], [])
        elif not line.startswith(" "):
            current = None if line else current
        elif current is not None and line.startswith("      ") and current:
            names, text = current[-1]
            current[-1] = (names, f"{text} {line.strip()}".strip())
        elif current is not None and (entry := ENTRY.match(line)):
            current.append((entry[1], entry[2] or ""))
    if not usage or "Options" not in sections:
        sys.exit(f"make_man: {' '.join([program, *words])} --help: the form is not known")
    return usage, sections


def options(sections):
    out = []
    for name in ("Positionals", "Options"):
        for names, text in sections.get(name, []):
            plain = re.sub(r" (Excludes: .*|REQUIRED)$", "", names)
            out += [".TP", f"\\fB{escape(plain)}\\fR", inline(text)]
    return out


def page(program, source, extra, version):
    text = source.read_text(encoding="utf-8")
    title, summary, *rest = text.split("\n\n", 2)
    command = title.removeprefix("# ").strip()
    words = command.split()[1:]
    name = "-".join(command.split())
    usage, sections = parse_help(program, words)

    out = [f'.TH "{escape(name.upper())}" 1 "" "workmux {version}" "User Commands"',
           ".SH NAME", f"{escape(name)} \\- {escape(' '.join(summary.split()).rstrip('.'))}",
           ".SH SYNOPSIS", f"\\fB{escape(usage)}\\fR"]
    nested = sections.get("Subcommands", [])
    if nested:
        out.append(".SH COMMANDS")
        for names, said in nested:
            out += [".TP", f"\\fB{escape(names)}\\fR", inline(said)]
    out += [".SH OPTIONS", *options(sections)]
    if words:
        for names, _ in nested:
            below = [*words, names.split(",")[0]]
            below_usage, below_sections = parse_help(program, below)
            out += [f".SH {escape(' '.join(below).upper())}", ".PP", f"\\fB{escape(below_usage)}\\fR"]
            out += options(below_sections)
    out += body(rest[0] if rest else "")
    if not words:
        out += body(extra.read_text(encoding="utf-8"))
    others = sorted(p.stem for p in source.parent.glob("*.md") if p.stem != "root" and p.stem != source.stem)
    seen = [f"\\fBworkmux\\-{escape(o)}\\fR(1)" for o in others] if not words else ["\\fBworkmux\\fR(1)"]
    out += [".SH SEE ALSO", ",\n".join(seen)]
    return name, "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--help-dir", type=pathlib.Path, required=True)
    parser.add_argument("--extra", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for source in sorted(given.help_dir.glob("*.md")):
        name, text = page(given.program, source, given.extra, given.version)
        (given.out / f"{name}.1").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
