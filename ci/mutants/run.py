"""Plants bugs in a copy of the tree and runs the tests that must notice. See README.md here."""

import dataclasses
import filecmp
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = TARGET / "mutants" / "tree"
# A separate one: cargo names the programs of both trees alike, and would take one for the other.
OWN_TARGET = TARGET / "mutants" / "target"
# The least part that must be caught, without those that a reason excuses.
REQUIRED = 0.95
# The longest that the tests of one bug may take, in seconds. A bug that only shows as a hang is not caught.
TEST_LIMIT = 240
# The processor time that `--ci` may take, in seconds: four minutes of two cores, however busy they are.
CI_LIMIT = 2 * 240
# As `cargo test-all`: the same packages with the same features, so that CI builds no dependency twice.
ALL = (ROOT / ".cargo/config.toml").read_text()
ALL = re.search(r'test-all = """test (.*?)"""', ALL, re.S)[1].replace("\\\n", "").split()
# The test was ended by the watchdog, which is an assertion about time.
WATCHDOG = re.compile(r"has not ended after .*: the process is aborted")


class Wrong(Exception):
    """A bug that can't be planted, built or tested: an error of this campaign."""


@dataclasses.dataclass
class Bug:
    title: str
    source: pathlib.Path
    package: str = ""
    target: str = ""
    tests: list = dataclasses.field(default_factory=list)
    # (file, the old lines, the new lines, the text after which they are)
    edits: list = dataclasses.field(default_factory=list)
    ci: bool = False
    # Why nothing notices.
    excuse: str = ""

    def applied(self, tree):
        """The changed files of a tree, with their old and their new text."""
        texts = {}
        for file, old, new, after in self.edits:
            before, text = texts.get(file) or [(tree / file).read_text()] * 2
            texts[file] = (before, replaced(text, old, new, after, file))
        return texts


def replaced(text, old, new, after, file):
    lines = text.split("\n")
    first = 0
    if after:
        place = [i for i, line in enumerate(lines) if after in line]
        if not place:
            raise Wrong(f"{file} has no line with {after!r}")
        first = place[0]
    wanted = [line.strip() for line in old]
    stripped = [line.strip() for line in lines]
    found = [i for i in range(first, len(lines) - len(old) + 1) if stripped[i : i + len(old)] == wanted]
    if not found or (len(found) > 1 and not after):
        raise Wrong(f"{file} has these lines {len(found)} times, not once:\n  " + "\n  ".join(wanted))
    at = found[0]
    return "\n".join(lines[:at] + new + lines[at + len(old) :])


def read(source):
    """The bugs of a file."""
    bugs = []
    edit = None
    for number, line in enumerate(source.read_text().splitlines(), 1):
        where = f"{source.name}:{number}"
        word, _, rest = line.partition(" ")
        if line.startswith("# ") or not line.strip():
            continue
        if word == "bug":
            bugs.append(Bug(rest, source))
            edit = None
            continue
        if not bugs:
            raise Wrong(f"{where}: no `bug` before {line!r}")
        bug = bugs[-1]
        if word == "test":
            package, target, *tests = rest.split()
            bug.package, bug.target = package, target
            bug.tests += tests
        elif word == "ci":
            bug.ci = True
        elif word == "excuse":
            bug.excuse = rest
        elif word == "in":
            file, _, after = rest.partition(" after ")
            edit = [file, [], [], after]
            bug.edits.append(edit)
        elif word in ("-", "+") and edit:
            edit[1 if word == "-" else 2].append(rest)
        else:
            raise Wrong(f"{where}: not understood: {line!r}")
    for bug in bugs:
        if not (bug.edits and bug.tests and all(old for _, old, _, _ in bug.edits)):
            raise Wrong(f"{source.name}: {bug.title!r} needs a test, a file and old lines")
    return bugs


