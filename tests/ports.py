# SPDX-License-Identifier: BSD-2-Clause
"""Ports of virtio-console: data both ways with somebody at the other end, ports that come and go, and a shell."""

import contextlib
import dataclasses
import functools
import hashlib
import random
import re
import socket
import subprocess
import tempfile
import threading
import time

from online import MIB
from ringlet import qmp
from ringlet.machine import Guest, Machine
from ringlet.test import Failed, Test
from ringlet.vmm import Qemu
from units import Shell
from vhost.peers import BUILD, PATIENCE

MACHINES = {
    "q35-msix": Machine(arch="x86_64", machine="q35", irq="msix"),
    "microvm": Machine(arch="x86_64", machine="microvm"),
    "virt-mmio": Machine(arch="aarch64"),
    "virt-pci-its": Machine(arch="aarch64", transport="pci", gic="3"),
}
BYTES = 16 * MIB  # each way, once; less of it where something else is the point
FEWER = 3 * MIB
MUCH = 32 * MIB  # to an end that is closed after some of it; and how much may count as sent beyond that
SOME = 200000
UNDER_WAY = 2 * MIB
NAME = "org.ringlet.data"


def connect(path):
    """The host's end of a port."""
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(PATIENCE)
    end.connect(path)
    return end


def receive(end, count, slowly=False):
    """So many bytes; with a pause after each quarter, so that the guest has to wait."""
    data = bytearray()
    while len(data) < count:
        piece = end.recv(65536)
        if not piece:
            break
        if slowly and len(data) * 4 // count != (len(data) + len(piece)) * 4 // count:
            time.sleep(0.2)
        data += piece
    return bytes(data)


def digest_of(shell, seen, what):
    """What porttest says of a round, the next one behind `seen` characters of output."""
    pattern = re.compile(rf"^porttest: {re.escape(NAME)} {what} (\d+) sha256 ([0-9a-f]{{64}})$", re.MULTILINE)
    shell.wait_for(f"porttest tells what it {what}", lambda text: pattern.search(text, seen))
    return pattern.search(shell.text(), seen).groups()


def compare(shell, seen, what, data, count):
    said, found = digest_of(shell, seen, what), (str(len(data)), hashlib.sha256(data).hexdigest())
    if said != found or len(data) != count:
        raise Failed(f"porttest {what} {said}, and at the other end there is {found}", shell.text())


def echo(shell, path, options):
    """All of it there and back, while the reader pauses, and then the guest learns that the end was closed."""
    seen = len(shell.text())
    shell.type(f"porttest {options} echo {NAME}")
    data = random.Random(5).randbytes(BYTES)
    with connect(path) as end:
        sender = threading.Thread(target=end.sendall, args=(data,), daemon=True)
        sender.start()
        back = receive(end, BYTES, slowly=True)
        sender.join()
    if back != data:
        raise Failed(f"{len(back)} bytes came back, and not what was sent", shell.text())
    compare(shell, seen, "received", data, BYTES)


def send(shell, path, options):
    """Twice, to an end that was closed and opened again."""
    seen = len(shell.text())
    shell.type(f"porttest {options} -r 2 send {NAME} {FEWER}")
    for _ in range(2):
        with connect(path) as end:
            compare(shell, seen, "sent", receive(end, FEWER), FEWER)
        seen = len(shell.text())


def both(shell, path, options):
    """Both ways at once, by poll, with a reader that pauses."""
    seen = len(shell.text())
    shell.type(f"porttest {options} both {NAME} {FEWER}")
    data = random.Random(6).randbytes(FEWER)
    with connect(path) as end:
        sender = threading.Thread(target=end.sendall, args=(data,), daemon=True)
        sender.start()
        back = receive(end, FEWER, slowly=True)
        compare(shell, seen, "sent", back, FEWER)
        sender.join()
        compare(shell, seen, "received", data, FEWER)


def fill(shell, path, options):
    """The host takes nothing: who closes the port does not wait for ever, and what was written comes when it does."""
    seen = len(shell.text())
    shell.type(f"porttest {options} fill {NAME}")
    with connect(path) as end:
        shell.wait_for("the port is closed", lambda text: f"\nporttest: {NAME} closed\n" in text[seen:])
        count = int(digest_of(shell, seen, "sent")[0])
        compare(shell, seen, "sent", receive(end, count), count)


