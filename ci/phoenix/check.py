#!/usr/bin/env python3
"""check.py BASE PROJECT FILE: compares the spans that Phoenix stored with those of FILE, one JSON object a line.

Fails if a span is missing, came twice, or has another trace, parent or name. Prints the address of the trace."""
import json
import sys
import time
import urllib.parse
import urllib.request

PATIENCE_S = 120


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def stored(base, project):
    cursor = None
    while True:
        query = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = get(f"{base}/v1/projects/{project}/spans?{urllib.parse.urlencode(query)}")
        for span in page["data"]:
            yield span["context"]["span_id"], (span["context"]["trace_id"], span["parent_id"] or None, span["name"])
        cursor = page["next_cursor"]
        if not cursor:
            return


def main(base, project, file):
    sent = {}
    for line in open(file, encoding="utf-8"):
        span = json.loads(line)
        sent[span["span_id"]] = (span["trace_id"], span["parent_id"], span["name"])
    start, got = time.time(), []
    # Phoenix answers before it stores.
    while len(got) < len(sent) and time.time() - start < PATIENCE_S:
        time.sleep(1)
        try:
            got = list(stored(base, project))
        except urllib.error.HTTPError as error:  # the project is made with its first span
            if error.code != 404:
                raise
    by_id = dict(got)
    missing = [span for span in sent if span not in by_id]
    wrong = [span for span in sent if span in by_id and by_id[span] != sent[span]]
    twice = len(got) - len(by_id)
    print(f"phoenix: sent {len(sent)}, stored {len(got)}, missing {len(missing)}, wrong {len(wrong)}, twice {twice}")
    for span in wrong[:5]:
        print(f"  {span}: sent {sent[span]}, stored {by_id[span]}")
    projects = {p["name"]: p["id"] for p in get(f"{base}/v1/projects")["data"]}
    for trace in sorted({trace for trace, _, _ in sent.values()}):
        print(f"  {base}/projects/{projects.get(project)}/traces/{trace}")
    return bool(missing or wrong or twice)


sys.exit(main(*sys.argv[1:4]))
