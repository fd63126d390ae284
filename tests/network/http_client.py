# SPDX-License-Identifier: BSD-2-Clause
"""What the web server is asked, well and badly."""

import contextlib
import http.client
import json
import select
import socket
import threading
import time

from ringlet.test import Failed

PATIENCE = 240
AT_ONCE = 64  # connections that are served


class Client:
    """A connection. QEMU's user network may reset one among many that begin at once: such a one is made again."""

    def __init__(self, port):
        self.port = port
        self.open()

    def open(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, path, method="GET"):
        """(response, body)"""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.connection.request(method, path)
                response = self.connection.getresponse()
                return response, response.read()
            except (ConnectionError, http.client.RemoteDisconnected):
                if time.monotonic() > end:
                    raise
                self.connection.close()
                self.open()

    def close(self):
        self.connection.close()


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {found!r:.200}, not {wanted!r:.200}")


def fetch(client, path, content):
    response, body = client.ask(path)
    expect(f"{path}: status", response.status, 200)
    if body != content:
        raise Failed(f"{path}: {len(body)} bytes that are not the file's {len(content)}")


def one_after_the_other(port, site):
    """By one connection, which stays."""
    client = Client(port)
    for path, content in site.items():
        fetch(client, path, content)
    client.close()


def at_once(port, site, count=AT_ONCE):
    """So many connections, all open and all asked before the first one is answered to its end."""
    clients = [Client(port) for _ in range(count)]
    paths = list(site)
    for number, client in enumerate(clients):  # each of them is served now
        fetch(client, paths[number % len(paths)], site[paths[number % len(paths)]])
    for number, client in enumerate(clients):
        client.connection.request("GET", paths[(number + 1) % len(paths)])
    for number, client in enumerate(clients):
        path = paths[(number + 1) % len(paths)]
        body = client.connection.getresponse().read()
        if body != site[path]:
            raise Failed(f"{path}, on connection {number}: {len(body)} bytes that are not the file's")
    return clients


def too_many(port, site):
    """One more than there may be is told so, and the others are not disturbed."""
    clients = at_once(port, site)
    response, _ = Client(port).ask("/")
    expect("one connection too many", response.status, 503)
    expect("what it is told", response.getheader("Connection"), "close")
    for client in clients:
        fetch(client, "/", site["/"])
        client.close()


def greedily(port, site):
    """One client asks and asks, always for more before it is answered; others are served meanwhile."""
    asked = b"GET /sizes/1 HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    done = threading.Event()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        def send():
            with contextlib.suppress(OSError):
                while not done.is_set():
                    connection.sendall(asked)

        def receive():
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass

        threads = [threading.Thread(target=work, daemon=True) for work in (send, receive)]
        for thread in threads:
            thread.start()
        client = Client(port)
        for _ in range(3):
            fetch(client, "/", site["/"])
        client.close()
        done.set()
        connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE)


def asks_slowly(port):
    """A letter now and then, for a request that is never whole: the server does not wait for ever."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(GOOD)
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * PATIENCE):
                connection.sendall(b"X")
                if select.select([connection], [], [], 0.5)[0]:
                    expect("what is said to a slow client", connection.recv(1), b"")
                    return
            raise Failed("a client that asks for ever is served for ever")


def reads_slowly(port, path):
    """A little now and then, of much: there is an end to it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * PATIENCE):
                connection.recv(256)
                time.sleep(0.5)
                if timed_out(port) > 0:
                    return
            raise Failed("a client that reads for ever is served for ever")


def without_files(port):
    """There are none to be served: asked again and again, it says so, and the page about the machine is there."""
    client = Client(port)
    for _ in range(3):
        for path in ("/", "/index.html", "/folder/data.bin"):
            response, _ = client.ask(path)
            expect(f"{path}: status without any files", response.status, 500)
        response, body = client.ask("/status")
        expect("/status: status", response.status, 200)
        if b"vda" not in body:
            raise Failed("/status does not tell of the disk")
    client.close()


def timed_out(port):
    client = Client(port)
    _, body = client.ask("/status.json")
    client.close()
    return json.loads(body)["server"][0]["timed_out"]


