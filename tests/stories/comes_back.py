#!/usr/bin/env python3
"""comes_back.py BINARY FOLDER ROUNDS: three servers are all stopped, all leave, are all killed, all move to new
addresses; each time they are only started again, and writes work again with no key lost. Prints the seconds it took."""
import os
import signal
import sys

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
GOAL = 5.0


def addresses(generation):
    return [f"127.0.{30 + generation % 200}.{n}" for n in (1, 2, 3)]


def start(servers, generation):
    joins = [f"-retry-join={a}" for a in addresses(generation)]
    for s, address in zip(servers, addresses(generation)):
        s.address = address
        s.start(*joins, "-retry-interval", "1s")


def write(servers, key):
    return any(s.put(key, key) for s in servers)


def all_have(servers, keys):
    return all(s.get(k, "&stale") == k.encode() for s in servers for k in keys)


def leave_all(servers):
    for s in servers:
        s.ask("PUT", "/v1/agent/leave", timeout=15)
    for s in servers:
        s.process.wait(30)


def stop_all(servers, how):
    for s in servers:
        s.signal(how)
    for s in servers:
        s.process.wait(30)


def main():
    config = os.path.join(folder, "fast.json")
    with open(config, "w") as f:
        f.write('{"performance": {"raft_multiplier": 1}}')
    servers = [Agent(binary, folder, f"s{n}", "", "-server", "-bootstrap-expect", "3", "-config-file", config) for n in (1, 2, 3)]
    generation, keys, took = 0, ["first"], {}
    start(servers, generation)
    check("three new servers become a cluster", until(30, write, servers, "first"))
    check("all three have a vote", until(30, lambda: servers[0].voters() == 3))
    ways = {
        "all stopped": lambda: stop_all(servers, signal.SIGINT),
        "all left": lambda: leave_all(servers),
        "all killed": lambda: stop_all(servers, signal.SIGKILL),
        "all moved": lambda: stop_all(servers, signal.SIGKILL),
    }
    for n in range(rounds):
        for way, work in ways.items():
            work()
            generation += way == "all moved"
            start(servers, generation)
            key = f"{n}-{way.replace(' ', '-')}"
            seconds = until(30, write, servers, key)
            took.setdefault(way, []).append(seconds)
            keys.append(key)
            check(f"{way}, round {n}: writes again", seconds and seconds < GOAL, f"after {seconds} s")
            check(f"{way}, round {n}: no key lost", until(15, all_have, servers, keys))
            check(f"{way}, round {n}: all three have a vote", until(25, lambda: servers[0].voters() == 3), servers[0].voters())
    for s in servers:
        s.end()
    for way, seconds in took.items():
        known = sorted(s for s in seconds if s) or [0]
        print(f"# {way} ({len(seconds)}): writes again after {known[0]:.2f} s at best, {known[len(known) // 2]:.2f} median, {known[-1]:.2f} worst")
    return closing()


sys.exit(main())
