#!/usr/bin/env python3
"""A pool of real agents on this machine: one server, the rest clients, each on a loopback address of its own.

  tests/bench/pool.py [N] [IDLE_SECONDS]     default 300 agents, watched idle for 20 s; CONSUL_BIN names another binary

Says how long after the last start all see all alive, and what an idle agent costs: memory, CPU. Checks what is promised
for 300: within 10 s, at most 2.5 MB resident and 0.3 % of a core each (median and mean). Resident counts the program text
in each agent, though it lies in memory once: what is an agent's own, and that with its share of the text, is printed beside. The first needs a machine that has 15 s of CPU for it. Closes with "N passed, N failed". Everything runs in a network and process namespace of its own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

N = int(sys.argv[1]) if len(sys.argv) > 1 else 300
IDLE = float(sys.argv[2]) if len(sys.argv) > 2 else 20
CONSUL = os.path.realpath(os.environ.get("CONSUL_BIN", "build/consul"))
SERVER = "127.70.0.1"
RATE = 20  # starts a second


def own_namespaces():
    if os.environ.get("OWN_NETWORK") == "yes":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["OWN_NETWORK"] = "yes"
    root = [] if os.getuid() == 0 else ["-r"]
    os.execvp("unshare", ["unshare", *root, "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])


def address(i):
    return f"127.70.{i // 200}.{1 + i % 200}"


def start(i, scratch):
    at = address(i)
    flags = [CONSUL, "agent", f"-node=n{i}", f"-bind={at}", f"-client={at}", f"-data-dir={scratch}/{i}", "-log-level=err"]
    flags += ["-server", "-bootstrap-expect=1"] if i == 0 else [f"-retry-join={SERVER}", "-retry-interval=1s"]
    log = open(f"{scratch}/{i}.log", "w")
    return subprocess.Popen(flags, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def alive(i):
    """How many members agent i sees alive; -1 when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address(i)}:8500/v1/agent/self", timeout=5) as answer:
            serf = json.load(answer)["Stats"]["serf_lan"]
        return int(serf["members"]) - int(serf["failed"]) - int(serf["left"])
    except (OSError, ValueError, KeyError):
        return -1


def wait_for_all(seconds):
    """Until each sees all, asked one after the other so that the asking costs little. How long it took, or None."""
    begun, at = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        if alive(at) != N:
            time.sleep(0.1)
            continue
        at += 1
        if at == N:
            return time.monotonic() - begun
    print(f"    n{at} sees {alive(at)} of {N}")
    return None


def memory(pid):
    """KiB: resident, private, and private plus its share of what is shared."""
    fields = {}
    for line in open(f"/proc/{pid}/smaps_rollup"):
        words = line.split()
        if words[0].endswith(":") and words[-1] == "kB":
            fields[words[0]] = int(words[1])
    return fields["Rss:"], fields["Private_Clean:"] + fields["Private_Dirty:"], fields["Pss:"]


def cpu(pid):
    fields = open(f"/proc/{pid}/schedstat").read().split()
    threads = os.listdir(f"/proc/{pid}/task")
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in threads) / 1e9 if fields else 0


def main():
    own_namespaces()
    scratch = tempfile.mkdtemp(prefix="consul-pool.")
    passed = failed = 0

    def check(what, good):
        nonlocal passed, failed
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok' if good else 'not ok pool:'} {what}", flush=True)

    agents = []
    try:
        begun = time.monotonic()
        for i in range(N):
            agents.append(start(i, scratch))
            time.sleep(1 / RATE)
        started = time.monotonic() - begun
        took = wait_for_all(max(60, N / 4))
        print(f"    CPU of all until then: {sum(cpu(a.pid) for a in agents):.1f} s, the server {cpu(agents[0].pid):.1f} s")
        check(f"{N} agents, started in {started:.1f} s: all alive to all {'%.1f s after the last start' % took if took is not None else 'never'}", took is not None and took <= 10)
        time.sleep(40)  # until suspicions, retransmissions and the first exchanges are over
        before = [cpu(a.pid) for a in agents]
        time.sleep(IDLE)
        shares = [100 * (cpu(a.pid) - b) / IDLE for a, b in zip(agents, before)]
        sizes = [memory(a.pid) for a in agents]
        rss, private, share = (statistics.median(s[k] for s in sizes[1:]) / 1000 * 1.024 for k in (0, 1, 2))
        check(f"a client: {rss:.2f} MB resident ({private:.2f} MB its own, {share:.2f} MB with its share of the text); the server {sizes[0][0] * 1.024 / 1000:.2f} MB", rss <= 2.5)
        check(f"CPU when idle: {statistics.mean(shares[1:]):.3f} % of a core a client (most: {max(shares[1:]):.2f} %); the server {shares[0]:.2f} %", statistics.mean(shares[1:]) <= 0.3)
        check("still all alive to all", wait_for_all(5) is not None)
    finally:
        for a in agents:
            a.kill()
        for a in agents:
            a.wait()
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
