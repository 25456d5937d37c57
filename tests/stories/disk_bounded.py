#!/usr/bin/env python3
"""disk_bounded.py BINARY FOLDER [KEYS [ROUNDS [BYTES [SERVERS]]]]: a set of keys is overwritten again and again, through a follower
where there are three servers. On no disk may ever be more than three times what the live set takes in Consul's snapshot format,
and what the log takes ahead; the last writes are as fast as the first. In the end all are killed -9 and start again. Closes
with "N passed, N failed"."""
import os
import signal
import sys
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402
from writers import OPS, Writers, part  # noqa: E402

binary, folder = sys.argv[1:3]
keys, rounds, size, count = (int(a) for a in (sys.argv[3:] + ["40000", "8", "1000", "1"][len(sys.argv) - 3:]))
AHEAD = 128 << 20  # what is written while a snapshot is: it yields to the writers


def used(server, part=""):
    """Bytes of all its files, or those of one folder, as the disk counts them."""
    total = 0
    for where, _, names in os.walk(os.path.join(folder, server.name, part)):
        for name in names:
            try:
                total += os.stat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                pass  # gone meanwhile
    return total


def newest_snapshot(server):
    """Bytes of the state in it."""
    where = os.path.join(folder, server.name, "raft/snapshots")
    newest = max((n for n in os.listdir(where) if not n.endswith(".tmp")), key=lambda n: [int(x) for x in n.split("-")])
    return os.path.getsize(os.path.join(where, newest, "state.bin"))


def one_round(servers, through, value):
    """(seconds of each transaction, the most that any had on disk, the most of a log)"""
    most, log, w = 0, 0, Writers(through.address, keys, value)
    while w.writing():
        most = max(most, *map(used, servers), 0)
        log = max(log, *(used(s, "raft/wal") for s in servers), 0)
        time.sleep(0.05)
    return [took for _, took in w.took()], most, log


def start_again(servers, through):
    """Seconds until a write, and until the last key is read, after all were killed."""
    for s in servers:
        s.end(signal.SIGKILL)
    on_disk, began = used(servers[0]), time.monotonic()
    for s in servers:
        s.start()
    check("they start again", until(120, through.put, "again", "x"))
    took = time.monotonic() - began
    check("and have the last key", through.get(f"k/{keys - 1:07d}") is not None)
    print(f"# started again from {on_disk / 1e6:.0f} MB: a write after {took:.2f} s")


def main():
    addresses = [f"127.0.7.{n + 1}" for n in range(count)]
    servers = [Agent(binary, folder, f"s{n}", a, "-server", "-bootstrap-expect", str(count), "-retry-interval", "1s",
                     *(f"-retry-join={b}" for b in addresses if b != a)) for n, a in enumerate(addresses)]
    for s in servers:
        s.start()
    check("it begins", until(60, lambda: all(s.put("first", "x") for s in servers)))
    through = next((s for s in servers if s.leader() != s.address + ":8300"), servers[0])
    began = time.monotonic()
    figures = [one_round(servers, through, b"v" * size) for _ in range(rounds)]
    took = time.monotonic() - began
    most, log = max(f[1] for f in figures), max(f[2] for f in figures)
    live = newest_snapshot(servers[0])
    check("three times the live set at most", most <= 3 * live + AHEAD, f"{most / 1e6:.1f} MB for {live / 1e6:.1f}")
    first, last = part(figures[1][0], 0.5), part(figures[-1][0], 0.5)
    check("the last writes are as fast as the first", last < 4 * first, f"{last * 1e3:.1f} and {first * 1e3:.1f} ms")
    print(f"# {keys * rounds} writes of {size} bytes, {keys * rounds / took:.0f}/s; "
          f"at most {most / 1e6:.0f} MB on disk, "
          f"{most / live:.2f} times the live set, {log / 1e6:.0f} MB of it log")
    for share in (0.5, 0.99):
        print(f"# p{share * 100:.0f} of a transaction of {OPS}, by round: {' '.join(f'{part(f[0], share) * 1e3:.1f}' for f in figures)} ms")
    start_again(servers, through)
    for s in servers:
        s.end()
    return closing()


sys.exit(main())