def sent_in_all(shell):
    """What `port` says that it sent."""
    seen = len(shell.text())
    shell.type("port")
    shell.wait_for("a list", lambda text: "\nvport0p1 " in text[seen:] and text.endswith("ringlet> "))
    return int(re.search(r"^vport0p1 .*, sent (\d+)", shell.text()[seen:], re.MULTILINE)[1])


def close_in_the_middle(shell, path):
    """The host takes some and closes its end: from then on the device throws away what is sent, and has told of it. What
    was under way counts as sent: our buffers, a socket's, and what was read."""
    shell.until(rf"^vport0p1 {re.escape(NAME)} host closed", "port")  # by who was there before
    before, seen = sent_in_all(shell), len(shell.text())
    shell.type(f"porttest send {NAME} {MUCH}")
    with connect(path) as end:
        receive(end, SOME)
    shell.wait_for("the end of it", lambda text: "\nporttest: " in text[seen:] and text.endswith("ringlet> "))
    sent = sent_in_all(shell) - before
    if f"\nporttest: {NAME}: write: Broken pipe\n" not in shell.text()[seen:] or sent > SOME + UNDER_WAY:
        raise Failed(f"porttest is not told that the host closed its end, or late: {sent} bytes sent", shell.text())


def add_socket(ask, name, path):
    """A chardev for a device that is to come."""
    address = {"type": "unix", "data": {"path": path}}
    ask("chardev-add", id=name, backend={"type": "socket", "data": {"addr": address, "server": True, "wait": False}})


def until_gone(shell, name, others):
    """Until `port` does not list it any more, but that many others: the device is unplugged when the guest is told."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        seen = len(shell.text())
        shell.type("port")
        shell.wait_for("a list", lambda text, n=seen: text[n:].count("\nvport") >= others and text.endswith("ringlet> "))
        if name not in shell.text()[seen:]:
            return
        time.sleep(0.1)
    raise Failed(f"{name} is still there", shell.text())


def read_while_it_comes(shell, end):
    """The host sends and sends: so many bytes are read, and no more."""
    over = threading.Event()

    def send():
        with contextlib.suppress(OSError):
            while not over.is_set():
                end.sendall(b"and so on\n")
                time.sleep(0.1)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    seen = len(shell.text())
    shell.type("port read late 35")
    shell.wait_for("the end of it", lambda text: "\nand so on\nand s\nringlet> " in text[seen:])
    over.set()
    sender.join()
    shell.type("port read late")
    shell.wait_for("the rest", lambda text: text[seen:].count("ringlet> ") >= 2)


def until_answered(end):
    """By a program that is to echo. What comes before it has opened the port may find it as its last user left it, and is
    dropped with what that one has not read."""
    end.settimeout(0.2)
    until = time.monotonic() + PATIENCE
    while True:
        end.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            receive(end, 1)
            break
        if time.monotonic() > until:
            raise Failed("the program at the new port does not answer")
    end.settimeout(PATIENCE)


def plug(shell, ask, folder):
    """A port comes, is used, and goes, twice: also under a program that has it open."""
    for turn in range(2):
        path = f"{folder}/late{turn}"
        add_socket(ask, f"late{turn}", path)
        ask("device_add", driver="virtserialport", bus="ports.0", nr=7, chardev=f"late{turn}", id="late", name="late")
        shell.until(r"^vport0p7 late host closed", "port")
        with connect(path) as end:
            shell.until(r"^vport0p7 late host open", "port")
            shell.type(f"port write late hello {turn}")
            if receive(end, 8) != f"hello {turn}\n".encode():
                raise Failed("the new port does not say hello", shell.text())
            shell.until(r"^vport0p7 late host open, received 0, sent 8", "port")  # which is told of the close now
            seen = len(shell.text())
            shell.type("port read late" if turn == 0 else "port read late 13")
            end.sendall(b"from outside\n")
            shell.wait_for("what was sent", lambda text, n=seen: "\nfrom outside\nringlet> " in text[n:])
            if turn == 0:
                read_while_it_comes(shell, end)
            seen = len(shell.text())
            shell.type("porttest echo late")
            until_answered(end)
            ask("device_del", id="late")
            shell.wait_for("the program is told", lambda text, n=seen: "porttest: late: read: No such device" in text[n:])
        until_gone(shell, "late", 1)


def exchange(machine, ring, smp):
    """The visit as a whole."""
    machine = dataclasses.replace(machine, ring=ring, smp=smp).checked()
    options = f"-c {smp - 1}" if smp > 1 else ""
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        device = Qemu.device(machine, 0, "virtio-serial,id=ports", "")
        vmm = Qemu(arguments=f"-qmp unix:{folder}/qmp,server=on,wait=off -device {device} "
                             f"-chardev socket,id=data,path={folder}/data,server=on,wait=off "
                             f"-device virtserialport,bus=ports.0,chardev=data,name={NAME}")
        guest = Guest(str(kernel), " ".join(["app=shell", *machine.kernel_options()]))
        with Shell(vmm.command(machine, guest), stdin=subprocess.PIPE) as shell:
            shell.wait_for("the shell", lambda text: "ringlet> " in text)
            shell.until(rf"^vport0p1 {NAME} host closed, received 0, sent 0$", "port")
            echo(shell, f"{folder}/data", options)
            send(shell, f"{folder}/data", options)
            both(shell, f"{folder}/data", options)
            if smp == 1:
                close_in_the_middle(shell, f"{folder}/data")
            if (machine.arch, ring, smp) == ("aarch64", "split", 1):
                fill(shell, f"{folder}/data", options)
            plug(shell, functools.partial(qmp.ask, f"{folder}/qmp"), folder)
            shell.type("halt")
            code = shell.process.wait(PATIENCE)
        output = shell.text()
        if vmm.status(machine, code, bytes(output, "utf-8")) != 0:
            raise Failed(f"status {code}", output)
        return output


class Screen:
    """What a terminal of so many columns shows, as far as the shell's editor uses one."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0

    def put(self, character):
        if self.column == self.columns:
            self.row, self.column = self.row + 1, 0
        self.rows += [""] * (self.row + 1 - len(self.rows))
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[:self.column] + character + line[self.column + 1:]
        self.column += 1

    def show(self, text):
        for count, final, character in re.findall(r"\x1b\[(\d*)([A-Z])|(.)", text, re.DOTALL):
            if character >= " ":
                self.put(character)
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif character == "\b":
                self.column -= 1
            elif final == "A":
                self.row -= int(count)
            elif final == "C":
                self.column += int(count)
            elif final in ("J", "K"):
                self.rows[self.row] = self.rows[self.row][:self.column]
                del self.rows[self.row + 1:len(self.rows) if final == "J" else self.row + 1]
            else:
                raise Failed(f"a sequence that this terminal does not know: {count}{final}", text)


