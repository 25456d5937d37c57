#!/usr/bin/env python3
"""busy_snapshot.py BINARY FOLDER [KEYS [SECONDS]]: a durable server with so many keys is written to at a steady rate, with enough
bytes that it takes snapshots of its own again and again; in the second half `consul snapshot save` is asked for, too. Prints
how long single writes took while no snapshot was under way, and while one was. Closes with "N passed, N failed"."""
import http.client
import multiprocessing
import os
import random
import sys
import threading
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402
from writers import Writers, part  # noqa: E402

binary, folder = sys.argv[1:3]
keys, seconds = (int(a) for a in (sys.argv[3:] + ["1000000", "60"][len(sys.argv) - 3:]))
PROBES, PAUSE_S = 4, 0.01


def probe(address, until_s, results):
    """Single writes at a steady rate: what others would wait."""
    took, c = [], http.client.HTTPConnection(address, 8500, timeout=60)
    dice = random.Random()
    while time.monotonic() < until_s:
        began = time.monotonic()
        c.request("PUT", f"/v1/kv/k/{dice.randrange(keys):07d}", b"v" * 100)
        c.getresponse().read()
        took.append((began, time.monotonic() - began))
        time.sleep(dice.uniform(0, 2 * PAUSE_S))
    results.put(took)


def fill(address, until_s):
    """What makes the log grow: four megabytes a second."""
    c = http.client.HTTPConnection(address, 8500, timeout=60)
    n = 0
    while time.monotonic() < until_s:
        n += 1
        c.request("PUT", f"/v1/kv/fill/{n % 100}", b"f" * 100000)
        c.getresponse().read()
        time.sleep(0.025)


class Looker(threading.Thread):
    """When was a snapshot being written? (began, ended)"""

    def __init__(self, where):
        super().__init__(daemon=True)
        self.where, self.seen, self.over = where, [], False

    def run(self):
        began = None
        while not self.over:
            try:
                now = any(n.endswith(".tmp") for n in os.listdir(self.where))
            except OSError:
                now = False
            if now and not began:
                began = time.monotonic()
            elif began and not now:
                self.seen.append((began, time.monotonic()))
                began = None
            time.sleep(0.005)


def figures(what, took):
    took = [t for _, t in took]
    print(f"# {what}: {len(took)} writes, p50 {part(took, 0.5) * 1e3:.2f}, p99 {part(took, 0.99) * 1e3:.2f}, "
          f"p99.9 {part(took, 0.999) * 1e3:.2f}, worst {max(took, default=0) * 1e3:.1f} ms")
    return part(took, 0.99)


def main():
    a = Agent(binary, folder, "s", "127.0.8.1", "-server", "-bootstrap-expect", "1").start()
    check("it begins", until(30, lambda: a.put("first", "x")))
    w, began = Writers(a.address, keys, b"v" * 100), time.monotonic()
    w.took()
    print(f"# {keys} keys written in {time.monotonic() - began:.1f} s")
    time.sleep(5)
    looker, results = Looker(os.path.join(folder, "s", "raft", "snapshots")), multiprocessing.Queue()
    end, saves = time.monotonic() + seconds, []
    processes = [multiprocessing.Process(target=probe, args=(a.address, end, results), daemon=True) for _ in range(PROBES)]
    processes.append(multiprocessing.Process(target=fill, args=(a.address, end), daemon=True))
    for p in processes:
        p.start()
    looker.start()
    while time.monotonic() < end:
        time.sleep(4)
        if time.monotonic() > end - seconds / 2:
            began = time.monotonic()
            status, body = a.ask("GET", "/v1/snapshot", timeout=60)
            check("a snapshot is saved", status == 200 and body, status)
            saves.append((began, time.monotonic()))
    looker.over = True
    times = [t for _ in range(PROBES) for t in results.get(timeout=60)]
    for p in processes:
        p.join()

    def during(spans):
        return [(b, t) for b, t in times if any(b < e and b + t > s for s, e in spans)]

    def lasted(spans):
        return f"{len(spans)} of {sum(e - s for s, e in spans) / max(1, len(spans)):.2f} s each"

    beside = set(during(looker.seen) + during(saves))
    quiet = figures("no snapshot under way", [t for t in times if t not in beside])
    own = figures(f"the server's own ({lasted(looker.seen)})", during(looker.seen))
    saved = figures(f"snapshot save ({lasted(saves)})", during(saves))
    check("its own snapshots move the p99 by a factor of two at most", own <= 2 * quiet, f"{own / quiet:.2f}")
    check("snapshot save moves the p99 by a factor of two at most", saved <= 2 * quiet, f"{saved / quiet:.2f}")
    a.end()
    return closing()


if __name__ == "__main__":
    sys.exit(main())
