"""Checks a file of the Chrome exporter in Perfetto's trace processor: check.py TRACE.json [TRUTH.json] [--cuts N]

Opening without an error is not enough, since Perfetto silently drops slices and arrows. So the script asserts that Perfetto
reports no loss, that the number of slices is right and none has a negative duration, that each span has its parent (in
its arguments, and around it if it nests), that all arrows exist and end at the right slices, and that the lanes
are right. The truth is a JSON object {"spans": [{span_id, parent_id, name, pid, tid, thread_name, nested}], "arrows": N}.
Without it, the script derives the truth from the arguments of the file's own events.

--cuts N also opens N copies of the file, cut at random bytes: they must open without an error and contain every whole event.

The exit status is 1 if there is a finding; each finding is printed as a line.
"""

import argparse
import json
import random
import sys
from collections import Counter

from pfq import Perfetto, TraceError

LOSSES = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
SLICES = """
select s.id, s.name, s.ts, s.dur, s.parent_id, s.track_id, t.tid, t.name thread_name, coalesce(tp.pid, p.pid) pid,
    extract_arg(s.arg_set_id, 'args.span_id') span_id, extract_arg(s.arg_set_id, 'args.parent_span_id') parent_span_id,
    extract_arg(s.arg_set_id, 'args.parent_is_remote') parent_is_remote,
    extract_arg(s.arg_set_id, 'args.frame_of') frame_of, extract_arg(s.arg_set_id, 'args.to') mark_to,
    extract_arg(s.arg_set_id, 'args.thread_id') async_tid, extract_arg(s.arg_set_id, 'args.thread_name') async_name
from slice s
left join thread_track tt on tt.id = s.track_id left join thread t using (utid) left join process tp on tp.upid = t.upid
left join process_track pt on pt.id = s.track_id left join process p on p.upid = pt.upid
"""
ARROWS = "select slice_out, slice_in from flow"
MAX_SHOWN = 20


class Findings:
    """The problems found so far."""

    def __init__(self):
        self.count = 0

    def expect(self, right, text):
        if right:
            return
        self.count += 1
        if self.count <= MAX_SHOWN:
            print(f"WRONG: {text}")


def events_of(data):
    """The complete events of a file, which may be cut: one for each line."""
    events = []
    for line in data.decode("utf8", "replace").splitlines():
        try:
            event = json.loads(line.removesuffix(","))
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def truth_from(events):
    """The truth, derived from the file's own events."""
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    spans = []
    for event in events:
        args = event.get("args", {})
        if event["ph"] in "Xb" and "span_id" in args:
            spans.append({
                "span_id": args["span_id"], "parent_id": args.get("parent_span_id"), "name": event["name"],
                "pid": event["pid"], "tid": event["tid"], "thread_name": names.get((event["pid"], event["tid"]), ""),
                "nested": event["ph"] == "X",
            })
    marks = sum(e.get("flow_out", False) for e in events)
    return {"spans": spans, "arrows": sum(e["ph"] == "s" for e in events) + marks}


def check_slices(slices, truth, findings):
    findings.expect(len(slices) == len(truth["spans"]), f"{len(slices)} slices for {len(truth['spans'])} spans")
    by_span = {s["span_id"]: s for s in slices}
    findings.expect(len(by_span) == len(slices), "duplicate span id")
    for s in slices:
        findings.expect(s["dur"] >= 0, f"{s['name']} {s['span_id']} has the duration {s['dur']}")
    for span in truth["spans"]:
        s = by_span.get(span["span_id"])
        if s is None:
            findings.expect(False, f"span {span['name']} {span['span_id']} is missing")
            continue
        if span["nested"]:
            found = (s["name"], s["parent_span_id"], s["pid"], s["tid"], s["thread_name"] or "")
        else:
            found = (s["name"], s["parent_span_id"], s["pid"], s["async_tid"], s["async_name"])
            findings.expect(s["tid"] is None, f"{s['name']} {s['span_id']} doesn't nest, but is on a thread track")
        said = (span["name"] or "[No name]", span["parent_id"], span["pid"], span["tid"], span["thread_name"])
        findings.expect(found == said, f"span {span['span_id']} is {found}, not {said}")
    return by_span


def end_of(s):
    return s["ts"] + s["dur"]


def check_rows(drawn, by_span, findings):
    """Around an asynchronous span there is only its parent, or a frame of its parent; marks lie on a span."""
    by_id = {s["id"]: s for s in drawn}
    inside = 0
    for s in drawn:
        if s["tid"] is not None:
            continue
        around = by_id.get(s["parent_id"])
        name = f"{s['name']} {s['span_id'] or s['frame_of'] or s['mark_to']}"
        if s["mark_to"] is not None:
            findings.expect(around is not None, f"the mark to {s['mark_to']} is on no span")
        elif around is not None:
            own = by_span.get(s["span_id"] or s["frame_of"])
            findings.expect(own is not None, f"{name} is a frame of a span that is missing")
            is_parent = own and own["parent_span_id"] in (around["span_id"], around["frame_of"])
            findings.expect(is_parent, f"{name} is drawn inside {around['name']}, which is not its parent")
            inside += 1
    return inside


def check_nesting(slices, drawn, by_span, findings):
    """A parent on the same track that was open for the child's whole time must be drawn around the child."""
    by_id = {s["id"]: s for s in drawn}
    nested = 0
    for child in slices:
        parent = by_span.get(child["parent_span_id"])
        orphan = child["parent_span_id"] is not None and parent is None and not child["parent_is_remote"]
        findings.expect(not orphan, f"the parent of {child['name']} {child['span_id']} is missing")
        if parent is None or parent["track_id"] != child["track_id"]:
            continue
        if not parent["ts"] <= child["ts"] <= end_of(child) <= end_of(parent):
            continue
        around, nested = child, nested + 1
        while around and around is not parent:
            around = by_id.get(around["parent_id"])
        findings.expect(around is parent, f"{child['name']} {child['span_id']} is not drawn inside its parent")
    return nested


