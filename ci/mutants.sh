#!/bin/sh
# Plants bugs, one at a time, in a copy of the tree, and runs the tests that must notice. `ci/mutants/README.md` has the form
# of a bug. Prints a table; exits non-zero if a bug survives that no reason excuses, or can't be planted or built.
#
#   ci/mutants.sh                 all bugs: a campaign of about half an hour
#   ci/mutants.sh --ci            those marked for CI: at most 4 minutes
#   ci/mutants.sh border queue    those of these files, or with these words in their title
#   ci/mutants.sh --check         plants and removes each, without building: do all still fit the code?
set -eu
cd "$(dirname "$0")/.."
exec python3 ci/mutants/run.py "$@"
