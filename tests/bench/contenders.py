"""The programs that the bench sets side by side: how each is configured, started, and known to be ready.

Every one listens on a loopback address of its own, on the ports it usually has, and keeps what it writes in a folder of
its own below build/bench-data. Each is ended by its process id.
"""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DATA = os.path.join(ROOT, "build", "bench-data")
READY_S = 20


class Program:
    """A running program. `stop` ends it; a program still there at the end of the bench is ended then."""

    running = []

    def __init__(self, args, address):
        self.address = address
        self.log = open(os.path.join(DATA, os.path.basename(args[0]) + "-" + address + ".log"), "w")
        self.process = subprocess.Popen(args, stdout=self.log, stderr=self.log, cwd=DATA)
        self.pid = self.process.pid
        Program.running.append(self)

    def stop(self):
        if self in Program.running:
            Program.running.remove(self)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.log.close()

    def resident_mb(self):
        with open("/proc/%d/statm" % self.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def stop_all():
    for program in list(Program.running):
        program.stop()


def folder(name):
    path = os.path.join(DATA, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def ask(address, port, method, path, body=None, timeout=5):
    """One request; (status, body) or None when nobody answers."""
    try:
        c = http.client.HTTPConnection(address, port, timeout=timeout)
        c.request(method, path, body)
        answer = c.getresponse()
        got = answer.status, answer.read()
        c.close()
        return got
    except (OSError, http.client.HTTPException):
        return None


def until(what, ready):
    end = time.monotonic() + READY_S
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("bench: %s was not ready within %d s" % (what, READY_S))
        time.sleep(0.02)


# ---- consul, ours and the reference ----


def consul_args(binary, address, durable=None):
    mode = ["-server", "-bootstrap", "-data-dir", folder(durable)] if durable else ["-dev"]
    return [binary, "agent", *mode, "-node", "bench", "-bind", address, "-client", address]


def accepted(address, path, body):
    got = ask(address, 8500, "PUT", path, body)
    return got and got[0] == 200 and got[1].strip() == b"true"


def consul(binary, address, durable=None):
    program = Program(consul_args(binary, address, durable), address)
    until(binary, lambda: accepted(address, "/v1/kv/bench", "1234567890"))
    return program


def consul_fill(address):
    """What the reading rows ask for: a service with one instance, passing."""
    node = (
        '{"Node":"n1","Address":"10.1.2.3","Service":{"Service":"web","Port":8080,"Tags":["v1"]},'
        '"Check":{"Name":"up","ServiceID":"web","Status":"passing"}}'
    )
    if not accepted(address, "/v1/catalog/register", node):
        raise SystemExit("bench: the service could not be registered at " + address)


# ---- the limits: what a program that does nothing else reaches ----

NGINX = """
worker_processes 1; daemon off; pid %(dir)s/pid; error_log /dev/null; user root;
events { worker_connections 4096; }
http {
	access_log off; keepalive_requests 1000000000; default_type application/json;
	client_body_temp_path %(dir)s/t; proxy_temp_path %(dir)s/t; fastcgi_temp_path %(dir)s/t;
	uwsgi_temp_path %(dir)s/t; scgi_temp_path %(dir)s/t;
	server { listen %(address)s:8500; %(places)s }
}
"""


def nginx(address, bodies):
    """`return 200` with the bodies given, path by path."""
    places = " ".join(
        "location = %s { return 200 '%s'; }" % (path, body.decode().replace("'", "")) for path, body in bodies.items()
    )
    where = folder("nginx")
    conf = write(os.path.join(where, "nginx.conf"), NGINX % {"dir": where, "address": address, "places": places})
    program = Program(["nginx", "-c", conf], address)
    path = next(iter(bodies))
    until("nginx", lambda: ask(address, 8500, "GET", path))
    return program


NSD = """
server:
	server-count: 1
	ip-address: %(address)s
	port: 8600
	username: ""
	zonesdir: "%(dir)s"
	pidfile: ""
	database: ""
	xfrdfile: ""
	zonelistfile: "%(dir)s/zones"
	rrl-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "consul"
	zonefile: "zone"
"""

ZONE = """
$TTL 0
@ SOA ns.consul. postmaster.consul. 1 3600 600 86400 0
@ NS ns.consul.
ns A 127.0.0.1
web.service A 10.1.2.3
_web._tcp.service SRV 1 1 8080 n1.node.dc1.consul.
n1.node.dc1 A 10.1.2.3
"""


def nsd(address):
    where = folder("nsd")
    write(os.path.join(where, "zone"), ZONE)
    conf = write(os.path.join(where, "nsd.conf"), NSD % {"dir": where, "address": address})
    program = Program(["nsd", "-d", "-c", conf], address)

    def answers():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            name = b"".join(bytes([len(w)]) + w for w in (b"web", b"service", b"consul"))
            s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\0\1\0\1", (address, 8600))
            try:
                return s.recv(512)[7] == 1
            except OSError:
                return False

    until("nsd", answers)
    return program


def etcd(address):
    client, peer = "http://%s:2379" % address, "http://%s:2380" % address
    program = Program(
        ["etcd", "--data-dir", folder("etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
         "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer],
        address)  # fmt: skip
    put = '{"key":"YmVuY2g=","value":"MQ=="}'
    until("etcd", lambda: (ask(address, 2379, "POST", "/v3/kv/put", put) or [0])[0] == 200)
    return program


# ---- start ----


def first_write_ms(args, address):
    """From exec until the agent said `true` to a PUT; then it is ended."""
    put = ("PUT /v1/kv/first HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\n\r\n1" % address).encode()
    log = os.open(os.path.join(DATA, "start.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    began = time.monotonic()
    pid = os.posix_spawn(args[0], args, os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)])  # fmt: skip
    os.close(log)
    try:
        while time.monotonic() < began + READY_S:
            try:
                with socket.create_connection((address, 8500), 2) as s:
                    s.sendall(put)
                    if s.recv(4096).startswith(b"HTTP/1.1 200"):
                        return (time.monotonic() - began) * 1e3
            except OSError:
                pass
            time.sleep(0.0005)
        raise SystemExit("bench: no write was accepted")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