def check_arrows(arrows, drawn, by_span, events, truth, findings):
    findings.expect(len(arrows) == truth["arrows"], f"{len(arrows)} arrows, not {truth['arrows']}")
    summary = [e["args"] for e in events if e["name"] == "heirloom_summary"]
    complete = summary and summary[0]["arrows_left_out"] == 0
    by_id = {s["id"]: s for s in drawn}
    found, marked = Counter(), Counter()
    for arrow in arrows:
        out, into = by_id[arrow["slice_out"]], by_id[arrow["slice_in"]]
        if out["mark_to"] is None:
            found[out["span_id"], into["span_id"]] += 1
            continue
        # From a mark on the parent, or on the span to which the root has a link.
        findings.expect(out["mark_to"] == into["span_id"], f"an arrow to {into['name']} starts at another span's mark")
        findings.expect(out["ts"] < into["ts"], f"the mark of {into['name']} {into['span_id']} is not before it")
        marked[into["span_id"]] += 1
    allowed, children = Counter(), Counter()
    for child in by_span.values():
        parent = by_span.get(child["parent_span_id"])
        if parent and parent["tid"] is not None and child["tid"] is not None:
            if parent["track_id"] != child["track_id"] or child["ts"] >= end_of(parent):
                children[parent["span_id"], child["span_id"]] += 1
        elif parent and (parent["tid"] is None) != (child["tid"] is None):
            # An arrow is left out if the two started within the same nanoseconds.
            if not complete and marked[child["span_id"]] == 0:
                continue
            findings.expect(marked[child["span_id"]] == 1, f"no arrow to {child['name']} {child['span_id']} from its parent")
    for event in events:
        own = by_span.get(event["args"].get("span_id")) if event["ph"] == "X" else None
        if own is None:
            continue
        for link in event["args"].get("links", []):
            other = by_span.get(link["span_id"])
            if other and other["tid"] is not None and other is not own:
                first, second = (own, other) if other["ts"] > own["ts"] else (other, own)
                allowed[first["span_id"], second["span_id"]] += 1
    allowed += children
    for (out, into), count in found.items():
        names = f"{by_span[out]['name']} {out} to {by_span[into]['name']} {into}"
        findings.expect(count <= allowed[out, into], f"{count} arrows from {names}, not {allowed[out, into]}")
    for (out, into), count in allowed.items():
        names = f"{by_span[out]['name']} {out} to {by_span[into]['name']} {into}"
        findings.expect(not complete or found[out, into] == count, f"no arrow from {names}")
    findings.expect(not marked or max(marked.values()) == 1, "two marks for one span")


def check_whole(data, truth, findings):
    events = events_of(data)
    truth = truth or truth_from(events)
    with Perfetto(data) as trace:
        for loss in trace.query(LOSSES):
            findings.expect(False, f"Perfetto reports {loss['name']} = {loss['value']}")
        drawn, arrows = trace.query(SLICES), trace.query(ARROWS)
    slices = [s for s in drawn if s["span_id"] is not None]
    by_span = check_slices(slices, truth, findings)
    nested = check_nesting(slices, drawn, by_span, findings)
    nested += check_rows(drawn, by_span, findings)
    check_arrows(arrows, drawn, by_span, events, truth, findings)
    lanes = {(s["pid"], s["tid"]) for s in slices if s["tid"] is not None}
    print(f"{len(slices)} slices on {len(lanes)} thread tracks, {nested} inside their parents, {len(arrows)} arrows")


def check_cut(trace, part, findings):
    whole = sum(event["ph"] in "Xbn" for event in events_of(part))
    try:
        trace.load(part, reset=True)
        losses = trace.query(LOSSES)
        count = trace.query("select count(*) n from slice")[0]["n"]
    except TraceError as error:
        findings.expect(False, f"cut after {len(part)} bytes: {error}")
        return
    findings.expect(not losses, f"cut after {len(part)} bytes: {losses}")
    findings.expect(count == whole, f"cut after {len(part)} bytes: {count} slices of {whole}")


def check_cuts(data, cuts, findings):
    """A file is valid from its first line on; after that it may end at any byte."""
    first_line = data.index(b"\n", data.index(b"\n") + 1) + 1
    dice = random.Random(len(data))
    places = [first_line, len(data) - 1] + [dice.randrange(first_line, len(data)) for _ in range(cuts)]
    with Perfetto(data[:first_line]) as trace:
        for at in places:
            check_cut(trace, data[:at], findings)
    print(f"{cuts + 2} files cut short, each opened")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace")
    parser.add_argument("truth", nargs="?")
    parser.add_argument("--cuts", type=int, default=0, metavar="N")
    args = parser.parse_args()
    with open(args.trace, "rb") as file:
        data = file.read()
    truth = None
    if args.truth:
        with open(args.truth, encoding="utf8") as file:
            truth = json.load(file)
    findings = Findings()
    try:
        check_whole(data, truth, findings)
        if args.cuts:
            check_cuts(data, args.cuts, findings)
    except TraceError as error:
        findings.expect(False, f"Perfetto can't open it: {error}")
    print(f"{args.trace}: {'right' if findings.count == 0 else f'{findings.count} findings'}")
    sys.exit(findings.count > 0)


if __name__ == "__main__":
    main()
