#!/usr/bin/env python3
"""Every relative link in Markdown files and doc comments, and every path of this project that they mention, exists. Every
`cargo run --example NAME` in them names an example, and turns on the features that it needs.

    ci/links.py            checks the project; prints each dead link with its file and line, and exits with 1
    ci/links.py --test     plants dead ones in a copy of the rules, and fails if one of them is missed

A path is checked if its first part is a folder of this project ("core/src/context.rs", "ci/links.py"). It may be relative to
the project, to the file's package or to the file. Placeholders ("<date>", "NAME", "*") and what a build makes ("target/") are not paths.
"""

import functools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# [text](target), with neither a scheme nor only an anchor.
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# `core/src/context.rs` and similar paths, as a separate word.
MENTION = re.compile(r"(?<![\w/.:~-])((?:\.{1,2}/)*[\w.-]+(?:/[\w.*<>{}-]+)+/?)")
PLACEHOLDER = re.compile(r"[<>*{}]|\.\.\.|\b[A-Z]{3,}\b(?!\.)")
# Results, and files of Debian or other projects, may name paths that no longer exist.
NOT_OURS = ("benches/results/",)
# One of this project's examples, as a command.
COMMAND = re.compile(r"cargo run\b[^`\n]*?--example [^`\n]*")


def tracked(*patterns):
    """The files that git tracks, and new ones that it doesn't ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [name for name in names if name and (ROOT / name).exists() and not name.startswith(NOT_OURS)]


def anchors(path):
    """The anchors of a Markdown file's headings, as GitHub makes them."""
    found = set()
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return found


def is_there(file, target):
    """Whether a path exists relative to the file, to one of the folders above it, or to the project."""
    folder = (ROOT / file).parent
    while True:
        if (folder / target).exists():
            return True
        if folder == ROOT:
            return False
        folder = folder.parent


def dead_link(file, target):
    if re.match(r"[a-z]+:", target) or target.startswith("crate::") or "::" in target:
        return False
    path, _, anchor = target.partition("#")
    found = (ROOT / file).parent / path if path else ROOT / file
    if not found.exists():
        return True
    return bool(anchor) and found.suffix == ".md" and anchor not in anchors(found)


def dead_mention(file, mention, folders):
    first = mention.lstrip("./").split("/")[0]
    if first not in folders or PLACEHOLDER.search(mention):
        return False
    return not is_there(file, mention.rstrip("/."))


@functools.cache
def examples():
    """The examples whose manifest names features, as (package, example): what is on by default, and what is needed."""
    found = {}
    for manifest in tracked("*Cargo.toml"):
        read = tomllib.loads((ROOT / manifest).read_text())
        features, on = read.get("features", {}), set()
        waiting = ["default"]
        while waiting:
            feature = waiting.pop()
            on.add(feature)
            waiting += [other for other in features.get(feature, []) if other not in on]
        package = read.get("package", {}).get("name")
        here = (ROOT / manifest).parent / "examples"
        found |= {(package, file.stem): (on, set()) for file in here.glob("*.rs")}
        for example in read.get("example", []):
            found[package, example["name"]] = (on, set(example.get("required-features", [])))
    return found


def is_wrong(command):
    """Whether a command names an example that doesn't exist, or not the features that it needs."""
    words = command.split(" -- ")[0].split()
    after = {word: then for word, then in zip(words, words[1:])}
    example = after.get("--example", "")
    if PLACEHOLDER.search(example):
        return False
    known = examples().get((after.get("-p", "heirloom"), example))
    if known is None:
        return True
    on, needed = known
    return "--all-features" not in words and not needed <= on | set(after.get("--features", "").split(","))


def prose(file, text):
    """Numbered lines: of a Markdown file all but indented code, of a Rust file the comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if file.endswith(".md"):
            yield number, line
        else:
            comment = re.search(r"(?:^|\s)//[/!]?\s?(.*)", line)
            if comment:
                yield number, comment.group(1)


def check(file, text, folders):
    """The dead links, paths and commands of one file: (line, what)."""
    found = []
    for number, line in prose(file, text):
        links = LINK.findall(line)
        # In Rust files, links to items are rustdoc's to check.
        paths = [link for link in links if file.endswith(".md") or "/" in link or link.endswith(".md")]
        found += [(number, link) for link in paths if dead_link(file, link)]
        found += [(number, command) for command in COMMAND.findall(line) if is_wrong(command)]
        rest = re.sub(r"\w+://\S+", "", LINK.sub("", line))
        found += [(number, mention) for mention in MENTION.findall(rest) if dead_mention(file, mention, folders)]
    return found


def folders():
    return {name.split("/")[0] for name in tracked() if "/" in name} - {".ci", ".cargo"} | {"src"}


def self_test():
    known = folders()
    planted = [
        ("README.md", "[gone](docs/no-such-page.md)"),
        ("README.md", "[no heading](CONTRIBUTING.md#no-such-heading)"),
        ("README.md", "see `core/src/no_such_file.rs`"),
        ("core/src/lib.rs", "/// See core/src/no_such_file.rs."),
        ("core/src/lib.rs", "//! the steps in `ci/no_such_script.sh`"),
        ("docs/features.md", "[`Context`](../core/src/no_such_file.rs)"),
        ("README.md", "run `cargo run --example no_such_example`"),
        ("examples/worker_service.rs", "//! cargo run --release --example worker_service --features tokio"),
        ("bridge/examples/cost.rs", "//! cargo run --example cost"),
    ]
    sound = [
        ("README.md", "[docs](docs/migrating.md), `core/src/lib.rs`, https://example.com/core/src/none.rs"),
        ("core/src/lib.rs", "let url = 1; // src/lib.rs and core/src/lib.rs are there, input/output isn't a path"),
        ("README.md", "`cargo run --example NAME`, `cargo run --release --example par_iter -- 5`"),
        ("examples/worker_service.rs", "//! cargo run --example worker_service --features tokio,workers   # slow"),
        ("benches/README.md", "benches/results/<date>-<bench>/ and `ci/*.sh`"),
    ]
    missed = [text for file, text in planted if not check(file, text, known)]
    wrong = [(text, check(file, text, known)) for file, text in sound if check(file, text, known)]
    for text in missed:
        print(f"missed: {text}")
    for text, found in wrong:
        print(f"not dead: {found} in {text}")
    return not missed and not wrong


def main():
    if sys.argv[1:] == ["--test"]:
        return 0 if self_test() else 1
    files, known, dead = tracked("*.md", "*.rs"), folders(), 0
    for file in files:
        for number, what in check(file, (ROOT / file).read_text(), known):
            wrong = "names no example, or not its features" if what.startswith("cargo") else "doesn't exist"
            print(f"{file}:{number}: {what} {wrong}")
            dead += 1
    print(f"{len(files)} files: {dead} dead links, paths or commands")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
