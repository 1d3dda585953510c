"""What did each scanner find, of what there was? Prints the table of scripts/compare-scanners.sh.

A planted secret is found if something that is reported of its line holds all of it, as it stands there
or decoded; of Gatewatch, which never tells a secret, if what it reports as `proven` or told by its
`context` covers its bytes. On clean text whatever is reported is false. What Gatewatch only suspects is
hidden and wakes nobody; it is told in brackets.
"""

import json
import pathlib
import sys
from collections import defaultdict

GROUPS = {"azure": "Azure's keys", "others": "other providers' keys", "simulated": "simulated leaks"}


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def reported(scanner, path):
    """Yields line, texts and, of Gatewatch, columns and whether it is sure, of all that was reported."""
    if not path.exists():
        return
    if scanner == "gatewatch":
        for one in lines(path):
            if one["secret"] and not one["dummy"]:
                yield one["line"], [], (one["column"] - 1, one["column"] - 1 + one["length"]), one["confidence"] != "suspected"
    elif scanner == "gitleaks":
        for one in json.loads(path.read_text(encoding="utf-8") or "[]"):
            yield one["StartLine"], [one["Secret"], one["Match"]], None, True
    elif scanner == "betterleaks":
        for one in (line["finding"] for line in lines(path) if "finding" in line):
            yield one["location"]["start_line"], [one["match"]["value"], one["match"]["full"]], None, True
    else:
        for one in lines(path):
            if "finding" in one:
                yield one["finding"]["line"], [one["finding"]["snippet"]], None, True


def covered(at, spans):
    end = at[0]
    for start, stop in sorted(spans):
        if start <= end:
            end = max(end, stop)
    return end >= at[1]


def found(scanner, work, name):
    """Returns, of each group, how many there are, are found, and are hidden at least."""
    texts, sure, hidden = defaultdict(list), defaultdict(list), defaultdict(list)
    for line, told, span, is_sure in reported(scanner, work / f"{scanner}.{name}"):
        texts[line] += told
        if span:
            hidden[line].append(span)
            if is_sure:
                sure[line].append(span)
    raw = (work / f"{name}.ndjson").read_bytes().split(b"\n")
    counts = defaultdict(lambda: [0, 0, 0])
    for one in lines(work / f"{name}.truth"):
        line, count = one["line"], counts[one["group"]]
        start, end = one["at"]
        stands = raw[line - 1][start:end].decode()
        said = any(one["secret"] in text or stands in text for text in texts[line])
        count[0] += 1
        count[1] += said or (scanner == "gatewatch" and covered(one["at"], sure[line]))
        count[2] += said or (scanner == "gatewatch" and covered(one["at"], hidden[line]))
    return counts


def main():
    work, scanners = pathlib.Path(sys.argv[1]), sys.argv[2:]
    size = (work / "clean.ndjson").stat().st_size
    rows = []
    for scanner in scanners:
        seconds, memory = zip(*(map(float, line.split()) for line in (work / f"{scanner}.figures").read_text().splitlines()))
        counts = {**found(scanner, work, "planted"), **found(scanner, work, "world")}
        cells = []
        for group in GROUPS:
            there, got, hid = counts[group]
            cells.append(f"{got} of {there}" + (f" ({hid})" if hid != got else ""))
        clean = [is_sure for *_, is_sure in reported(scanner, work / f"{scanner}.clean")]
        suspected = clean.count(False)
        cells.append(f"{clean.count(True)}" + (f" ({suspected})" if suspected else ""))
        version = (work / f"{scanner}.version").read_text().strip()
        rows.append([version, f"{size / min(seconds) / 1e6:,.0f}", f"{max(memory) / 1024:,.0f}", *cells])
    print(f"| on {size / 1e6:.0f} MB | MB/s | peak MB | " + " | ".join(GROUPS.values()) + " | false on clean text |")
    print("| --- " * (4 + len(GROUPS)) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


main()
