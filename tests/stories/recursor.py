#!/usr/bin/env python3
"""A DNS server that answers every A question with 127.0.0.99: recursor.py ADDRESS. Runs until it is ended."""
import socket
import struct
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    packet, asker = server.recvfrom(4096)
    end = 12
    while packet[end]:
        end += packet[end] + 1
    question = packet[12:end + 5]
    head = packet[:2] + b"\x81\x80" + struct.pack(">HHHH", 1, 1, 0, 0)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes([127, 0, 0, 99])
    server.sendto(head + question + answer, asker)
