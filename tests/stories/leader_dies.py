#!/usr/bin/env python3
"""leader_dies.py BINARY FOLDER ROUNDS: the leader of three servers is killed again and again, under load. Meanwhile DNS and
stale reads of the others never fail, nothing that was acknowledged is lost, and the next write through a follower is
accepted within the goal. Prints the times."""
import os
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
GOAL = 0.3
DNS_RATE = 500


def question(name, number):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


class Asker(threading.Thread):
    """Asks the server it is told to, at a steady rate, and counts what was no answer."""

    def __init__(self, servers):
        super().__init__(daemon=True)
        self.servers, self.dead, self.over, self.why = servers, None, False, {}
        self.asked = self.wrong = self.stale_asked = self.stale_wrong = 0

    def run(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(2)
        due = time.monotonic()
        while not self.over:
            self.asked += 1
            ask = next(v for v in self.servers[self.asked % 3:] + self.servers if v is not self.dead)
            s.sendto(question("consul.service.consul", self.asked % 65536), (ask.address, 8600))
            try:
                answer = s.recv(4096)
                good = answer[:2] == struct.pack(">H", self.asked % 65536) and answer[3] & 15 == 0 and answer[7] > 0
                why = f"{ask.name}: code {answer[3] & 15}, {answer[7]} answers"
            except OSError as error:
                good, why = False, f"{ask.name}: {error}"
            self.wrong += not good
            if not good:
                self.why[why] = self.why.get(why, 0) + 1
            if self.asked % 50 == 0:
                self.stale_asked += 1
                self.stale_wrong += ask.get("first", "&stale", 2) != b"first"
            due = max(due + 1 / DNS_RATE, time.monotonic() - 0.1)
            time.sleep(max(0, due - time.monotonic()))


class Writer(threading.Thread):
    """Writes through one server after the other and keeps what was acknowledged."""

    def __init__(self, servers, name):
        super().__init__(daemon=True)
        self.servers, self.name_of, self.over, self.kept, self.tries = servers, name, False, [], 0

    def run(self):
        while not self.over:
            self.tries += 1
            key = f"load/{self.name_of}/{self.tries}"
            if self.servers[self.tries % 3].put(key, key, 3):
                self.kept.append(key)


def main():
    config = os.path.join(folder, "fast.json")
    with open(config, "w") as f:
        f.write('{"performance": {"raft_multiplier": 1}}')
    flags = ["-server", "-bootstrap-expect", "3", "-config-file", config, "-retry-interval", "1s"]
    servers = [Agent(binary, folder, f"s{n}", f"127.0.5.{n}", *flags, *(f"-retry-join=127.0.5.{m}" for m in (1, 2, 3))) for n in (1, 2, 3)]
    for s in servers:
        s.start()
    check("three new servers become a cluster", until(30, lambda: any(s.put("first", "first") for s in servers)))
    check("all three have a vote", until(30, lambda: servers[0].voters() == 3))
    check("and know the first key", until(10, lambda: all(s.get("first", "&stale") for s in servers)))
    asker, writers, took = Asker(servers), [Writer(servers, n) for n in range(2)], []
    for t in (asker, *writers):
        t.start()
    for n in range(rounds):
        time.sleep(1)
        leader = next(s for s in servers if s.leader() == s.address + ":8300")
        follower = next(s for s in servers if s is not leader)
        asker.dead = leader
        time.sleep(0.05)
        leader.end(signal.SIGKILL)
        began = time.monotonic()
        written = until(20, lambda: follower.put(f"after/{n}", "x"))
        took.append(time.monotonic() - began if written else None)
        leader.start()
        back = until(20, lambda: leader.get(f"after/{n}", "&stale") == b"x")
        check(f"round {n}: the dead one comes back and catches up", back)
        asker.dead = None
        check(f"round {n}: all three have a vote", until(20, lambda: follower.voters() == 3))
    for t in (asker, *writers):
        t.over = True
    for t in (asker, *writers):
        t.join(10)
    kept = [k for w in writers for k in w.kept]
    lost = [k for k in kept if servers[0].get(k) != k.encode()]
    check(f"no acknowledged write of {len(kept)} is lost", kept and not lost, lost[:5])
    check(f"none of {asker.asked} DNS questions was without an answer", not asker.wrong, asker.why)
    check(f"none of {asker.stale_asked} stale reads failed", not asker.stale_wrong, asker.stale_wrong)
    known = sorted(t for t in took if t)
    check(f"the median of {rounds} failovers is within {GOAL} s", known and known[len(known) // 2] <= GOAL, took)
    if known:
        print(f"# next write after {known[0]:.3f} s at best, {known[len(known) // 2]:.3f} median, {known[-1]:.3f} worst; {len(kept)} writes")
    for s in servers:
        s.end()
    return closing()


sys.exit(main())
