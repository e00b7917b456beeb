#!/bin/sh
# Prints the names of the packages that are to be published, in an order in which each comes after what it depends on.
set -eu
cd "$(dirname "$0")/.."
cargo metadata --no-deps --format-version 1 --locked | python3 -c '
import json, sys

packages = {p["name"]: p for p in json.load(sys.stdin)["packages"] if p["publish"] is None}
done = []

def visit(name):
    for dependency in packages[name]["dependencies"]:
        if dependency["kind"] != "dev" and dependency["name"] in packages and dependency["name"] not in done:
            visit(dependency["name"])
    if name not in done:
        done.append(name)

for name in sorted(packages):
    visit(name)
print("\n".join(done))
'
