#!/usr/bin/python3
"""Debian's python3-consul 0.7.1 against a running agent: python_consul.py ADDRESS [reference]

`reference`: real Consul 1.0.8 answers, which refuses the GETs that this library sends to agent/check/pass and the like;
what needs them is left out. Closes with "N passed, N failed".
"""
import sys
import threading
import time
import traceback

import consul
from consul.base import Check, ConsulException

address = sys.argv[1]
verbs_of_0x = "reference" not in sys.argv[2:]
c = consul.Consul(host=address)
passed = failed = 0


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok", what, "" if seen is None else repr(seen))


def until(question, good, seconds=8):
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if good(answer) or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def keys():
    check("put", c.kv.put("py/a", "1"))
    index, data = c.kv.get("py/a")
    check("get", data["Value"] == b"1" and data["ModifyIndex"] <= int(index), data)
    check("get of nothing", c.kv.get("py/none")[1] is None)
    check("bytes", c.kv.put("py/b", b"\x00\xff\x0a") and c.kv.get("py/b")[1]["Value"] == b"\x00\xff\x0a")
    check("empty value", c.kv.put("py/e", "") and c.kv.get("py/e")[1]["Value"] is None)
    flags = 2502208259587323168
    check("64-bit flags", c.kv.put("py/f", "x", flags=flags) and c.kv.get("py/f")[1]["Flags"] == flags)
    check("a colon in a key", c.kv.put("py/127.0.0.1:2375", "x") and c.kv.get("py/127.0.0.1:2375")[1]["Value"] == b"x")
    check("keys", c.kv.get("py/", keys=True)[1] == ["py/127.0.0.1:2375", "py/a", "py/b", "py/e", "py/f"])
    check("separator", c.kv.get("p", keys=True, separator="/")[1] == ["py/"])
    check("recurse", len(c.kv.get("py/", recurse=True)[1]) == 5)
    old = data["ModifyIndex"]
    check("cas", c.kv.put("py/a", "2", cas=old))
    check("cas with an old index", not c.kv.put("py/a", "3", cas=old))
    check("cas delete with an old index", not c.kv.delete("py/a", cas=old))
    check("cas left it", c.kv.get("py/a")[1]["Value"] == b"2")
    for consistency in ("default", "consistent", "stale"):
        check(consistency, c.kv.get("py/a", consistency=consistency)[1]["Value"] == b"2")
    check("delete", c.kv.delete("py/a") and c.kv.get("py/a")[1] is None)
    check("delete recurse", c.kv.delete("py/", recurse=True) and c.kv.get("py/", recurse=True)[1] is None)


def blocking():
    c.kv.put("py/block", "1")
    index = c.kv.get("py/block")[0]
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(consul.Consul(host=address).kv.get("py/block", index=index, wait="10s")))
    began = time.monotonic()
    waiter.start()
    time.sleep(0.3)
    check("a blocking get waits", not answers)
    c.kv.put("py/other", "not mine")
    time.sleep(0.2)
    check("another key does not wake it", not answers)
    c.kv.put("py/block", "2")
    waiter.join(5)
    check("its own does", answers and answers[0][1]["Value"] == b"2" and time.monotonic() - began < 3, answers)
    began = time.monotonic()
    c.kv.get("py/block", index=c.kv.get("py/block")[0], wait="200ms")
    check("it times out", 0.2 <= time.monotonic() - began < 2)


def sessions():
    sid = c.session.create(name="py", ttl=15, behavior="delete", lock_delay=0)
    other = c.session.create()
    check("acquire", c.kv.put("py/lock", "me", acquire=sid))
    check("acquire by another", not c.kv.put("py/lock", "you", acquire=other))
    info = c.session.info(sid)[1]
    check("info", info["TTL"] == "15s" and info["Behavior"] == "delete" and info["Checks"] == ["serfHealth"], info)
    check("list", sid in [s["ID"] for s in c.session.list()[1]])
    check("node", sid in [s["ID"] for s in c.session.node(info["Node"])[1]])
    check("renew", c.session.renew(sid)["ID"] == sid)
    check("destroy", c.session.destroy(sid))
    check("behavior delete", c.kv.get("py/lock")[1] is None)
    check("acquire after", c.kv.put("py/lock", "you", acquire=other))
    check("release", c.kv.put("py/lock", "you", release=other))
    check("the key stays", "Session" not in c.kv.get("py/lock")[1])
    c.session.destroy(other)
    try:
        c.session.renew(sid)
        check("renew of nothing is refused", False)
    except (consul.NotFound, ConsulException):
        check("renew of nothing is refused", True)


def passing(service):
    return until(lambda: c.health.service(service, passing=True)[1], bool)