class Terminal:
    """Somebody at a console's socket, who reads what is shown there."""

    def __init__(self, path):
        self.end, self.text = connect(path), ""
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError):
            while piece := self.end.recv(4096):
                self.text += piece.decode("ascii")

    def type(self, keys):
        self.end.sendall(keys.encode())

    def press(self, *keys):
        """One after the other, each when the last one is to be seen: QEMU throws away what a console's socket does not
        take at once."""
        for key in keys:
            seen = len(self.text)
            self.type(key)
            self.wait_for("a key is to be seen", lambda text, n=seen: len(text) > n)

    def wait_for(self, what, condition):
        until = time.monotonic() + PATIENCE
        while not condition(self.text):
            if time.monotonic() > until:
                raise Failed(f"{what}: not within {PATIENCE} seconds", self.text)
            time.sleep(0.002)  # one of hundreds of keys at a time

    def close(self):
        self.end.shutdown(socket.SHUT_RDWR)
        self.end.close()


def edit(terminal):
    """A line of five rows: written, looked at, changed at its start and in its middle, shortened."""
    columns, prompt = 40, "ringlet> "
    terminal.type(f"size {columns} 10\r")
    terminal.wait_for("the size", lambda text: text.endswith(f"{columns} columns, 10 rows\r\n{prompt}"))
    words = "echo " + " ".join(f"word{n:02}" for n in range(25))
    begun = len(terminal.text)
    terminal.press(*words, "\x01", *["\x1b[C"] * 5, *"first ")  # in its middle
    terminal.press("\x05", *["\x1b[D"] * 40, "\b", "\x0b", *"end")  # from its end back by a row; the rest is cut off
    line = words[:5] + "first " + words[5:]
    line = line[:len(line) - 41] + "end"
    expected = [(prompt + line)[n:n + columns] for n in range(0, len(prompt + line), columns)]

    def drawn(text):
        screen = Screen(columns)
        screen.show(prompt + text[begun:])
        return [row.rstrip() for row in screen.rows if row.strip()] == [row.rstrip() for row in expected]
    terminal.wait_for("the line is drawn", drawn)
    terminal.type("\r")
    terminal.wait_for("the line is read", lambda text: text.endswith(f"\r\n{line[5:]}\r\n{prompt}"))