def slowly(port, path):
    reads_slowly(port, path)
    asks_slowly(port)
    if timed_out(port) < 2:
        raise Failed("the server does not count whom it has not waited for")


# ---- Byte by byte ---------------------------------------------------------------------------------------
def raw(port, data, close=False, source=0):
    """All that comes back until the server closes, or until nothing is owed any more; from that port, or any."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        connection.settimeout(PATIENCE)
        connection.bind(("127.0.0.1", source))
        connection.connect(("127.0.0.1", port))
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionError:
            pass
        return answer


def status_line(answer):
    return answer.split(b"\r\n", 1)[0]


GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n"
BAD = [  # what is sent, and the status that is answered; the connection is closed then
    (b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
    (b"GET / HTTP/1.0\r\n\r\n", 200),
    (b"GET http://x/ HTTP/1.1\nHost: x\nConnection: close\n\n", 200),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET /\r\n\r\n", 400),
    (b"\0\1\2\3\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400),
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%2e%2e/x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
    (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (GOOD + b"Content-Length: 3\r\n\r\nabc", 413),
    (GOOD + b"Content-Length: -3\r\n\r\n", 400),
    (GOOD + b"Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc", 400),
    (GOOD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (GOOD + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431),
    (GOOD + b"Y: y\r\n" * 2000 + b"\r\n", 431),
]


def badly(port):
    for data, status in BAD:
        answer = raw(port, data)
        expect(f"the answer to {data[:60]!r}", status_line(answer).split(b" ")[:2],
               [b"HTTP/1.1", str(status).encode()])
    expect("what is said to nothing", raw(port, b"", close=True), b"")
    expect("what is said to half a request", raw(port, GOOD, close=True), b"")


def again(port):
    """From the port of a connection that the server has just closed: it is no part of that."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        source = probe.getsockname()[1]
    for turn in range(3):
        answer = raw(port, GOOD + b"Connection: close\r\n\r\n", source=source)
        expect(f"from the same port, turn {turn}", status_line(answer), b"HTTP/1.1 200 OK")


def several_at_once(port, site):
    """Pipelined: the answers come in the order of the requests."""
    paths = list(site)[:8]
    asked = b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths)
    answer = raw(port, asked + b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for path in paths:
        head, _, answer = answer.partition(b"\r\n\r\n")
        expect(f"{path}, pipelined", status_line(head), b"HTTP/1.1 200 OK")
        if answer[:len(site[path])] != site[path]:
            raise Failed(f"{path}, pipelined: other bytes")
        answer = answer[len(site[path]):]
    expect("the last answer", status_line(answer), b"HTTP/1.1 404 Not Found")


def otherwise(port, site):
    """HEAD, folders, what is not there, and the page about the machine."""
    client = Client(port)
    path, content = max(site.items(), key=lambda item: len(item[1]))
    response, body = client.ask(path, "HEAD")
    expect("HEAD", (response.status, body, response.getheader("Content-Length")), (200, b"", str(len(content))))
    response, _ = client.ask("/folder")
    expect("a folder", (response.status, response.getheader("Location")), (301, "/folder/"))
    for path in ("/nothing", "/folder/nothing", "/index.html/x", "/status/x",
                 "/vdb/secret.txt", "/vda/style.css"):
        response, _ = client.ask(path)
        expect(path, response.status, 404)
    for path, kind in (("/", "text/html; charset=utf-8"), ("/style.css", "text/css; charset=utf-8"),
                       ("/folder/data.bin", "application/octet-stream")):
        response, _ = client.ask(path, "HEAD")
        expect(f"{path}: type", response.getheader("Content-Type"), kind)
    response, body = client.ask("/status")
    expect("/status", (response.status, b"<h1>Ringlet</h1>" in body), (200, True))
    response, body = client.ask("/status.json")
    machine = json.loads(body)
    server, interface = machine["server"][0], machine["interfaces"][0]
    expect("the interface", (interface["name"], interface["link"], interface["malformed"]), ("net0", "up", 0))
    if server["requests"] < 10 or interface["frames_received"] < 10 or not machine["disks"]:
        raise Failed("the page does not tell of what was done", body.decode())
    client.close()
