#!/usr/bin/env python3
"""Runs tests, and tells those that always fail from those that depend on what else the machine does.

    ci/tests.py cargo test ..    runs all tests. One that fails is run three times more, alone
    ci/tests.py --test           plants failing tests, and fails if the wrong ones are let through

A test that passes three times alone failed by chance. Such a test is a defect: its name is printed at the end, to be mended. But one of
2,800 must not hold up a change that has nothing to do with it. More than two of them fail the run, and so does a test that fails
alone, or a program that says no name.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ALONE = 3
MOST = 2
# The end of cargo's output names each program that failed: `-p heirloom-pool --test stages`.
PROGRAM = re.compile(r"^ {4}`-p (\S+) (--.+)`$", re.MULTILINE)
# A program's list of failed tests, as the harness prints it.
LIST = re.compile(r"^failures:\n((?: {4}\S.*\n)+)", re.MULTILINE)
PASSED = re.compile(r"^test result: ok\. (\d+) passed", re.MULTILINE)


def run(command):
    """Runs a command and shows what it prints. Returns its exit code and its output."""
    output = []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        output.append(line)
    return process.wait(), "".join(output)


def failed(output):
    """The programs that failed, and the names of the tests that did."""
    programs = list(dict.fromkeys(target for _, target in PROGRAM.findall(output)))
    names = [name.strip() for block in LIST.findall(output) for name in block.splitlines()]
    return programs, list(dict.fromkeys(names))


def passes_alone(command, programs, name):
    """Whether one test passes each time alone: in one of the programs there is such a test."""
    for program in programs:
        for _ in range(ALONE):
            code, output = run([*command, *program.split(), "--", "--exact", name])
            ran = sum(int(count) for count in PASSED.findall(output))
            if code != 0:
                return False
            if ran == 0:
                break
        else:
            return True
    return False


def check(command):
    code, output = run([*command, "--no-fail-fast"])
    if code == 0:
        return 0
    programs, names = failed(output)
    if not names or len(names) > MOST or len(programs) > len(names):
        return code
    print(f"::: again, alone: {', '.join(names)}", flush=True)
    if not all(passes_alone(command, programs, name) for name in names):
        return code
    for name in names:
        print(f"::: FAILED ONCE, and passed {ALONE} times alone: {name}", flush=True)
    return 0


CARGO = r"""#!/usr/bin/env python3
# Prints what cargo does for the tests of the plan: NAME:HOW, where HOW is ok, always, once or abort.
import pathlib, sys
here = pathlib.Path(__file__).parent
plan = [test.split(":") for test in (here / "plan").read_text().split()]
only = sys.argv[sys.argv.index("--exact") + 1] if "--exact" in sys.argv else None
first = not (here / "ran").exists()
(here / "ran").touch()
plan = [test for test in plan if only in (None, test[0])]
bad = [name for name, how in plan if how == "always" or how == "once" and first]
if any(how == "abort" for _, how in plan):
    sys.exit("error: 1 target failed:\n    `-p planted --test all`")
if bad:
    print("failures:\n\n---- x stdout ----\n\nfailures:\n" + "".join(f"    {name}\n" for name in bad))
    print(f"test result: FAILED. {len(plan) - len(bad)} passed; {len(bad)} failed")
    sys.exit("error: 1 target failed:\n    `-p planted --test all`")
print(f"test result: ok. {len(plan)} passed; 0 failed")
"""


def planted():
    """Each plan of tests with whether it may pass."""
    plans = [
        ("a:ok b:ok", True),
        ("a:ok b:once", True),
        ("a:once b:once", True),
        ("a:once b:once c:once", False),
        ("a:ok b:always", False),
        ("a:once b:always", False),
        ("a:abort", False),
    ]
    wrong = []
    for plan, may_pass in plans:
        with tempfile.TemporaryDirectory() as folder:
            cargo = Path(folder, "cargo")
            cargo.write_text(CARGO)
            cargo.chmod(0o755)
            Path(folder, "plan").write_text(plan)
            print(f"--- {plan}", flush=True)
            if (check([str(cargo)]) == 0) != may_pass:
                wrong.append(plan)
    if wrong:
        sys.exit(f"wrong for {wrong}")
    print(f"right for {len(plans)} plans")


if __name__ == "__main__":
    if sys.argv[1:] == ["--test"]:
        planted()
    else:
        sys.exit(check(sys.argv[1:]))
