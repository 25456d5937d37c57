"""gossip.py CONSUL PEER SCRATCH: see gossip.sh. Waits for what it looks for; sleeps for nothing else."""

import base64
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import uuid

sys.path[:0] = ["tests", "tests/conformance"]
import checks  # noqa: E402
import msgpack  # noqa: E402
from agents import Agent, until  # noqa: E402
from checks import check  # noqa: E402

CONSUL, PEER, SCRATCH = sys.argv[1:4]
REFERENCE = os.environ.get("CONSUL_IS") == "reference"
STATUS = {1: "alive", 2: "leaving", 3: "left", 4: "failed"}
OLD, NEW, NEWER, UPGRADE = (base64.b64encode(bytes([n]) * 16).decode() for n in range(4))
PING, ACK, CONFLICT_ANSWER = 0, 2, 6


class Ours(Agent):
    """An agent of ours at 127.0.1.N."""

    def __init__(self, name, n, *flags):
        super().__init__(CONSUL, SCRATCH, name, f"127.0.1.{n}", *flags)

    def start(self, *more):
        super().start(*more)
        check(f"{self.name} starts", until(15, self.members))
        return self

    def json(self, path):
        status, body = self.ask("GET", path)
        return json.loads(body) if status == 200 else None

    def members(self):
        """What it knows of each: name to (status, address, port, tags)."""
        all_of_them = self.json("/v1/agent/members") or []
        return {m["Name"]: (STATUS.get(m["Status"]), m["Addr"], m["Port"], m["Tags"]) for m in all_of_them}

    def cli(self, command, *words):
        r = subprocess.run([CONSUL, command, "-http-addr", f"http://{self.address}:8500", *words], capture_output=True, text=True, timeout=30)
        return r.stdout + r.stderr

    def said(self, *words):
        """Is there a line in its log with all these words?"""
        with open(f"{SCRATCH}/{self.name}.log", errors="replace") as log:
            return any(all(w in line for w in words) for line in log)

    def events(self, name):
        return [base64.b64decode(e["Payload"] or "").decode() for e in self.json("/v1/event/list?name=" + name) or []]


