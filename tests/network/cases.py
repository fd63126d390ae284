# SPDX-License-Identifier: BSD-2-Clause
"""The TCP/IP stack and its programs, booted, with this machine at the other end of QEMU's user network."""

import dataclasses
import functools
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading

import checks
from network import http_client
from network.guest import free_port, guest_of, serving, variants
from network.lossy import Path
from network.name_server import NameServer
from ringlet.machine import Disk
from ringlet.test import Failed, Skipped, Test
from ringlet.vmm import Process, Qemu, boot
from vhost.peers import BUILD, Peer

# Seconds. A machine that has other things to do may stop all of this for minutes.
TIMEOUT = 600
PATIENCE = 240
MUCH = 64 << 20


# ---- A web server --------------------------------------------------------------------------------------
def site(folder):
    """A folder with a site in it, and what is to be fetched by which path."""
    chance = random.Random(1)
    files = {"index.html": b"<h1>Ringlet</h1>\n", "style.css": b"", "readme.txt": b"Text.\n",
             "folder/index.html": b"<a href=data.bin>data</a>\n",
             "folder/data.bin": chance.randbytes(1 << 20),
             "vda/index.html": b"A folder with the name of a disk.\n",
             "with space/zw\u00f6lf.txt": b"12\n"}
    files.update({f"sizes/{size}": chance.randbytes(size)
                  for size in (1, 511, 512, 1459, 1460, 1461, 16383, 16384, 16385, 40000)})
    with tarfile.open(folder / "site.tar", "w") as archive:
        for name, content in files.items():
            (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "site" / name).write_bytes(content)
            archive.add(folder / "site" / name, name)
    (folder / "secret.txt").write_bytes(b"It is on another disk.\n")
    with tarfile.open(folder / "other.tar", "w") as archive:
        archive.add(folder / "secret.txt", "secret.txt")
    paths = {f"/{name}": content for name, content in files.items() if " " not in name}
    paths["/with%20space/zw%C3%B6lf.txt"] = files["with space/zw\u00f6lf.txt"]
    paths["/"], paths["/folder/"] = files["index.html"], files["folder/index.html"]
    return paths


def web(machine):
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        paths = site(pathlib.Path(folder))
        # -w: on a busy machine 64 connections take a while, and the first of them waits for its second question.
        with serving(machine, "httpd", r"^httpd: listening", arguments=f"-w {PATIENCE}", tcp=(80,),
                     disks=(Disk(f"{folder}/site.tar"), Disk(f"{folder}/other.tar"))) as (peer, ports):
            port = ports["tcp:80"]
            http_client.one_after_the_other(port, paths)
            http_client.several_at_once(port, paths)
            http_client.otherwise(port, paths)
            http_client.badly(port)
            http_client.again(port)
            http_client.too_many(port, paths)
            http_client.one_after_the_other(port, paths)
            http_client.greedily(port, paths)
            return peer.text()


def damaged(machine):
    """An archive that ends too early, or has a bad header: one line says so, and what is no file is served."""
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        site(pathlib.Path(folder))
        whole = pathlib.Path(f"{folder}/site.tar").read_bytes()
        second = whole.index(b"style.css")  # its header
        bad = {"cut": whole[:second + 512 + 100000],
               "header": whole[:second + 148] + b"7777777" + whole[second + 155:]}
        for name, content in bad.items():
            path = pathlib.Path(f"{folder}/{name}.tar")
            path.write_bytes(content + bytes(-len(content) % 512))
            with serving(machine, "httpd", r"^httpd: listening", tcp=(80,), disks=(Disk(str(path)),)) as (peer, ports):
                http_client.without_files(ports["tcp:80"])
                output = peer.text()
            told = re.findall(r"^vda: its tar archive is damaged at byte \d+: .+$", output, re.MULTILINE)
            if len(told) != 1 or not re.search(r"^httpd: .*only /status is served$", output, re.MULTILINE):
                raise Failed(f"{name}: not one line about the archive and one about what is served", output)
    return output


# ---- Echo -------------------------------------------------------------------------------------------------
def slow_clients(machine):
    """Those that ask, or read, a little now and then are cut off; the file is more than all buffers on the way hold."""
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        with open(f"{folder}/much", "wb") as much:
            much.truncate(MUCH)
        with tarfile.open(f"{folder}/site.tar", "w") as archive:
            archive.add(f"{folder}/much", "much")
        with serving(machine, "httpd", r"^httpd: listening", arguments="-w 3", tcp=(80,),
                     disks=(Disk(f"{folder}/site.tar"),)) as (peer, ports):
            http_client.slowly(ports["tcp:80"], "/much")
            return peer.text()