def services():
    a = c.agent
    check("register tcp", a.service.register("py-tcp", port=8500, tags=["t"], check=Check.tcp(address, 8500, "1s")))
    check("register http", a.service.register("py-http", check=Check.http("http://%s:8500/v1/status/leader" % address, "1s")))
    check("register failing http", a.service.register("py-bad", check=Check.http("http://%s:8500/nowhere" % address, "1s")))
    check("register ttl", a.service.register("py-ttl", service_id="demo/py:1", check=Check.ttl("10s")))
    check("tcp passes", len(passing("py-tcp")) == 1)
    http = passing("py-http")
    check("http passes", http and "200 OK" in http[0]["Checks"][1]["Output"] + http[0]["Checks"][0]["Output"], http)
    bad = until(lambda: a.checks()["service:py-bad"], lambda one: "404" in one["Output"])
    check("http of a missing page is critical", bad["Status"] == "critical" and "404" in bad["Output"], bad)
    check("not among the passing", c.health.service("py-bad", passing=True)[1] == [])
    if verbs_of_0x:
        check("ttl_pass", a.check.ttl_pass("service:demo/py:1", "fine"))
        entry = passing("py-ttl")
        check("ttl passes", entry and "fine" in [x["Output"] for x in entry[0]["Checks"]], entry)
        check("ttl_warn", a.check.ttl_warn("service:demo/py:1"))
        warned = until(lambda: c.health.checks("py-ttl")[1], lambda l: l[0]["Status"] == "warning")
        check("ttl warns", warned[0]["Status"] == "warning", warned)
        check("ttl_fail", a.check.ttl_fail("service:demo/py:1"))
        state = until(lambda: c.health.state("critical")[1], lambda l: "py-ttl" in [x["ServiceName"] for x in l])
        check("ttl fails", "py-ttl" in [x["ServiceName"] for x in state], state)
        check("check.register", a.check.register("py-alone", Check.ttl("30s"), notes="n"))
        check("check.deregister", a.check.deregister("py-alone") and "py-alone" not in a.checks())
    check("agent.services", {"py-tcp", "py-http", "py-bad", "demo/py:1"} <= set(a.services()))
    check("catalog.services", c.catalog.services()[1]["py-tcp"] == ["t"])
    check("catalog.service by tag", len(c.catalog.service("py-tcp", tag="t")[1]) == 1)
    check("service.maintenance", a.service.maintenance("py-tcp", "true", "why") and
          until(lambda: c.health.service("py-tcp", passing=True)[1], lambda l: not l) == [])
    a.service.maintenance("py-tcp", "false")
    check("and back", len(passing("py-tcp")) == 1)
    check("node maintenance", a.maintenance("true", "why") and "_node_maintenance" in a.checks())
    a.maintenance("false")
    if verbs_of_0x:
        for service in ("py-tcp", "py-http", "py-bad", "demo/py:1"):
            check("deregister " + service, a.service.deregister(service))
        left = until(lambda: c.catalog.services()[1], lambda s: list(s) == ["consul"])
        check("all gone", list(left) == ["consul"], left)


def catalog():
    entry = {"Service": "py-ext", "ID": "e1", "Port": 80}
    check("catalog.register", c.catalog.register("py-node", "192.0.2.7", service=entry,
          check={"name": "up", "status": "passing", "service_id": "e1"}))
    check("node", c.catalog.node("py-node")[1]["Services"]["e1"]["Port"] == 80)
    check("passing", len(passing("py-ext")) == 1)
    check("nodes", "py-node" in [n["Node"] for n in c.catalog.nodes()[1]])
    check("deregister service", c.catalog.deregister("py-node", service_id="e1") and c.catalog.service("py-ext")[1] == [])
    check("deregister node", c.catalog.deregister("py-node") and c.catalog.node("py-node")[1] is None)


def about():
    self = c.agent.self()
    check("agent.self", self["Config"]["Datacenter"] == "dc1" and self["Member"]["Addr"] == address)
    check("members", len(c.agent.members()) == 1)
    check("datacenters", c.catalog.datacenters() == ["dc1"])
    check("leader", c.status.leader() == address + ":8300")
    check("peers", c.status.peers() == [address + ":8300"])
    check("event", c.event.fire("py-event", "body")["Name"] == "py-event")
    events = until(lambda: c.event.list("py-event")[1], lambda l: len(l) == 1)
    check("event.list", len(events) == 1 and events[0]["Payload"] == b"body", events)
    nodes = c.coordinate.nodes()[1]
    check("coordinate.nodes", isinstance(nodes, (list, type(None))), nodes)
    if verbs_of_0x:
        check("datacenters of coordinates", isinstance(c.coordinate.datacenters(), list))
        check("join", c.agent.join(address))
        check("force_leave", c.agent.force_leave("nobody"))


for part in (about, keys, blocking, sessions, services, catalog):
    try:
        part()
    except Exception:  # one broken call must not hide the rest
        check(part.__name__, False)
        traceback.print_exc(file=sys.stdout)
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