class Theirs:
    """A peer on the real library at 127.0.1.N."""

    def __init__(self, name, n, *flags):
        self.name, self.address, self.flags = name, f"127.0.1.{n}", flags
        self.id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))

    def start(self, *more):
        log = open(f"{SCRATCH}/{self.name}.log", "ab")
        self.process = subprocess.Popen(
            [PEER, "-name", self.name, "-address", self.address, "-folder", SCRATCH, "-id", self.id, *self.flags, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.members()
        return self

    def do(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline() or "null")

    def members(self):
        return {m["Name"]: (m["Status"], m["Addr"], m["Port"], m["Tags"]) for m in self.do("members") or []}

    def events(self, name):
        return [payload for at, payload in self.do("heard") or [] if at == "consul:event:" + name]

    def leave(self):
        gone = self.do("leave")
        self.process.wait(10)
        return gone == "gone"

    def kill(self):
        self.process.kill()
        self.process.wait()


a, b = Ours("a", 1, "-server", "-bootstrap", "-encrypt", OLD), Ours("b", 2, "-encrypt", OLD)
c = Ours("c", 10, "-encrypt", OLD)  # three of five stay when two die: enough to confirm each other's suspicion
p, q = Theirs("p", 3), Theirs("q", 4)
POOL = [a, b, c, p, q]
NAMES = sorted(member.name for member in POOL)
others = []


def stands(viewer, name, status):
    return viewer.members().get(name, ("unknown",))[0] == status


def seen(what, who, status, viewers, seconds=30):
    for viewer in viewers:
        good = until(seconds, stands, viewer, who.name, status) is not None
        check(f"{what}: {viewer.name} sees {who.name} {status}", good, good or viewer.members().get(who.name))


def joining():
    a.start()
    p.start("-key", OLD)
    check("theirs joins ours", p.do("join", a.address + ":8301") == 1)
    for who, viewer in ((a, p), (p, a)):
        seen("they join", who, "alive", [viewer])
    # Nobody else is there to move them.
    check("ours moves in the coordinate space", until(20, lambda: p.do("coordinate", "a").get("Error", 9) < 1.5), p.do("coordinate", "a"))
    check("theirs moves by ours", until(20, lambda: p.do("coordinate").get("Error", 9) < 1.5), p.do("coordinate"))
    far = p.do("distance", "a")
    check("as far as loopback is", isinstance(far, float) and 0 < far < 0.5, far)
    b.start()
    c.start("-join", a.address)
    q.start("-key", OLD)
    check("ours joins theirs", "contacting 1 nodes" in b.cli("join", q.address))
    check("two pools become one", "contacting 1 nodes" in b.cli("join", p.address))
    for who in POOL:
        seen("all join", who, "alive", POOL)
    real = p.members()
    for viewer in (a, b, c, q):
        check(f"{viewer.name} sees the same tags, addresses and ports", until(5, lambda v=viewer: v.members() == real), f"{viewer.members()}\n{real}")
    node = lambda: a.json("/v1/catalog/node/p")  # noqa: E731
    check("the leader enters theirs into the catalog", until(15, node) and node()["Node"]["Address"] == p.address)
    check("under its id", (node() or {}).get("Node", {}).get("ID") == p.id, node())


def events():
    check("ours fires", b.ask("PUT", "/v1/event/fire/deploy", b"forty-two")[0] == 200)
    check("theirs fires", p.do("event", "roll", "seven") == "ok")
    for viewer in POOL:
        for name, payload in (("deploy", "forty-two"), ("roll", "seven")):
            heard = until(15, lambda v=viewer, n=name: v.events(n)) is not None
            check(f"{viewer.name} hears {name}, once", heard and viewer.events(name) == [payload], viewer.events(name))


def queries():
    answered = lambda: sorted(p.do("query", 5, "_serf_ping")["Acks"] or []) == NAMES  # noqa: E731
    check("all acknowledge a ping", until(15, answered))
    answered = lambda: sorted(p.do("query", 5, "of-no-use", "x")["Acks"] or []) == NAMES  # noqa: E731
    check("and what nobody answers", until(15, answered))

    answers = {}

    def complete():
        answers.clear()
        answers.update(p.do("query", 9, "_serf_conflict", "q")["Answers"])
        return sorted(answers) == ["a", "b", "c", "p"]

    if check("who is q? all but q say it", until(15, complete), answers):
        raw = {name: base64.b64decode(text) for name, text in answers.items()}
        member = {name: msgpack.unpack(text[1:])[0] for name, text in raw.items() if text[0] == CONFLICT_ANSWER}
        for name in ("a", "b", "c"):
            check(f"{name} says what theirs says", member.get(name) == member["p"], member)


def held(*keys):
    """Do all five hold these keys and no others, as theirs counts?"""
    got = p.do("keys")
    return got.get("NumErr") == 0 and got.get("Keys") == dict.fromkeys(keys, len(POOL))


def done_by_all(verb, key):
    got = p.do(verb, key)
    return "error" not in got and (got["NumResp"], got["NumErr"]) == (len(POOL), 0)


def keys():
    check("theirs lists the keys", until(20, held, OLD), p.do("keys"))
    for verb, key in (("install", NEW), ("use", NEW), ("remove", OLD)):
        check(f"theirs: {verb}", until(20, done_by_all, verb, key), p.do("keys"))
    check("all have theirs alone", until(20, held, NEW), p.do("keys"))
    refused = lambda key, verb: (lambda got: got.get("got", got).get("Messages", {}))(p.do(verb, key))  # noqa: E731
    for what, verb, key in (("a short key", "install", "c2hvcnQ="), ("the key in use", "remove", NEW)):
        good = until(15, lambda v=verb, k=key: (lambda m: sorted(m) == NAMES and len(set(m.values())) == 1)(refused(k, v)))
        check(f"{what}: ours refuse it in the words of theirs", good, refused(key, verb))
    for flag, key in (("-install", NEWER), ("-use", NEWER), ("-remove", NEW)):
        good = until(20, lambda f=flag, k=key: "rror" not in a.cli("keyring", f, k))
        check(f"ours: keyring {flag}", good, good or a.cli("keyring", flag, key))
    check("all have ours alone", until(20, held, NEWER), p.do("keys"))
    check("ours counts theirs", until(15, lambda: f"{NEWER} [5/5]" in a.cli("keyring", "-list")), a.cli("keyring", "-list"))


def death():
    b.end(signal.SIGKILL)
    q.kill()


def return_from_death():
    for who in (b, q):
        seen("killed", who, "failed", (a, c, p))
    b.start()
    q.start("-key", NEWER)
    for who in (b, q):
        seen("back by its snapshot", who, "alive", POOL)


def goodbye_and_return():
    check("theirs leaves", q.leave())
    seen("theirs leaves", q, "left", (a, b, c, p), 10)
    check("the catalog forgets it", until(10, lambda: a.json("/v1/health/node/q") == []))
    check("ours leaves", "Graceful leave complete" in b.cli("leave"))
    check("it ends in peace", b.process.wait(20) == 0)
    seen("ours leaves", b, "left", (a, c, p), 10)
    # One after the other: who enters between another's goodbye and return would count it as leaving for ever (a weakness of
    # Serf's own: nobody tells the returned one, so that it cannot refute). Ours does tell.
    b.start("-rejoin")
    seen("ours comes again", b, "alive", (a, b, c, p))
    q.start("-key", NEWER, "-rejoin")
    for who in (b, q):
        seen("theirs comes again", who, "alive", POOL)


def explains(agent, what, *words):
    if not REFERENCE:
        check(f"{agent.name} says why: {what}", until(5, agent.said, "serf: refused to join with", *words))


def strangers():
    """Another datacenter is refused by whoever is asked, and said on both sides."""
    r = Theirs("r", 5, "-dc", "east", "-key", NEWER).start()
    east = Ours("e", 6, "-datacenter", "east", "-encrypt", NEWER).start()
    others.extend((r, east))
    got = r.do("join", a.address + ":8301")
    check("theirs of another datacenter does not join ours", "wrong datacenter 'dc1'" in str(got), got)
    explains(a, "it was asked by theirs", f"'r' at {r.address}:8301 is of datacenter 'east', we ('a') are of 'dc1'")
    for who in (p, a):
        check(f"ours of another datacenter does not join {who.name}", "wrong datacenter 'dc1'" in east.cli("join", who.address))
        explains(east, f"it came to {who.name}", f" {who.address}:8301: ", "is of datacenter 'dc1', we ('e') are of 'east'")
    explains(a, "it was asked by ours", f"'e' at {east.address}:8301 is of datacenter 'east', we ('a') are of 'dc1'")
    for viewer in POOL:
        check(f"{viewer.name} knows no stranger", sorted(viewer.members()) == NAMES, viewer.members())


def ping(agent, wait):
    """The first byte of what it answers to a plain packet, None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.1.200", 0))
        s.settimeout(wait)
        s.sendto(bytes([PING]) + msgpack.pack({"SeqNo": 1, "Node": agent.name}), (agent.address, 8301))
        try:
            return s.recv(2048)
        except socket.timeout:
            return None


def answers_plain(agent):
    got = ping(agent, 2)
    return got is not None and got[0] == ACK and msgpack.unpack(got[1:])[0]["SeqNo"] == 1


def answers_sealed(agent):
    got = ping(agent, 2)
    return got is not None and len(got) > 12 + 16 and got[0] in (0, 1) and b"SeqNo" not in got


def upgrade():
    """Meanwhile, another pool: the way from plain to encrypted, a step at a time: a key that nobody uses; what is sent is encrypted; plain is refused."""
    for step in ("00", "01", "11"):
        with open(f"{SCRATCH}/step{step}.json", "w") as f:
            json.dump({"encrypt_verify_incoming": step[0] == "1", "encrypt_verify_outgoing": step[1] == "1"}, f)
    plain, sealed = Theirs("plain", 8), Theirs("sealed", 9, "-key", UPGRADE)
    ours = Ours("u", 7, "-encrypt", UPGRADE, "-retry-join", plain.address, "-retry-interval", "1s")
    others.extend((plain.start(), sealed, ours))
    ours.start("-config-file", f"{SCRATCH}/step00.json")
    for who, viewer in ((ours, plain), (plain, ours)):
        seen("a key that is not used", who, "alive", [viewer])
    check("a plain packet is answered plainly", until(10, answers_plain, ours))
    check("theirs: plain event", plain.do("event", "plain", "1") == "ok")
    check("ours hears it", until(15, lambda: ours.events("plain") == ["1"]))

    plain.kill()
    plain.start("-key", UPGRADE, "-incoming=false", "-outgoing=false")
    ours.end(signal.SIGKILL)
    ours.start("-config-file", f"{SCRATCH}/step01.json")
    for who, viewer in ((ours, plain), (plain, ours)):
        seen("ours encrypts, theirs not yet", who, "alive", [viewer])
    check("a plain packet is answered encrypted", until(10, answers_sealed, ours))
    sealed.start("-outgoing=true", "-incoming=false")
    check("theirs that encrypts joins", until(15, lambda: sealed.do("join", ours.address + ":8301") == 1))
    check("theirs: encrypted event", sealed.do("event", "sealed", "2") == "ok")
    for viewer in (ours, plain):
        check(f"{viewer.name} hears it", until(15, lambda v=viewer: v.events("sealed") == ["2"]))

    plain.kill()
    ours.end(signal.SIGKILL)
    ours.start("-config-file", f"{SCRATCH}/step11.json")
    plain.start("-incoming=false", "-outgoing=false", "-key", UPGRADE)
    seen("all are bound to encrypt", sealed, "alive", [ours])
    check("a plain join is refused", "error" in str(plain.do("join", ours.address + ":8301")))
    check("which is said", until(5, ours.said, "remote state is not encrypted"))
    ping(ours, 0.1)
    check("plain packets too, which is said as well", until(10, ours.said, "Decrypt packet failed"))
    check("and not answered", ping(ours, 0.3) is None)


try:
    for part in (joining, events, queries, keys, death, upgrade, return_from_death, goodbye_and_return, strangers):
        part()
        if checks.failed:
            break  # what comes after it would only wait
finally:
    for member in POOL + others:
        process = getattr(member, "process", None)
        if process is not None and process.poll() is None:
            process.kill()
if checks.failed:
    for name in sorted(glob.glob(f"{SCRATCH}/*.log")):
        print(f"    ---- {name}")
        print("    " + "    ".join(open(name, errors="replace").readlines()[-25:]))
sys.exit(checks.closing())
