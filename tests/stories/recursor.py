#!/usr/bin/env python3
"""A DNS server for tests: recursor.py ADDRESS [FILE]. Runs until it is ended.

It answers every A question with 127.0.0.99; with a FILE of lines "NAME ADDRESS", read anew each time, with what stands there,
and that there is no such name when none does."""
import socket
import struct
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))


def address_of(name):
    if len(sys.argv) < 3:
        return "127.0.0.99"
    with open(sys.argv[2]) as file:
        return dict(line.split() for line in file).get(name)


while True:
    packet, asker = server.recvfrom(4096)
    end, labels = 12, []
    while packet[end]:
        labels.append(packet[end + 1:end + 1 + packet[end]].decode().lower())
        end += packet[end] + 1
    question, address = packet[12:end + 5], address_of(".".join(labels))
    is_a = question[-4:-2] == b"\0\1"
    answers = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(address) if address and is_a else b""
    head = packet[:2] + b"\x81" + (b"\x80" if address else b"\x83") + struct.pack(">HHHH", 1, bool(answers), 0, 0)
    server.sendto(head + question + answers, asker)
