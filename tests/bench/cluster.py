#!/usr/bin/env python3
"""Three servers on one machine, ours and, when CONSUL_REFERENCE names a binary, HashiCorp's: what they write and read.

    tests/bench/cluster.py                all of it, about two minutes; medians of ROUNDS turns
    tests/bench/cluster.py put get        only rows whose name has one of these words
    CONSUL=a,b tests/bench/cluster.py     two binaries of ours side by side: before and after
    PART=0.2 tests/bench/cluster.py get   each server held to that part of one processor, so that the load generator has
                                          the rest: what reads gain by more servers

Rows: durable PUT with 64 connections at the leader; GET (default consistency) with 64 connections at the leader, at one
follower, and shared out over both followers and all three; the same with `consistent` at one follower. `first` is the
time from the start of three fresh servers (-bootstrap-expect 3, default timing) to the first write that is accepted,
`failover` that from a leader's kill -9 to the next write that a follower accepts (raft_multiplier 1).
Each with the processor time that the three servers spent on one request, which says more than the rate where the machine
is small or busy: wrk shares the processors with the servers. All contenders stand at the same time, idle while it is not
their turn.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import time

import contenders
import share
from contenders import DATA, ROOT, ask, until

ROUNDS, ROW_S = int(os.environ.get("ROUNDS", "3")), 2
PART = float(os.environ.get("PART", "0"))
words = sys.argv[1:]


class Cluster:
    def __init__(self, name, binary, number, multiplier=1):
        self.addresses = ["127.79.%d.%d" % (number, i) for i in (1, 2, 3)]
        self.programs = []
        self.began = time.monotonic()
        for i, address in enumerate(self.addresses):
            folder = contenders.folder("%s-%d" % (name, i))
            config = contenders.write(os.path.join(DATA, "%s-%d.json" % (name, i)), json.dumps(
                {"performance": {"raft_multiplier": multiplier}, "disable_update_check": True}))
            self.programs.append(contenders.Program(
                [binary, "agent", "-server", "-bootstrap-expect", "3", "-bind", address, "-client", address, "-node",
                 "%s%d" % (name, i), "-data-dir", folder, "-config-file", config, "-retry-interval", "1s", "-log-level", "warn"]
                + [f for other in self.addresses if other != address for f in ("-retry-join", other)], address))

    def written(self):
        for address in self.addresses:
            got = ask(address, 8500, "PUT", "/v1/kv/bench", "1234567890", timeout=1)
            if got and got == (200, b"true"):
                return True
        return False

    def first_write(self):
        until("the first write", self.written)
        return time.monotonic() - self.began

    def leader(self):
        return json.loads(ask(self.addresses[0], 8500, "GET", "/v1/status/leader")[1]).split(":")[0]

    def followers(self):
        return [a for a in self.addresses if a != self.leader()]

    def failover(self):
        self.first_write()
        time.sleep(3)  # the newest has its vote then
        ask_at, dead = self.followers()[0], next(p for p in self.programs if p.address == self.leader())
        dead.process.kill()
        began = time.monotonic()
        until("a write after the leader's death",
              lambda: ask(ask_at, 8500, "PUT", "/v1/kv/bench", "x", timeout=0.5) == (200, b"true"))
        return 1e3 * (time.monotonic() - began)

    def stop(self):
        for program in self.programs:
            program.stop()


def cpu(programs):
    """Seconds of processor time that they have used."""
    ticks = 0
    for program in programs:
        with open("/proc/%d/stat" % program.pid) as f:
            ticks += sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def wrk(urls, connections, script=None):
    """Requests a second of all together; each URL gets its share of the connections."""
    share = max(1, connections // len(urls))
    args = ["wrk", "-t1", "-c%d" % share, "-d%ds" % ROW_S] + (["-s", script] if script else [])
    runs = [subprocess.Popen(args + [url], stdout=subprocess.PIPE, text=True) for url in urls]
    texts = [r.communicate()[0] for r in runs]
    if any("Non-2xx" in t for t in texts):
        raise SystemExit("bench: errors\n%s" % texts)
    return sum(float(re.search(r"Requests/sec:\s+([\d.]+)", t).group(1)) for t in texts)


def main():
    binaries = [os.path.abspath(b) for b in os.environ.get("CONSUL", os.path.join(ROOT, "build", "consul")).split(",")]
    contestants = {"consul" if len(binaries) == 1 else "consul-%s" % "ab"[i]: b for i, b in enumerate(binaries)}
    if os.environ.get("CONSUL_REFERENCE"):
        contestants["reference"] = os.environ["CONSUL_REFERENCE"]
    os.makedirs(DATA, exist_ok=True)
    script = contenders.write(os.path.join(DATA, "cluster-put.lua"), 'wrk.method = "PUT"\nwrk.body = "1234567890"\n')

    def show(name, figures, unit):
        print("%-44s %s %s" % (name, "  ".join("%s %.*f" % (k, 0 if v >= 100 else 2, v) for k, v in figures.items()), unit), flush=True)

    rounds = {"first": ("start of three to the first write", 5, Cluster.first_write, "s"),
              "failover": ("kill -9 of the leader to the next write", 1, Cluster.failover, "ms")}
    for word, (name, multiplier, measure, unit) in rounds.items():
        if words and word not in words:
            continue
        got = {k: [] for k in contestants}
        for _ in range(ROUNDS):
            for i, (k, binary) in enumerate(contestants.items()):
                c = Cluster(k, binary, 10 + i, multiplier)
                got[k].append(measure(c))
                c.stop()
        show(name, {k: statistics.median(v) for k, v in got.items()}, unit)
    if words and set(words) <= set(rounds):
        return
    clusters = {name: Cluster(name, binary, 20 + i) for i, (name, binary) in enumerate(contestants.items())}
    for c in clusters.values():
        c.first_write()
    time.sleep(2)
    if PART and not all(share.hold(p.pid, PART) for c in clusters.values() for p in c.programs):
        raise SystemExit("bench: no cpu controller of cgroups can be had here")

    def at(where, path="/v1/kv/bench"):
        return lambda c: wrk(["http://%s:8500%s" % (a, path) for a in where(c)], 64)

    rows = {
        "PUT, durable, 64 connections": lambda c: wrk(["http://%s:8500/v1/kv/bench" % c.leader()], 64, script),
        "GET at the leader": at(lambda c: [c.leader()]),
        "GET at a follower": at(lambda c: c.followers()[:1]),
        "GET at both followers": at(lambda c: c.followers()),
        "GET at all three": at(lambda c: c.addresses),
        "GET ?consistent at a follower": at(lambda c: c.followers()[:1], "/v1/kv/bench?consistent"),
        "GET ?stale at a follower": at(lambda c: c.followers()[:1], "/v1/kv/bench?stale"),
        "GET ?stale at all three": at(lambda c: c.addresses, "/v1/kv/bench?stale"),
    }
    for name, measure in rows.items():
        if words and not any(w.lower() in name.lower() for w in words):
            continue
        got, cost, led = ({k: [] for k in clusters} for _ in range(3))
        for _ in range(ROUNDS):
            for k, c in clusters.items():
                lead = [p for p in c.programs if p.address == c.leader()]
                before = cpu(c.programs), cpu(lead)
                got[k].append(measure(c))
                used = cpu(c.programs) - before[0]
                cost[k].append(1e6 * used / (got[k][-1] * ROW_S))
                led[k].append(100 * (cpu(lead) - before[1]) / max(used, 0.01))
        show(name, {k: statistics.median(v) for k, v in got.items()}, "/s")
        for what, of in (("  processor time of all servers, each", cost), ("  … the leader's part of it", led)):
            show(what, {k: statistics.median(v) for k, v in of.items()}, "µs" if of is cost else "%")


try:
    main()
finally:
    contenders.stop_all()
    share.end()