def echo_stream(port, data):
    """All of it there and back: sent and read at the same time."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        def send():
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        back = b""
        while piece := connection.recv(65536):
            back += piece
        sender.join(PATIENCE)
    if back != data:
        raise Failed(f"{len(back)} bytes came back that are not the {len(data)} that were sent")


def echo_datagrams(port):
    """Datagrams may be lost: each is sent until it has come back."""
    chance = random.Random(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect(("127.0.0.1", port))
        own.settimeout(1)
        for size in (1, 2, 17, 18, 19, 100, 512, 1000, 1471, 1472, 1473, 4000, 9000):
            data, back = chance.randbytes(size), None
            for _ in range(PATIENCE):
                own.send(data)
                try:
                    back = own.recv(65536)
                    while back != data:
                        back = own.recv(65536)
                    break
                except TimeoutError:
                    pass
            if back != data:
                raise Failed(f"a datagram of {size} bytes did not come back")


def echo(machine):
    with serving(machine, "echo", r"^echo: listening", tcp=(7,), udp=(7,)) as (peer, ports):
        chance = random.Random(3)
        for size in (1, 1460, 100000, 2000000):
            echo_stream(ports["tcp:7"], chance.randbytes(size))
        echo_datagrams(ports["udp:7"])
        return peer.text()


# ---- A path that loses frames ----------------------------------------------------------------------------
def lossy(machine):
    """By the web server, echo and iperf: every byte comes, both ways, and nothing hangs."""
    chance = random.Random(5)
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder, Path(machine.ring) as path:
        paths = site(pathlib.Path(folder))
        with serving(machine, "httpd", r"^httpd: listening", arguments=f"-w {PATIENCE}", tcp=(80,), path=path.command,
                     disks=(Disk(f"{folder}/site.tar"),)) as (peer, ports):
            http_client.one_after_the_other(ports["tcp:80"], paths)
            for client in http_client.at_once(ports["tcp:80"], paths, 8):
                client.close()
            output = peer.text()
    with Path(machine.ring) as path:
        with serving(machine, "echo", r"^echo: listening", tcp=(7,), path=path.command) as (peer, ports):
            echo_stream(ports["tcp:7"], chance.randbytes(1 << 20))
            output += peer.text() + path.told()
        if not path.was_bad():
            raise Failed("it was a good path", output)
    return output


# ---- What asks --------------------------------------------------------------------------------------------
LINES = [r"^dhcp: net0 10\.0\.2\.15/24 gateway 10\.0\.2\.2 dhcp .*dns 10\.0\.2\.3$",
         r"^ping: 10\.0\.2\.2 sent=3 received=[1-3]$", r"^65515 bytes from 10\.0\.2\.2: seq=1 ",
         r"^usage: ping .*, with up to 65507 BYTES$",
         r"^dns: here\.ringlet\.test 192\.0\.2\.33$", r"^dns: here\.ringlet\.test 2001:db8::33$",
         r"^dns: none\.ringlet\.test: there is no such name$",
         r"^dns: broken\.ringlet\.test: the name server could not say$",
         r"^dns: refused\.ringlet\.test: the name server could not say$",
         r"^dns: whole\.ringlet\.test\. 192\.0\.2\.34$", r"^dns: two\.\.dots: there is no such name$",
         r"^dns: again\.ringlet\.test: no answer from a name server$",
         r"^\d+\.\d{6} net0 > ip 10\.0\.2\.15 > 10\.0\.2\.2 icmp type 8 ",
         r"^\d+\.\d{6} net0 < ip 10\.0\.2\.2 > 10\.0\.2\.15 icmp type 0 ",
         r"^net0 [0-9a-f:]{17} mtu 1500 link up 10\.0\.2\.20/24 gateway 10\.0\.2\.2 static",
         # That address is no lease.
         r"^dhcp: net0: asking, for 20 s at most\nnet0: 10\.0\.2\.15/24 .*\ndhcp: net0 10\.0\.2\.15/24 gateway .*dns 10\.0\.2\.3\nthe end$"]


def asking(machine):
    known = {"here.ringlet.test": ("192.0.2.33", "2001:db8::33"), "whole.ringlet.test": ("192.0.2.34", "2001:db8::34"),
             "broken.ringlet.test": 2, "refused.ringlet.test": 5}
    with NameServer(known) as names, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        lines = ["dhcp", "ping -c 3 10.0.2.2", "ping -c 2 -s 65507 10.0.2.2", "ping -s 65508 10.0.2.2",
                 f"dns -s 10.0.2.2:{names.port} here.ringlet.test none.ringlet.test "
                 "broken.ringlet.test refused.ringlet.test whole.ringlet.test. two..dots",
                 f"dns -s 10.0.2.2:{silent.getsockname()[1]} again.ringlet.test",
                 "capture ping 10.0.2.2", "net static net0 10.0.2.20/24,gw=10.0.2.2", "ping 10.0.2.2", "net",
                 "dhcp", "echo the end"]
        vmm = Qemu()
        status, output, _ = boot(vmm, machine, guest_of(
            machine, "shell", " ".join(f'"{line}"' for line in lines)), TIMEOUT)
    if status != 0:
        raise Failed(f"status {status}", output)
    for line in LINES:
        if not re.search(line, output, re.MULTILINE):
            raise Failed(f"nothing that matches {line!r} was printed", output)
    return output


# What makes no sense on the command line, or is typed and makes none: a line each, and the machine goes on.
NONSENSE = ("pairs=two", "ip=here", "ip=net7:10.0.0.1/24", "console=nosuch")
ANSWERS = [
    r"^console=nosuch: no port that is a console has such a name$",
    r"^.*: pairs=two: a number of at least 1 is wanted: one a CPU is used$",
    r"^ip=here: ADDRESS/BITS is wanted, as in ip=10\.0\.2\.15/24,gw=10\.0\.2\.2: DHCP instead$",
    r"^ip=net7:10\.0\.0\.1/24: there is no such interface, or another ip= is for it$",
    r"^net0 52:54:00:12:34:56 mtu 1500 link up 10\.0\.2\.15/24 gateway 10\.0\.2\.2 dhcp\b",
    r"^net0 link up$", r"^net0 52:54:00:12:34:56$", r"^net0 pairs=\d+ sent=\d+ .* dropped_out=\d+$",
    r"^net: net9: there is no such interface$", r"^net: net8: there is no such interface$",
    r"^net: 10\.0\.2\.9: that is not ADDRESS/BITS\[,gw=ADDRESS\]", r"^net: 52:54: that is not an address, as in ",
    r"^net: 01:00:5e:00:00:01: that is not the address of one station$",
    r"^usage: net \[list \| link \| mac \| stats \[INTERFACE\]\]$",
    r"^net is a program:\n\nNetwork interfaces: .*\n(.*\n)*    net up \| down \| dhcp INTERFACE$"]


def nonsense(machine):
    lines = ["net", "net link", "net mac net0", "net stats", "net link net9", "net down net8", "net static net0 10.0.2.9",
             "net mac net0 52:54", "net mac net0 01:00:5e:00:00:01", "net nonsense", "help net", "echo the end"]
    status, output, _ = boot(Qemu(), machine, guest_of(
        machine, "shell", " ".join(f'"{line}"' for line in lines), options=NONSENSE), TIMEOUT)
    if status != 0 or not re.search("^the end$", output, re.MULTILINE):
        raise Failed(f"status {status}", output)
    for line in ANSWERS:
        if len(re.findall(line, output, re.MULTILINE)) != 1:
            raise Failed(f"it is not once that {line!r} was printed", output)
    return output


# ---- Debian's iperf at the other end ------------------------------------------------------------------------
def iperf_here(*arguments):
    """Its output, as a client."""
    with Process(["iperf", "-c", "127.0.0.1", *map(str, arguments)]) as process:
        code = process.run(PATIENCE)
    output = process.output.decode(errors="replace")
    if code or process.timed_out or "WARNING" in output:
        raise Failed(f"iperf {' '.join(map(str, arguments))}: status {code}", output)
    return output


def iperf_serves(machine):
    """Bytes of TCP that it counts are those that were sent; of UDP, its own count comes back."""
    with serving(machine, "iperf", r"^iperf: listening", tcp=(5001,), udp=(5001,), arguments="-s") as (peer, ports):
        iperf_here("-p", ports["tcp:5001"], "-n", "8M")
        peer.wait_for("what was received is told",
                      lambda text: re.search(r"^iperf: tcp received bytes=83886\d\d ", text, re.MULTILINE))
        output = iperf_here("-p", ports["udp:5001"], "-u", "-b", "2M", "-n", "500K")
        if "Server Report" not in output:
            raise Failed("the server's report did not come back", output)
        told = re.compile(r"^iperf: udp received bytes=(\d+) .*\n(?:.*\n)*?iperf: udp datagrams=(\d+) lost=(\d+) ", re.MULTILINE)
        peer.wait_for("datagrams are told of", told.search)
        length, sent, lost = map(int, told.search(peer.text()).groups())
        came = -(-length // 1470)  # 349 were sent, the last one smaller: when it has come, all are known of
        if sent - lost != came or sent > 349 or (length % 1470 and sent != 349):
            raise Failed(f"349 datagrams were sent, {came} came, and {sent} are told of, {lost} of them lost", peer.text())
        return peer.text() + output


def iperf_asks(machine):
    for kind, arguments, ours, theirs in (
            (socket.SOCK_STREAM, [], r"^iperf: tcp sent bytes=[1-9]\d{4,} ", r"^\[ .*sec .*Bytes .*bits/sec"),
            (socket.SOCK_DGRAM, ["-u"], r"^iperf: udp arrived bytes=[1-9]\d{3,} ", r"^\[ .*sec .*Bytes .*\d+/ *\d+ \(")):
        port = free_port(kind)
        with Peer(["stdbuf", "-oL", "iperf", "-s", "-p", str(port), *arguments]) as server:
            server.wait_for("iperf listens", lambda text: "listening" in text)
            words = " ".join(["-c 10.0.2.2 -t 1 -b 5M -p", str(port), *arguments])
            status, output, _ = boot(Qemu(), machine, guest_of(machine, "iperf", words), TIMEOUT)
            if status != 0 or not re.search(ours, output, re.MULTILINE):
                raise Failed(f"status {status}, or nothing was sent", output + server.text())
            server.wait_for("iperf tells what it has received",
                            lambda text, line=theirs: re.search(line, text, re.MULTILINE))
    return output


# ---- Without user network ---------------------------------------------------------------------------------
def sockets(machine):
    """The sockets' own tests, over the loopback."""
    vmm = Qemu()
    status, output, _ = boot(vmm, machine, dataclasses.replace(guest_of(machine, "sockettest"), net="none"), TIMEOUT)
    complaint = checks.reported(output, ())
    if status != 0 or complaint:
        raise Failed(complaint or f"status {status}", output)
    return output


