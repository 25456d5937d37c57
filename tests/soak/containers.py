#!/usr/bin/env python3
"""containers.py BINARY FOLDER ROUNDS ADDRESS...: three servers and three clients as Docker runs them, each on a host of its own with
a name that follows its address. They are stopped, restarted, killed and made anew in ROUNDS of the 24 orders, and now and then
all at once. Each time all have to be whole again by themselves: six alive at their addresses everywhere, three with a vote, and
every one writes. Prints the seconds it took. SEED chooses others to suffer."""
import itertools
import json
import os
import random
import shutil
import signal
import sys

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, rounds, addresses = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
dice = random.Random(int(os.environ.get("SEED", "1")))
WHOLE_S = 60


class Container(Agent):
    free, all = list(addresses), []

    def __init__(self, name, *flags):
        super().__init__(binary, folder, name, "", *flags)
        Container.all.append(self)

    def run(self, address=None):
        """On the lowest free address, as Docker does it, unless one is given."""
        self.address = self.host = address or min(Container.free, key=addresses.index)
        Container.free.remove(self.address)
        self.say_names()
        self.wire(f"plug {self.address}")
        self.start()

    def gone(self):
        """Nobody answers at its address any more, not even with a refusal."""
        self.wire(f"unplug {self.address}")
        Container.free.append(self.address)
        self.say_names()

    @staticmethod
    def wire(line):
        with open(os.path.join(folder, "wire"), "w") as f:
            f.write(line + "\n")

    @staticmethod
    def say_names():
        lines = "".join(f"{c.address} {c.name}\n" for c in Container.all if c.address and c.address not in Container.free)
        with open(os.path.join(folder, "names"), "r+") as f:
            f.write(lines)
            f.truncate()

    # what a person types

    def stop(self):
        code = self.end(signal.SIGTERM, 10)
        check(f"{self.name} ends in time, with the code of its kind", code == (1 if "-server" in self.flags else 0), code)
        self.gone()

    def kill(self):
        self.end(signal.SIGKILL)
        self.gone()

    def remove(self):
        self.kill()
        shutil.rmtree(os.path.join(folder, self.name))


def stop_and_start(c):
    c.stop()
    c.run()


def restart(c):
    at = c.address
    c.stop()
    c.run(at)


def kill_and_start(c):
    c.kill()
    c.run()


def make_anew(c):
    """Another address, no data."""
    c.remove()
    c.run(Container.free[0])


DEEDS = {"stop, start": stop_and_start, "restart": restart, "kill, start": kill_and_start, "rm -f, run": make_anew}


def shuffled(containers):
    return dice.sample(containers, len(containers))


def all_stopped(containers):
    for c in shuffled(containers):
        c.stop()
    for c in shuffled(containers):
        c.run()


def all_killed(containers):
    for c in shuffled(containers):
        c.kill()
    for c in shuffled(containers):
        c.run()


def all_restarted(containers):
    for c in shuffled(containers):
        restart(c)


AT_ONCE = {"all stopped, started": all_stopped, "all killed, started": all_killed, "all restarted": all_restarted}


def alive(c):
    status, body = c.ask("GET", "/v1/agent/members", timeout=2)
    return {(m["Name"], m["Addr"]) for m in json.loads(body) if m["Status"] == 1} if status == 200 else set()


def voters(c):
    status, body = c.ask("GET", "/v1/operator/raft/configuration", timeout=2)
    return {s["Address"] for s in json.loads(body)["Servers"] if s["Voter"]} if status == 200 else set()


def trouble(containers):
    """What is not whole yet; empty when all is."""
    there = {(c.name, c.address) for c in containers}
    servers = {c.address + ":8300" for c in containers if "-server" in c.flags}
    for c in containers:
        if alive(c) != there:
            return f"{c.name} at {c.address} does not see {there - alive(c)}"
        if voters(c) != servers:
            return f"{c.name}: voters are {voters(c)}"
        if not c.put("by/" + c.name, c.address, 2):
            return f"{c.name} can't write"
    return ""


def whole(containers, what, took):
    seconds = until(WHOLE_S, lambda: not trouble(containers))
    check(f"{what}: whole again", seconds, trouble(containers))
    took.setdefault(what, []).append(seconds)
    kept = containers[-1].get("first") == b"kept"
    check(f"{what}: nothing is lost", kept)


def main():
    config = os.path.join(folder, "fast.json")
    with open(config, "w") as f:
        f.write('{"performance": {"raft_multiplier": 1}}')
    every = ["-retry-join=s1", "-retry-join=s2", "-retry-join=s3", "-retry-interval", "1s", "-config-file", config]
    containers = [Container(f"s{n}", "-server", "-bootstrap-expect", "3", *every) for n in (1, 2, 3)]
    containers += [Container(f"c{n}", *every) for n in (1, 2, 3)]
    for c in containers:
        c.run()
    check("six agents become a cluster", until(60, lambda: not trouble(containers)), trouble(containers))
    check("a first key", containers[-1].put("first", "kept"))
    orders, took = list(itertools.permutations(DEEDS)), {}
    dice.shuffle(orders)
    for n in range(rounds):
        for what in orders[n % len(orders)]:
            victim = dice.choice(containers)
            DEEDS[what](victim)
            whole(containers, f"{what} of a {'server' if '-server' in victim.flags else 'client'}", took)
        if n % 4 == 0:
            what = list(AT_ONCE)[n // 4 % len(AT_ONCE)]
            AT_ONCE[what](containers)
            whole(containers, what, took)
    for what, times in sorted(took.items()):
        known = sorted(t for t in times if t)
        if known:
            print(f"# {what} ({len(times)}): whole after {known[0]:.1f} s at best, {known[len(known) // 2]:.1f} median, {known[-1]:.1f} worst")
    for c in containers:
        c.signal(signal.SIGKILL)
    return closing()


sys.exit(main())
