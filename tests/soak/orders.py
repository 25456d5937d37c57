#!/usr/bin/env python3
"""orders.py BINARY FOLDER NAMES ROUNDS [INTERVAL]: three servers and a client that all name each other in -retry-join are
started in every order (ROUNDS of the 24), with pauses by chance. NAMES is the file of the DNS server: names come late, or
stand for another address first. Each time they have to become one cluster. Prints how long after the last start, or the
last change of a name. SEED chooses other pauses."""
import itertools
import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, names_file, rounds = sys.argv[1:4] + [int(sys.argv[4])]
interval = sys.argv[5] if len(sys.argv) > 5 else "1s"
dice = random.Random(int(os.environ.get("SEED", "1")))
WAYS = ("names known", "names late", "addresses move")
NOBODY = "127.0.40.250"


class Names:
    """What the DNS server knows."""

    def __init__(self):
        self.known, self.lock, self.changed = {}, threading.Lock(), 0

    def say(self, name, address):
        with self.lock:
            self.known[name] = address
            with open(names_file + ".new", "w") as f:
                f.writelines(f"{n} {a}\n" for n, a in self.known.items())
            os.rename(names_file + ".new", names_file)
            self.changed = time.monotonic()

    def say_later(self, seconds, name, address):
        timer = threading.Timer(seconds, self.say, (name, address))
        timer.start()
        return timer


def alive(agent):
    status, body = agent.ask("GET", "/v1/agent/members", timeout=2)
    return sum(m["Status"] == 1 for m in json.loads(body)) if status == 200 else 0


def one_cluster(agents, key):
    """All see all, name the same leader, and what one writes the others read."""
    leaders = {a.leader() for a in agents}
    return (len(leaders) == 1 and leaders != {""} and all(alive(a) == 4 for a in agents)
            and agents[-1].put(key, "x", 2) and all(a.get(key) == b"x" for a in agents) and agents[0].voters() == 3)


def one_round(number, order, way):
    names = Names()
    timers, joins = [], [f"-retry-join=a{n}.test" for n in range(4)]
    base = f"127.0.{40 + number % 100}."
    agents = [Agent(binary, folder, f"r{number}a{n}", f"{base}{n + 1}", *joins, "-retry-interval", interval,
                    *(["-server", "-bootstrap-expect", "3"] if n < 3 else [])) for n in range(4)]
    for n in range(4):
        if way != "names late":
            names.say(f"a{n}.test", agents[n].address if way == "names known" else NOBODY)
    for n in order:
        time.sleep(dice.uniform(0, 0.5))
        agents[n].start()
        if way != "names known":
            timers.append(names.say_later(dice.uniform(0, 2), f"a{n}.test", agents[n].address))
    began = time.monotonic()
    for t in timers:
        t.join()
    began = max(began, names.changed)
    one = until(60, one_cluster, agents, "k")
    took = time.monotonic() - began
    check(f"started in the order {order}, {way}: one cluster", one, [(a.leader(), alive(a), a.running()) for a in agents])
    for a in agents:
        a.signal(signal.SIGKILL)
    for a in agents:
        a.process.wait()
    return took if one else None


def main():
    took = {}
    orders = list(itertools.permutations(range(4)))
    dice.shuffle(orders)
    for number in range(rounds):
        way = WAYS[number % len(WAYS)]
        took.setdefault(way, []).append(one_round(number, orders[number % len(orders)], way))
    for way, times in took.items():
        known = sorted(t for t in times if t)
        if known:
            print(f"# {way}: one cluster after {known[0]:.2f} s at best, {known[len(known) // 2]:.2f} median, {known[-1]:.2f} worst")
    return closing()


sys.exit(main())
