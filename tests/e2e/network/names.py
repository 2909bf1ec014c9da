"""names.py DIR: a name server on 127.0.0.1:53 whose names change (RFC 1035 4): each name
rebindN.example.com leads to a public address and to loopback in turns, an odd N to loopback
first. No other name is known. Makes the file DIR/names when it listens."""

import collections
import pathlib
import re
import socket
import struct
import sys

PUBLIC, LOOPBACK = "93.184.216.34", "127.0.0.1"
ADDRESS = 1  # the type A
NO_SUCH_NAME = 3

asked = collections.Counter()


def labels(question):
    at = 0
    while question[at] != 0:
        yield question[at + 1:at + 1 + question[at]].decode("ascii", "replace").lower()
        at += 1 + question[at]


def reply(query):
    number, _, questions = struct.unpack_from("!HHH", query)
    name = ".".join(labels(query[12:]))
    end = 12 + len(name) + 2 + 4
    kind = struct.unpack_from("!H", query, end - 4)[0]
    known = re.fullmatch(r"rebind(\d+)\.example\.com", name)
    answers = b""
    if known and kind == ADDRESS:
        turn = (int(known[1]) + asked[name]) % 2
        asked[name] += 1
        address = socket.inet_aton(LOOPBACK if turn else PUBLIC)
        answers = struct.pack("!HHHIH", 0xC00C, ADDRESS, 1, 0, len(address)) + address
    code = 0 if known else NO_SUCH_NAME
    head = struct.pack("!HHHHHH", number, 0x8180 | code, questions, 1 if answers else 0, 0, 0)
    return head + query[12:end] + answers


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((LOOPBACK, 53))
(pathlib.Path(sys.argv[1]) / "names").touch()
while True:
    query, client = server.recvfrom(4096)
    try:
        server.sendto(reply(query), client)
    except (IndexError, struct.error):
        pass  # no question
