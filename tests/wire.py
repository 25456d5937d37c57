#!/usr/bin/env python3
"""wire.py CONTROL ADDRESS...: hosts on a wire whose delays, losses and cuts are ours.

Each ADDRESS is a network namespace, named like it, and gets a TUN device; packets between them pass through this process.
CONTROL is a fifo; each line of it is a command:

    delay MEAN JITTER   milliseconds a packet takes, evenly spread over MEAN - JITTER .. MEAN + JITTER; order may change
    loss PERCENT
    cut A B             nothing from A to B any more (that direction only)
    unplug A            nothing to or from A
    heal                no cuts
    plug A              no longer unplugged

Made for tests (`wired` of lib.sh). It ends with its control fifo's last writer.
"""
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

from hosts import inside

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
QUEUE_MAX = 20000


def tun():
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"wire", IFF_TUN_NO_PI))
    return fd


def plug(address):
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    fd = inside(address, tun)
    ip("-n", address, "addr", "add", address + "/24", "dev", "wire")
    ip("-n", address, "link", "set", "wire", "up")
    return fd


class Wire:
    def __init__(self, addresses):
        self.fds = {a: plug(a) for a in addresses}
        self.names = {fd: a for a, fd in self.fds.items()}
        self.mean = self.jitter = self.loss = 0.0
        self.cuts, self.unplugged = set(), set()
        self.flying = []
        self.count = 0

    def command(self, words):
        if words[0] == "delay":
            self.mean, self.jitter = float(words[1]) / 1000, float(words[2]) / 1000
        elif words[0] == "loss":
            self.loss = float(words[1]) / 100
        elif words[0] == "cut":
            self.cuts.add((words[1], words[2]))
        elif words[0] == "heal":
            self.cuts.clear()
        elif words[0] == "unplug":
            self.unplugged.add(words[1])
        elif words[0] == "plug":
            self.unplugged.discard(words[1])
        else:
            sys.exit("wire: no such command: " + words[0])

    def is_cut(self, a, b):
        return (a, b) in self.cuts or not self.unplugged.isdisjoint((a, b))

    def take(self, fd, now):
        try:
            packet = os.read(fd, 65536)
        except BlockingIOError:
            return
        if packet[0] >> 4 != 4 or len(self.flying) >= QUEUE_MAX:
            return
        to = socket.inet_ntoa(packet[16:20])
        if to not in self.fds or self.is_cut(self.names[fd], to) or random.random() < self.loss:
            return
        self.count += 1
        due = now + max(0, self.mean + random.uniform(-self.jitter, self.jitter))
        heapq.heappush(self.flying, (due, self.count, to, packet))

    def deliver(self, now):
        while self.flying and self.flying[0][0] <= now:
            _, _, to, packet = heapq.heappop(self.flying)
            try:
                os.write(self.fds[to], packet)
            except BlockingIOError:
                pass

    def run(self, control):
        reading = os.open(control, os.O_RDONLY)
        words = b""
        while True:
            now = time.monotonic()
            self.deliver(now)
            wait = max(0, self.flying[0][0] - now) if self.flying else 1
            for fd in select.select([reading, *self.names], [], [], wait)[0]:
                if fd != reading:
                    self.take(fd, time.monotonic())
                    continue
                more = os.read(reading, 4096)
                if not more:
                    return
                *lines, words = (words + more).split(b"\n")
                for line in lines:
                    self.command(line.decode().split())


if __name__ == "__main__":
    Wire(sys.argv[2:]).run(sys.argv[1])
