#!/usr/bin/env python3
"""What each tool prints about three slow programs, how many lines it needs, and what it costs.

    benches/rivals/run.py OUT [--runs N]

Builds the programs. Each runs once with each tool, and what the tool printed goes into OUT, one file for each program and tool. Then all
take turns N times (10 by default), and the wall time and the CPU time (user and system) of the process and its children are measured.
OUT/results.md has the lines, the times and the machine. dial9's scripts need node; stacks of threads that wait need perf and the right to
record all processes. A tool that is missing is left out.
"""

import collections
import glob
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = ("merge", "lock", "blocking")
# `heirloom-otlp` is Heirloom without analysis and report: only its cost is measured.
TOOLS = ("plain", "heirloom", "heirloom-otlp", "hotpath", "chrome", "dial9", "perf")
PERF = ["perf", "record", "-q", "-a", "-g", "-e", "sched:sched_switch", "-o"]


def build():
    """Builds everything. Returns the folder of the binaries, and that of dial9's sources."""
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=HERE, check=True)
    text = subprocess.run(["cargo", "metadata", "--format-version", "1"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    metadata = json.loads(text)
    dial9 = next(Path(package["manifest_path"]).parent for package in metadata["packages"] if package["name"] == "dial9")
    return Path(metadata["target_directory"]) / "release", dial9


def package(tool):
    """The folder of the tool's programs, which is the first part of the binaries' names, too."""
    return tool.split("-")[0]


def source(tool, program):
    return HERE / "src" / package(tool) / f"{program}.rs"


def lines(tool, program):
    """How many lines of the plain program differ in the tool's: added ones and changed ones."""
    if tool == "perf":
        return 0
    command = ["diff", source("plain", program), source(tool, program)]
    return sum(line.startswith(">") for line in subprocess.run(command, capture_output=True, text=True).stdout.split("\n"))


def command(binaries, tool, program, folder):
    if tool == "perf":
        return [*PERF, f"{folder}/perf.data", "--", str(binaries / f"plain-{program}")]
    return [str(binaries / f"{package(tool)}-{program}")]


def environment(tool, folder, shown):
    """The variables that switch the tool on. `shown`: for the run whose text is kept, not for those that are measured."""
    own = {
        "heirloom": {"HEIRLOOM_TREE": "1"} if shown else {"HEIRLOOM_TRACE_FILE": f"{folder}/run.html"},
        "heirloom-otlp": {"HEIRLOOM_TRACE_FILE": f"{folder}/run.otlp"},
        "dial9": {"DIAL9_ENABLED": "true", "DIAL9_TRACE_DIR": f"{folder}/dial9"},
    }
    return {**os.environ, **own.get(tool, {})}


def run(binaries, tool, program, shown=False, keep=None):
    """Runs a program with a tool. Returns the wall time and the CPU time in ms, and what was printed."""
    folder = keep or tempfile.mkdtemp(prefix="rivals-")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command(binaries, tool, program, folder), cwd=folder, env=environment(tool, folder, shown), capture_output=True, text=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{tool}-{program} ended with {done.returncode}:\n{done.stderr}")
    if keep is None:
        shutil.rmtree(folder)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1e3 * wall, 1e3 * cpu, done.stdout + done.stderr


def chrome_totals(folder):
    """The spans of a file for Chrome by name, as Perfetto adds them up. The tool itself prints nothing."""
    (path,) = glob.glob(f"{folder}/trace-*.json")
    totals, open_spans = collections.defaultdict(list), collections.defaultdict(list)
    for event in json.loads(Path(path).read_text()):
        key = (event.get("tid"), event.get("name"))
        if event["ph"] == "B":
            open_spans[key].append(event["ts"])
        elif event["ph"] == "E":
            totals[event["name"]].append((event["ts"] - open_spans[key].pop()) / 1e3)
    rows = sorted(totals.items(), key=lambda row: -sum(row[1]))
    return "".join(f"{name}: {len(ms)} spans, {sum(ms):.0f} ms in all, {max(ms):.0f} ms at most\n" for name, ms in rows)


def dial9_scripts(dial9, folder):
    """dial9's checklist and its diagnosis of long polls: as documented, then with a threshold for these programs."""
    skills = dial9 / "skills"
    said = ""
    diagnose = "dial9-diagnose-long-poll/scripts/diagnose_long_poll.js"
    (trace,) = {str(Path(path).parent) for path in glob.glob(f"{folder}/dial9/**/*.bin*", recursive=True)}
    for script, *flags in (["dial9-red-flags/scripts/red_flag_scan.js"], [diagnose], [diagnose, "--min-ms", "10"]):
        done = subprocess.run(["node", skills / script, trace, *flags], capture_output=True, text=True)
        said += f"$ node {' '.join([script, 'TRACE', *flags])}\n{done.stdout}{done.stderr}\n"
    return said


def off_cpu(folder, program):
    """Time off the CPU by stack: from a thread's switch out to its switch in, as flame graphs of it are made."""
    fields = ["perf", "script", "-i", f"{folder}/perf.data", "-F", "comm,pid,tid,time,event,trace,ip,sym"]
    text = subprocess.run(fields, capture_output=True, text=True).stdout
    process = re.search(rf"^plain-{program}\s+(\d+)/\1\s", text, re.MULTILINE)[1]
    left, totals = {}, collections.Counter()
    for sample in text.split("\n\n"):
        head, *stack = sample.strip().split("\n")
        match = re.search(r"\s(\d+)/(\d+)\s+(\d+\.\d+):\s+sched:sched_switch:.* next_pid=(\d+)", head)
        if not match:
            continue
        now = float(match[3])
        # perf misses some switches in: then the time is up to the thread's next switch out.
        for thread in (match[2], match[4]):
            if thread in left:
                since, frames = left.pop(thread)
                totals[" < ".join(frames)] += now - since
        if match[1] == process:
            left[match[2]] = (now, user_frames(stack))
    return "".join(f"{1e3 * seconds:.0f} ms off the CPU: {stack}\n" for stack, seconds in totals.most_common(8))


def user_frames(stack):
    """The names of a stack's functions, the innermost first. Of the kernel only the system call; none of those without a name."""
    frames = [line.split(None, 1) for line in stack]
    names = [name for address, name in frames if name.startswith("__x64_sys_") or not address.startswith("ffffffff")]
    return [re.sub(r"(::h[0-9a-f]{16})?(\+0x.*)?$", "", name) for name in names if name != "[unknown]"]


def without_places(text, folder):
    """Without colours, and without the folders of this machine."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    for place, name in ((folder, "OUT"), (str(HERE), "benches/rivals"), (str(HERE.parent.parent), "."), (cargo, "~/.cargo")):
        text = text.replace(place, name)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def say(binaries, dial9, tool, program):
    with tempfile.TemporaryDirectory(prefix="rivals-") as folder:
        said = run(binaries, tool, program, shown=True, keep=folder)[2]
        if tool == "chrome":
            said += chrome_totals(folder)
        if tool == "dial9":
            said += dial9_scripts(dial9, folder)
        if tool == "perf":
            said = off_cpu(folder, program)
        return without_places(said, folder)


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, {rustc}. Load average at the end: {load}."


def spread(values):
    return f"{statistics.median(values):.0f} [{min(values):.0f}-{max(values):.0f}]"


def main():
    arguments = sys.argv[1:]
    if not arguments or "--help" in arguments:
        sys.exit(__doc__)
    out = Path(arguments[0]).resolve()
    runs = int(arguments[arguments.index("--runs") + 1]) if "--runs" in arguments else 10
    out.mkdir(parents=True, exist_ok=True)
    binaries, dial9 = build()
    tools = [tool for tool in TOOLS if tool != "perf" or shutil.which("perf")]
    pairs = [(tool, program) for program in PROGRAMS for tool in tools if tool == "perf" or source(tool, program).exists()]
    for tool, program in pairs:
        if tool not in ("plain", "heirloom-otlp"):
            (out / f"{program}-{tool}.txt").write_text(say(binaries, dial9, tool, program))
    times = {pair: [] for pair in pairs}
    for _ in range(runs):
        for tool, program in pairs:
            times[tool, program].append(run(binaries, tool, program)[:2])
    table = ["| program | tool | lines | wall, ms | times plain | CPU, ms | times plain |", "|---|---|---|---|---|---|---|"]
    for tool, program in pairs:
        walls, cpus = (spread(values) for values in zip(*times[tool, program]))
        pairs_of_turns = list(zip(times[tool, program], times["plain", program]))
        wall, cpu = (statistics.median(own[column] / plain[column] for own, plain in pairs_of_turns) for column in (0, 1))
        table.append(f"| {program} | {tool} | {lines(tool, program)} | {walls} | {wall:.2f} | {cpus} | {cpu:.1f} |")
    text = f"Medians of {runs} runs [min-max]; all took turns. Each ratio is the median of the ratios within a turn.\n\n" + "\n".join(table)
    (out / "results.md").write_text(f"# Rivals, {time.strftime('%Y-%m-%d')}\n\n`benches/rivals/run.py OUT --runs {runs}`\n\n{machine()}\n\n{text}\n")
    print((out / "results.md").read_text())


if __name__ == "__main__":
    main()