def plug_console(shell, folder):
    """A console that comes while the machine runs is one at which can be typed; and again, when it has gone."""
    ask = functools.partial(qmp.ask, f"{folder}/qmp")
    for turn in range(2):
        name = f"four{turn}"
        add_socket(ask, name, f"{folder}/{name}")
        ask("device_add", driver="virtconsole", bus="bus1.0", nr=9, chardev=name, id="four", name="four")
        terminal = Terminal(f"{folder}/{name}")
        shell.until(r"^vport\dp9 four console, host open, in use", "port")
        terminal.type(f"echo from four {turn}\r")
        terminal.wait_for("an echo", lambda text, n=turn: f"\r\nfrom four {n}\r\n" in text)
        ask("device_del", id="four")
        terminal.close()
        until_gone(shell, "four", 3)


def consoles(machine, ring, chosen):
    """The shell on two ports of one device and one of another, or on those of them that were chosen."""
    machine = dataclasses.replace(machine, ring=ring).checked()
    with tempfile.TemporaryDirectory(prefix="ringlet-") as folder:
        kernel = BUILD / machine.arch / ("Image" if machine.arch == "aarch64" else "ringlet.elf")
        devices = [f"-device {Qemu.device(machine, n, f'virtio-serial,id=bus{n}', '')}" for n in range(2)]
        names = {"one": "bus0", "two": "bus0", "three": "bus1"}
        ports = [f"-chardev socket,id={name},path={folder}/{name},server=on,wait=off "
                 f"-device virtconsole,bus={bus}.0,chardev={name},name={name}" for name, bus in names.items()]
        vmm = Qemu(arguments=" ".join([f"-qmp unix:{folder}/qmp,server=on,wait=off", *devices, *ports]))
        guest = Guest(str(kernel), " ".join(["app=shell", f"console={chosen}", *machine.kernel_options()]))
        with Shell(vmm.command(machine, guest), stdin=subprocess.PIPE) as shell:
            shell.wait_for("the shell", lambda text: "ringlet> " in text)
            terminals = {name: Terminal(f"{folder}/{name}") for name in names}
            chosen = list(names) if chosen == "virtio" else chosen.split(",")
            for name in chosen:
                terminals[name].type(f"echo from {name}\r")
                for other in chosen:
                    terminals[other].wait_for(f"{name} is heard on {other}",
                                              lambda text, n=name: f"\r\nfrom {n}\r\n" in text)
                shell.wait_for(f"{name} is heard on the UART", lambda text, n=name: f"\nfrom {n}\n" in text)
            if "one" in chosen:  # past all queues: it comes out at the first console of each device
                # It may overtake what was typed, which is echoed: each letter comes twice, in whichever order.
                shell.type("port emergency QXZJ")
                for name in ("one", "three"):
                    terminals[name].wait_for("an emergency", lambda text: all(text.count(letter) >= 2 for letter in "QXZJ"))
                plug_console(shell, folder)
            edit(terminals[chosen[0]])
            terminals[chosen[-1]].close()  # one that is closed and opened again
            terminals[chosen[-1]] = Terminal(f"{folder}/{chosen[-1]}")
            shell.type("echo on all")
            for name in chosen:
                terminals[name].wait_for("the UART is heard", lambda text: "\r\non all\r\n" in text)
            for name in names.keys() - set(chosen):
                if terminals[name].text:
                    raise Failed(f"{name} was not chosen and shows something", terminals[name].text)
            terminals[chosen[-1]].type("halt\r")
            code = shell.process.wait(PATIENCE)
        output = shell.text()
        if vmm.status(machine, code, bytes(output, "utf-8")) != 0:
            raise Failed(f"status {code}", output)
        return output


def tests():
    for name, machine in MACHINES.items():
        for ring in ("split", "packed"):
            for smp in (1, 4):
                suffix = ("" if ring == "split" else f"-{ring}") + ("" if smp == 1 else f"-smp{smp}")
                yield Test(f"boot/ports/{name}{suffix}", functools.partial(exchange, machine, ring, smp))
            for chosen in ("virtio", "three,two"):
                which = "all" if chosen == "virtio" else "chosen"
                suffix = "" if ring == "split" else f"-{ring}"
                yield Test(f"boot/consoles/{which}/{name}{suffix}", functools.partial(consoles, machine, ring, chosen))