NAMESPACE = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]


def tap(name):
    """Checksums and segments are the device's, both ways."""
    made = subprocess.run([*NAMESPACE, "ip", "tuntap", "add", "tap0", "mode", "tap", "vnet_hdr"],
                          capture_output=True, check=False) if shutil.which("ip") else None
    if made is None or made.returncode != 0:
        raise Skipped("no tap device can be made here")
    with Process([*NAMESPACE, str(pathlib.Path(__file__).with_name("tap.py")), name]) as process:
        code = process.run(TIMEOUT)
    output = process.output.decode(errors="replace")
    if code or process.timed_out:
        raise Failed(f"status {code}: {(output.strip().splitlines() or [''])[-1]}", output)
    return output


def needs_lwip(run, *arguments):
    if not (BUILD / "lwip/fetched.mk").exists():
        raise Skipped("there is no lwIP: make deps fetches it")
    return run(*arguments)


def tests():
    for name, machine in variants():
        for what in (web, echo, asking, iperf_serves, iperf_asks, sockets):
            yield Test(f"network/{what.__name__.replace('_', '-')}/{name}", functools.partial(needs_lwip, what, machine))
        if machine.smp == 1:
            for what in (slow_clients, damaged, nonsense):
                yield Test(f"network/{what.__name__.replace('_', '-')}/{name}",
                           functools.partial(needs_lwip, what, machine))
        yield Test(f"network/tap/{name}", functools.partial(needs_lwip, tap, name))
        if name in ("q35-split-1", "virt-mmio-packed-1"):  # most of it is waiting for timers
            yield Test(f"network/lossy/{name}", functools.partial(needs_lwip, lossy, machine))