def copy_tree():
    """The tracked and the new files, with their times, so that an unchanged file is not built again."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    files = {file for file in listed.split("\0") if file and (ROOT / file).is_file()}
    for file in files:
        to = COPY / file
        if not (to.exists() and filecmp.cmp(ROOT / file, to, shallow=False)):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, to)
            os.utime(to)
    for path in COPY.rglob("*"):
        if path.is_file() and str(path.relative_to(COPY)) not in files:
            path.unlink()


def copy_dependencies():
    """What was built already of other crates, with its times: they are the same for both trees."""
    built, own = TARGET / "debug", OWN_TARGET / "debug"
    if own.exists() or not built.exists():
        return
    ours = re.compile(r"(lib)?heirloom[-_]")
    for folder in (".fingerprint", "build", "deps"):
        (own / folder).mkdir(parents=True)
        for path in (built / folder).iterdir():
            to = own / folder / path.name
            if ours.match(path.name):
                continue
            if path.is_dir():
                shutil.copytree(path, to, symlinks=True)
            elif path.suffix in (".rlib", ".rmeta", ".so", ".d"):
                shutil.copy2(path, to)


def environment():
    env = dict(os.environ, CARGO_TARGET_DIR=str(OWN_TARGET), CARGO_INCREMENTAL="1", RUST_BACKTRACE="0")
    return env | {"CARGO_PROFILE_DEV_OPT_LEVEL": "0", "CARGO_PROFILE_DEV_DEBUG": "0"}


def build(package, target):
    """Builds a test program; returns its path and its package's folder."""
    if target == "lib":
        which = ["-p", package, "--all-features", "--lib"]
    else:
        which = ALL + ["--test", target]
    command = ["cargo", "test", "--quiet", "--no-run", "--message-format=json-render-diagnostics", *which]
    done = subprocess.run(command, cwd=COPY, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise Wrong("it doesn't compile:\n" + done.stderr[-3000:])
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if not message.get("executable") or not message["profile"]["test"]:
            continue
        folder = pathlib.Path(message["manifest_path"]).parent
        if package_of(folder) == package and target in ("lib", message["target"]["name"]):
            return message["executable"], folder
    raise Wrong(f"{package} has no test program {target}")


def package_of(folder):
    return re.search(r'^name = "(.*)"', (folder / "Cargo.toml").read_text(), re.M)[1]


def test(program, folder, names):
    """Runs these tests; returns "passed", "caught" or "hung"."""
    command = [program, "--exact", *names]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, errors="replace",
            timeout=TEST_LIMIT, stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return "hung"
    said = done.stdout + done.stderr
    if done.returncode == 0:
        if f"test result: ok. {len(names)} passed" not in done.stdout:
            raise Wrong(f"not each of these is a test: {' '.join(names)}\n{done.stdout}")
        return "passed"
    failed = [name for name in names if f"test {name} ... FAILED" in done.stdout]
    if failed or WATCHDOG.search(said):
        return "caught"
    raise Wrong(f"the tests neither passed nor failed ({done.returncode}):\n{said[-3000:]}")


def check_sound(bugs):
    """Builds one test program without a bug. Returns the bugs whose tests pass, and the errors of the others."""
    program, folder = build(bugs[0].package, bugs[0].target)
    good, wrong = [], []
    for bug in bugs:
        if test(program, folder, bug.tests) == "passed":
            good.append(bug)
        else:
            wrong.append((bug, "its test fails without the bug"))
    return good, wrong


def plant(bug):
    texts = bug.applied(COPY)
    try:
        for file, (_, text) in texts.items():
            (COPY / file).write_text(text)
        return test(*build(bug.package, bug.target), bug.tests)
    finally:
        for file, (before, _) in texts.items():
            (COPY / file).write_text(before)


def row(result, bug, start=None):
    seconds = f"{time.monotonic() - start:4.0f} s" if start else "      "
    print(f"{result:9}| {seconds} | {bug.source.stem:12} | {bug.title}", flush=True)
    return result, bug


def run(bugs):
    """Returns a result for each bug, and the errors."""
    rows, errors = [], []

    def error(bug, why):
        errors.append(f"{bug.source.name}: {bug.title}: {why}")
        print(f"ERROR: {errors[-1]}", file=sys.stderr, flush=True)
        rows.append(row("ERROR", bug))

    # Those of one test program together: it is built once without a bug.
    program = lambda bug: (bug.package, bug.target)
    for _, group in itertools.groupby(sorted(bugs, key=program), key=program):
        group = list(group)
        try:
            good, wrong = check_sound(group)
        except Wrong as why:
            good, wrong = [], [(bug, why) for bug in group]
        for bug, why in wrong:
            error(bug, why)
        for bug in good:
            start = time.monotonic()
            try:
                result = plant(bug)
            except Wrong as why:
                error(bug, why)
                continue
            if result in ("passed", "hung"):
                result = "excused" if bug.excuse else "SURVIVED" if result == "passed" else "HUNG"
            rows.append(row(result, bug, start))
    return rows, errors


def report(rows, wrong):
    caught = sum(result == "caught" for result, _ in rows)
    excused = [bug for result, bug in rows if result == "excused"]
    survived = [(result, bug) for result, bug in rows if result in ("SURVIVED", "HUNG")]
    part = caught / max(1, len(rows))
    print(f"{caught} of {len(rows)} bugs caught ({100 * part:.0f} %)")
    for bug in excused:
        print(f"not caught: {bug.source.name}: {bug.title}: {bug.excuse}")
    for result, bug in survived:
        print(f"{result}: {bug.source.name}: {bug.title}: {bug.package} {bug.target} {' '.join(bug.tests)}")
    for error in wrong:
        print(f"ERROR: {error}")
    return not wrong and not survived and part >= REQUIRED


def main(arguments):
    folder = ROOT / "ci/mutants"
    bugs = [bug for source in sorted(folder.glob("*.bugs")) for bug in read(source)]
    options = {argument for argument in arguments if argument.startswith("-")}
    words = [argument for argument in arguments if not argument.startswith("-")]
    if options - {"--ci", "--check"}:
        print("options: --ci, --check; words: parts of the name of a file or of a title", file=sys.stderr)
        return 2
    errors = []
    for bug in bugs:
        try:
            bug.applied(ROOT)
        except Wrong as error:
            errors.append(f"{bug.source.name}: {bug.title}: it no longer fits: {error}")
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 1
    if "--check" in options:
        print(f"{len(bugs)} bugs fit the code")
        return 0
    if "--ci" in options:
        bugs = [bug for bug in bugs if bug.ci]
    if words:
        files = {bug.source.stem for bug in bugs}
        has = lambda bug, word: bug.source.stem == word if word in files else word in bug.title
        bugs = [bug for bug in bugs if any(has(bug, word) for word in words)]
    if not bugs:
        print("no such bug", file=sys.stderr)
        return 2
    start = time.monotonic()
    copy_dependencies()
    copy_tree()
    rows, wrong = run(bugs)
    good = report(rows, wrong)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(f"{time.monotonic() - start:.0f} s, {cpu:.0f} s of processor time")
    if "--ci" in options and cpu > CI_LIMIT:
        print(f"a run for CI may take {CI_LIMIT} s: mark fewer bugs or cheaper ones with `ci`", file=sys.stderr)
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Wrong as error:
        sys.exit(f"mutants: {error}")
