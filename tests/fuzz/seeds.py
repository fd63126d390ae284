#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes the seed corpora: good inputs of each kind, from which the fuzzer goes on.

    tests/fuzz/seeds.py FOLDER        FOLDER/TARGET/seed-NAME for each

Inputs that once showed a bug stand beside them under names of their own, and are left alone.
"""

import io
import pathlib
import struct
import sys
import tarfile


# ---- Rings: tests/fuzz/ring.c, step() ---------------------------------------
def push(readable, writable, step=8):
    return bytes([0, readable | writable << 4, step])


def together(how, which, step=8):
    """Several at once: how 1 singles, 2 a table of the caller's, 3 a list; a number that says how many and what they are."""
    return bytes([3 | how << 4, which, step])


PUBLISH, POP, POP_ALL, OFF, ON, RESET = b"\3", b"\4", b"\5", b"\6", b"\7", b"\x0e"


def use(which, written):
    return struct.pack("<BBH", 8, which, written)


def aim(what, value):
    return struct.pack("<BBI", 10, what, value)


def scribble(at, value):
    return struct.pack("<BHH", 11, at, value)


def ambush(loads, value):
    return struct.pack("<BBI", 13, loads, value)


def rings():
    work = (push(1, 1) + push(0, 2) + push(2, 1) + PUBLISH + OFF + use(1, 3) + use(0, 2) + POP +
            use(0, 1) + POP_ALL + ON + push(0, 1) + PUBLISH + use(0, 9) + POP_ALL)
    for name, options in (("plain", 0), ("event-idx", 1), ("in-order", 4), ("indirect", 0x78),
                          ("indirect-in-order", 0x7c)):
        yield name, bytes([options, 3]) + work * 3
        yield name + "-odd", bytes([options | 2, 5]) + work * 2 + RESET + work
    many = push(1, 1) * 6 + PUBLISH
    yield "batch", bytes([4, 4]) + (many + use(3, 1) + POP + many + POP_ALL + use(9, 0) + POP_ALL) * 2
    yield "wrap", bytes([0, 0x82, 9]) + (b"\x0f\x10" + work) * 2
    yield "wrap-event", bytes([1, 0x81, 3]) + (b"\x0f\x20" + work) * 2
    yield "full", bytes([0, 4]) + (bytes([0x80, 0x11, 4]) + push(0, 1) + PUBLISH + use(0, 0) +
                                   POP_ALL) * 3
    yield "wrong-id", bytes([0, 3]) + push(1, 1) + PUBLISH + use(0, 1) + aim(0, 7) + POP + RESET + work
    yield "huge", bytes([8, 3]) + b"".join(bytes([0x40, 0x33, *length]) + PUBLISH + use(0, 9) + POP for length in (
        b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x20"))
    yield "long", bytes([0, 3]) + push(1, 1) + PUBLISH + use(0, 1) + aim(1, 0xffff) + POP + RESET
    yield "runs-ahead", bytes([0, 3]) + push(1, 1) + PUBLISH + aim(2, 9) + POP + RESET + work
    yield "twice", bytes([0, 3]) + push(1, 1) * 2 + PUBLISH + use(0, 1) + POP + aim(0, 0) + aim(2, 2) + POP
    yield "scribbled", bytes([0x78, 3]) + push(1, 2) + scribble(0, 0xffff) + PUBLISH + scribble(
        14, 9) + b"\x0c\3\0\xff\xff" + use(0, 5) + POP_ALL + work
    near = bytes([0, 3]) + push(1, 1) + PUBLISH + use(0, 1)
    yield "near", near + b"\x8a\0\2" + POP + RESET + near + b"\x8d\2\0" + POP + RESET + near + \
        b"\x8d\3\4" + POP + RESET + work
    # All ways of pushing, one behind the other, and so often that the ring's end is passed; then from a full ring.
    ways = b"".join(together(how, which) + push(1, 1) + push(0, 1) + PUBLISH + (use(0, 5) + POP) * 2 + use(1, 99) + POP_ALL
                    for how in (1, 2, 3) for which in (0x5f, 0x92, 0xd3, 0x24, 0xe9, 0x01))
    drained = PUBLISH + use(0, 5) * 16 + POP_ALL
    for name, options in (("ways", 0), ("ways-event-idx", 1), ("ways-in-order", 4), ("ways-indirect", 0x38)):
        yield name, bytes([options, 4]) + ways * 2 + RESET + ways
        yield name + "-odd", bytes([options | 2, 5]) + ways * 3
    for how in (1, 2, 3):
        yield f"ways-full-{how}", bytes([0, 2]) + (together(how, 0xdd) * 3 + drained) * 3 + RESET + together(how, 5) + drained
        yield f"ways-ambush-{how}", bytes([0, 3]) + together(how, 0x4b) + PUBLISH + use(0, 1) + ambush(3, 9) + POP + \
            together(how, 0x4b) + RESET + together(how, 0x7f) + drained
    yield "ambush", bytes([0, 3]) + push(1, 1) * 3 + PUBLISH + use(0, 1) + ambush(2, 0x101) + POP + RESET + work


# ---- PCI: tests/fuzz/pci_function.h -----------------------------------------
def function(capabilities, bars, sizes, tail=b"", flags=0, ambushes=((0, 0), (0, 0)), msix=None):
    """A virtio function: capabilities of (type, bar, offset, length, more), from 0x40 on."""
    config = bytearray(256)
    struct.pack_into("<HHHHI", config, 0, 0x1af4, 0x1042, 7, 0x10, 0x01000001)
    config[0x3d] = 1
    for number, value in bars.items():
        struct.pack_into("<I", config, 0x10 + 4 * number, value)
    at = 0x40
    config[0x34] = at
    records = []
    for kind, bar, offset, length, more in capabilities:
        body = struct.pack("<BBBBHII", 16 + len(more), kind, bar, 0, 0, offset, length) + more
        records.append((9, body))
    if msix:
        records.append((0x11, struct.pack("<HII", *msix)))
    for number, (kind, body) in enumerate(records):
        size = (len(body) + 2 + 3) // 4 * 4
        following = at + size if number + 1 < len(records) else 0
        config[at:at + 2 + len(body)] = bytes([kind, following]) + body
        at += size
    head = bytes([flags, *(sizes.get(n, 12) for n in range(6)), 0])
    for reads, value in ambushes:
        head += struct.pack("<BI", reads, value)
    return head + bytes(config) + tail


VIRTIO = [(1, 4, 0, 0x1000, b""), (3, 4, 0x1000, 0x1000, b""), (4, 4, 0x2000, 0x1000, b""),
          (2, 4, 0x3000, 0x1000, struct.pack("<I", 4)), (5, 0, 0, 0, bytes(4))]
SHARED = (8, 2, 0, 0x1000, struct.pack("<II", 0, 0))
BARS = {1: 0xfebd1000, 4: 0xfe00000c, 5: 8}
SIZES = {1: 12, 4: 14}


def pci_layouts():
    yield "qemu", function(VIRTIO, BARS, SIZES, msix=(3, 1, 0x801))
    yield "window", function(VIRTIO, BARS, SIZES, flags=1)
    yield "shared", function(VIRTIO[:4] + [SHARED], {**BARS, 2: 0xfd000000}, {**SIZES, 2: 16})
    yield "short", function(VIRTIO, BARS, {1: 12, 4: 12})
    yield "changes", function(VIRTIO, BARS, SIZES, ambushes=((40, 0x50), (45, 0xffffffff)))
    yield "no-capabilities", function([], BARS, SIZES)
    yield "odd-bars", function(VIRTIO, {**BARS, 0: 0xc001, 5: 0xc}, {**SIZES, 0: 70, 5: 40})


def msixs():
    steps = b"".join(struct.pack("<BHQI", what, what % 3, 0xfee00000, 0x40 + what)
                     for what in (0, 1, 2, 0x82, 3))
    for name, control, table, flags in (("qemu", 2, 1, 0), ("many", 2047, 4, 0), ("stuck", 2, 1, 2),
                                        ("outside", 2047, 1, 0), ("no-map", 2, 1, 1)):
        yield name, function(VIRTIO[:1], BARS, {1: 12, 4: 16}, tail=steps, flags=flags,
                             msix=(control, table, 0x801))


def bar(index, flags, log2, address):
    return struct.pack("<BBI", index | flags, log2 - 4, address)


def made(kind, device, bars, parent=None, patches=b""):
    above = 0 if parent is None else parent * 4 + 1
    return bytes([kind | len(bars) << 3 | (len(patches) // 3) << 5, device, above]) + \
        b"".join(bars) + patches


def pci_scans():
    def host(options, *windows, claims=(0x1000, 0x1000), change=(0, 0, 0)):
        return bytes([options]) + b"".join(windows) + struct.pack("<I", claims[0]) + \
            claims[1].to_bytes(3, "little") + struct.pack("<HBB", *change)

    low = struct.pack("<BIIB", 0, 0x10000000, 0x2eff0000, 0)
    high = struct.pack("<BIIB", 0x78 & 0xf8, 0x80000000, 0x40000000, 0)
    disk = [bar(1, 0, 12, 0), bar(4, 12, 14, 0)]
    yield "flat", host(0xf1, low) + b"".join(made(0, n, disk) for n in range(3))
    yield "high", host(0xf2, low, high) + b"".join(made(0, n, disk) for n in range(3))
    yield "bridges", (host(0xf2, low, high) + made(1, 1, []) + made(1, 2, [bar(0, 0, 16, 0)]) +
                      made(0, 0, disk, parent=0) + made(1, 0, [], parent=1) +
                      made(0, 0, disk, parent=3) + made(0, 3, disk))
    yield "as-firmware-did", (host(0xf0) + made(0, 1, [bar(1, 0, 12, 0xfebd1000)]) +
                              made(0, 2, [bar(1, 0, 12, 0xfebd2000)]) +
                              made(0, 3, [bar(1, 0, 12, 0xfebd2000)]))
    yield "numbered", (host(0xf1, low) + made(1, 1, [], patches=bytes([0x19, 1, 0, 0x1a, 2, 0])) +
                       made(1, 0, [], parent=0, patches=bytes([0x19, 2, 0, 0x1a, 2, 0])) +
                       made(0, 0, disk, parent=1))
    yield "full", host(0x71, struct.pack("<BIIB", 0, 0x10000000, 0x4000, 0)) + \
        b"".join(made(0, n, disk) for n in range(4))
    yield "claimed", host(0xf1, low, claims=(0x10000000, 0x8000)) + made(0, 1, disk)
    yield "changes", host(0xf1, low, change=(90, 0x19, 0)) + made(5, 1, []) + \
        made(4, 0, disk, parent=0) + made(6, 2, disk)


# ---- Device trees -----------------------------------------------------------
class Tree:
    def __init__(self):
        self.structs, self.strings, self.names = b"", b"", {}

    def node(self, name, properties, *children):
        """Everything is made in the order in which it stands in the tree: children are functions."""
        self.structs += b"\0\0\0\1" + self.padded(name.encode() + b"\0")
        for key, value in properties.items():
            if key not in self.names:
                self.names[key] = len(self.strings)
                self.strings += key.encode() + b"\0"
            if isinstance(value, str):
                value = value.encode() + b"\0"
            elif isinstance(value, (list, tuple)):
                value = struct.pack(f">{len(value)}I", *value)
            self.structs += struct.pack(">III", 3, len(value), self.names[key]) + self.padded(value)
        for child in children:
            child()
        self.structs += b"\0\0\0\2"

    @staticmethod
    def padded(data):
        return data + bytes(-len(data) % 4)

    def blob(self, version=17, reservations=()):
        reserved = b"".join(struct.pack(">QQ", *one) for one in (*reservations, (0, 0)))
        structs = self.structs + b"\0\0\0\x09"
        at = 40 + len(reserved)
        return struct.pack(">10I", 0xd00dfeed, at + len(structs) + len(self.strings), at,
                           at + len(structs), 40, version, 16, 0, len(self.strings),
                           len(structs)) + reserved + structs + self.strings


def leaf(tree, name, properties, *children):
    return lambda: tree.node(name, properties, *children)


def trees():
    tree = Tree()
    tree.node("", {"#address-cells": [2], "#size-cells": [2], "interrupt-parent": [1]},
              leaf(tree, "aliases", {"serial0": "/soc/uart@9000000", "alias": "serial0"}),
              leaf(tree, "chosen", {"bootargs": "app=disksum", "stdout-path": "serial0:115200"}),
              leaf(tree, "memory@40000000", {"device_type": "memory", "reg": [0, 0x40000000, 0, 0x4000000]}),
              leaf(tree, "intc@8000000", {"phandle": [1], "compatible": "arm,cortex-a15-gic",
                                          "#interrupt-cells": [3], "interrupt-controller": b"",
                                          "#address-cells": [2], "#size-cells": [2], "ranges": b"",
                                          "reg": [0, 0x8000000, 0, 0x10000]},
                   leaf(tree, "v2m@8020000", {"phandle": [2], "msi-controller": b"",
                                              "reg": [0, 0x8020000, 0, 0x1000]})),
              leaf(tree, "soc", {"#address-cells": [1], "#size-cells": [1], "compatible": "simple-bus",
                                 "ranges": [0, 0, 0, 0x10000000]},
                   leaf(tree, "uart@9000000", {"compatible": b"arm,pl011\0arm,primecell\0",
                                               "reg": [0x9000000, 0x1000], "interrupts": [0, 1, 4],
                                               "status": "okay"}),
                   leaf(tree, "virtio@a000000", {"compatible": "virtio,mmio", "reg": [0xa000000, 0x200],
                                                 "interrupts-extended": [1, 0, 16, 1, 1, 0, 17, 1]}),
                   leaf(tree, "virtio@a000200", {"compatible": "virtio,mmio", "status": "disabled"})))
    yield "soc", tree.blob(reservations=((0x40000000, 0x1000),))

    tree = Tree()
    entries = []
    for device in range(3):
        for pin in (1, 2):
            entries += [device << 11, 0, 0, pin, 0x8001, 0, 0, 0, 3 + (device + pin) % 4, 4]
    tree.node("", {"#address-cells": [2], "#size-cells": [2], "interrupt-parent": [0x8001]},
              leaf(tree, "intc", {"phandle": [0x8001], "#interrupt-cells": [3], "#address-cells": [2],
                                  "interrupt-controller": b""}),
              leaf(tree, "its", {"phandle": [0x8002], "#msi-cells": [1]}),
              leaf(tree, "pcie@10000000", {
                  "compatible": "pci-host-ecam-generic", "device_type": "pci", "#address-cells": [3],
                  "#size-cells": [2], "#interrupt-cells": [1], "bus-range": [0, 255],
                  "reg": [0x40, 0x10000000, 0, 0x10000000], "msi-map": [0, 0x8002, 0, 0x10000],
                  "msi-map-mask": [0xffff], "interrupt-map-mask": [0x1800, 0, 0, 7],
                  "interrupt-map": entries,
                  "ranges": [0x1000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x2000000, 0, 0x10000000, 0,
                             0x10000000, 0, 0x2eff0000, 0x43000000, 0x80, 0, 0x80, 0, 0x80, 0]}))
    yield "pci", tree.blob()

    tree = Tree()
    tree.node("", {"#address-cells": [1], "#size-cells": [1]},
              leaf(tree, "gic", {"phandle": [7], "#interrupt-cells": [2], "interrupt-controller": b""}),
              leaf(tree, "nexus", {"phandle": [8], "#interrupt-cells": [1], "#address-cells": [1],
                                   "interrupt-map": [1, 0, 9, 5, 1, 1, 7, 5, 4],
                                   "interrupt-map-mask": [0xff, 0xf]}),
              leaf(tree, "circle", {"phandle": [9], "#interrupt-cells": [1], "interrupt-map": [5, 8, 1, 5]}),
              leaf(tree, "a@1", {"reg": [1, 4], "interrupt-parent": [8], "interrupts": [0, 1]}),
              leaf(tree, "b@2", {"reg": [1, 4], "interrupts-extended": [8, 1, 7, 3, 4], "msi-parent": [7]}))
    yield "nexus", tree.blob(version=16)

    deep = Tree()

    def below(depth):
        deep.node(f"n{depth}", {"#address-cells": [1], "#size-cells": [1], "ranges": [0, 0, 4096],
                                "reg": [0, 16]}, *([lambda: below(depth + 1)] if depth < 14 else []))

    deep.node("", {"#address-cells": [1], "#size-cells": [1]}, lambda: below(0))
    yield "deep", deep.blob()


# ---- ACPI and the MP table --------------------------------------------------
BASE = 0xe0000


def table(signature, body):
    return signature + struct.pack("<IBB6s8sI4sI", 36 + len(body), 1, 0, b"RINGLT", b"RINGLET ", 1,
                                   b"RING", 1) + body


def tables(root64, bodies, revision):
    """An RSDP, its root and the tables, one behind another."""
    memory = bytearray(0x40)
    places = []
    for signature, body in bodies:
        places.append(BASE + len(memory))
        memory += table(signature, body)
        memory += bytes(-len(memory) % 16)
    root = BASE + len(memory)
    form = f"<{len(places)}{'Q' if root64 else 'I'}"
    memory += table(b"XSDT" if root64 else b"RSDT", struct.pack(form, *places))
    memory[0:36] = struct.pack("<8sB6sBIIQI", b"RSD PTR ", 0, b"RINGLT", revision, root, 36, root, 0)
    return bytes(memory)


MADT = struct.pack("<II", 0xfee00000, 1) + b"".join((
    struct.pack("<BBBBI", 0, 8, 0, 0, 1), struct.pack("<BBBBI", 0, 8, 1, 1, 1),
    struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0), struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 0xd),
    struct.pack("<BBHIII", 9, 16, 0, 300, 1, 0)))
MCFG = bytes(8) + struct.pack("<QHBBI", 0xb0000000, 0, 0, 255, 0) + \
    struct.pack("<QHBBI", 0xc0000000, 1, 2, 1, 0)
S5 = {"byte": b"\x08_S5_\x12\x06\4\x0a\5\x0a\6\0\0", "root": b"\x08\\_S5_\x12\x07\2\x0b\5\0\1",
      "dword": b"\x08_S5_\x12\x0a\2\x0c\5\0\0\0\x00"}


def fadt(dsdt, reduced=False, size=276):
    body = bytearray(size)
    struct.pack_into("<II", body, 36, 0, dsdt)
    struct.pack_into("<III", body, 64, 0x604, 0, 0x608)
    struct.pack_into("<I", body, 76, 0x608)
    struct.pack_into("<I", body, 112, 1 << 20 if reduced else 0)
    if size > 250:
        struct.pack_into("<Q", body, 140, dsdt)
        struct.pack_into("<BBBBQ", body, 172, 1, 16, 0, 2, 0x604)
        struct.pack_into("<BBBBQ", body, 208, 1, 32, 0, 3, 0x608)
        struct.pack_into("<BBBBQ", body, 244, 0, 8, 0, 1, 0x9000000)
    return bytes(body[36:])


def acpis():
    first = BASE + 0x40
    for name, aml in S5.items():
        bodies = [(b"DSDT", b"\x10" + bytes(8) + aml), (b"FACP", fadt(first)), (b"APIC", MADT),
                  (b"MCFG", MCFG)]
        yield f"xsdt-{name}", b"\1" + tables(True, bodies, 2)
    old = [(b"SSDT", bytes(4)), (b"SSDT", S5["byte"]), (b"FACP", fadt(0, size=116)), (b"APIC", MADT)]
    yield "rsdt", b"\1" + tables(False, old, 0)
    yield "searched-bios", b"\3" + tables(False, old, 0)
    yield "searched-ebda", b"\7" + tables(True, [(b"FACP", fadt(first, reduced=True))], 2)
    yield "bad-sums", b"\0" + tables(True, [(b"APIC", MADT)], 2)


def mptables():
    entries = (struct.pack("<BBBBIIII", 0, 0, 0x14, 3, 0, 0, 0, 0) + struct.pack("<BB6s", 1, 0, b"PCI   ") +
               struct.pack("<BB6s", 1, 1, b"ISA   ") + struct.pack("<BBBBI", 2, 2, 0x11, 1, 0xfec00000) +
               struct.pack("<BBHBBBB", 3, 0, 0, 1, 0, 2, 2) + struct.pack("<BBHBBBB", 3, 0, 0xf, 1, 9, 2, 9) +
               struct.pack("<BBHBBBB", 4, 3, 0, 1, 0, 0, 0))
    def memory(base):
        header = struct.pack("<4sHBB8s12sIHHIHBB", b"PCMP", 44 + len(entries), 4, 0, b"RINGLET ",
                             b"TEST        ", 0, 0, 7, 0xfee00000, 0, 0, 0)
        return struct.pack("<4sIBBBBB3s", b"_MP_", base + 16, 1, 4, 0, 0, 0, b"") + header + entries
    yield "bios", b"\1" + struct.pack("<HH", 0, 639) + memory(0xf0000)
    yield "ebda", b"\3" + struct.pack("<HH", 0x9fc0, 639) + memory(0x9fc00)
    yield "top", b"\3" + struct.pack("<HH", 0, 640) + memory(0xe0000)
    yield "bad-sum", b"\0" + struct.pack("<HH", 0, 0) + memory(0xf0000)


# ---- Text, and messages -----------------------------------------------------
def cmdlines():
    yield "shell", b"app=shell ring=packed irq=poll deadline_ms=500 trace=1"
    yield "arguments", b"app=iocheck -- -t 5 vda \"two words\" virtio_mmio.device=512@0xfeb00e00:12"
    yield "quotes", b"a=\"b c\" \"d=e f\" x\"\"y=1 \" app=none"
    yield "numbers", b"deadline_ms=18446744073709551616 ring=18446744073709551615 app=-1 =5"
    yield "words", b"a " * 300
    yield "long", b"app=" + b"x" * 4092


def vhosts():
    """A byte below 0xf0 stands for a good header; zeros answer most questions well."""
    def u64(value):
        return b"\0" + struct.pack("<Q", value)

    features = u64(1 << 32 | 1 << 34 | 1 << 30 | 1 << 28)
    start = features + u64(1 | 1 << 3 | 1 << 9) + u64(4) + u64(0)
    yield "all", start + bytes(1400)
    yield "polled", start + bytes(480) + b"\1" * 40 + bytes(300)
    yield "plain", u64(1 << 32) + bytes(60)
    yield "no-acks", features + u64(1 | 1 << 9) + bytes(900)
    yield "refuses", start + u64(1) * 30 + bytes(200)
    yield "wrong-request", b"\xff" + struct.pack("<III", 2, 5, 8) + bytes(8)
    yield "wrong-size", b"\xff" + struct.pack("<III", 1, 5, 4) + bytes(8)
    yield "breaks", start + bytes(100)


# ---- Whole devices: tests/fuzz/device.c ---------------------------------------
def devices():
    def device(options, faults=0, size=0, lie=(0, 0, 0)):
        return struct.pack("<BBHHIB", options, faults, size, *lie)

    PUSH, OTHER, RELAX, SLEEP = b"\0\x05", b"\x80\x04", b"\3\0", b"\4\x14"
    WAIT = b"\5\x64"  # longer than the deadline
    work = PUSH * 2 + OTHER + RELAX + PUSH + SLEEP + b"\6\0" + b"\7\0" + OTHER + RELAX
    for name, options in (("mmio", 0), ("pci", 1), ("mmio-packed", 2), ("pci-packed", 3),
                          ("pci-window", 0x41), ("pci-one-vector", 0x21), ("pci-two-vectors", 0x81)):
        yield name, device(options | 0x1c) + work + WAIT + b"\x0c\4" + work + b"\x8c\1" + work
    for bit, name in enumerate(("hangs", "refuses", "generation", "no-queue", "master", "silent", "deaf",
                                "gone")):
        yield f"fault-{name}", device(3 | 4 * (bit & 1)) + work + bytes([10, 1 << bit, 255]) + work + \
            WAIT + WAIT + b"\x0a\0\0" + work
        yield f"from-the-start-{name}", device(1, 1 << bit) + work
    yield "needs-reset", device(1) + work + b"\x0e\1" + WAIT + work
    yield "too-long", device(2) + work + b"\x0e\xfc" + work + WAIT + work
    yield "scribbled", device(3) + work + PUSH + b"\x0b\x08\0\xff" + SLEEP + WAIT + work
    yield "lies-early", device(1, 0, 0, (30, 0xffff, 3)) + work
    yield "lies-later", device(0) + work + b"\x08\x05\xff\xff\xff\xff\x04" + work + WAIT + work
    yield "config", device(1) + b"\x0d\x08\x0d\x50\x0d\x9c\x0d\xd0\x0f\0\x0f\1" + work
    yield "polled", device(0) + work + work[:-1]


# ---- What is on disks: tests/fuzz/tar.c, tests/fuzz/partition.c -----------------
def tars():
    def archive(form, *members):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as tar:
            for name, kind, data in members:
                info = tarfile.TarInfo(name)
                info.type, info.mtime = kind, 1577836800
                info.size = len(data) if kind == tarfile.REGTYPE else 0
                info.linkname = data.decode() if kind != tarfile.REGTYPE else ""
                tar.addfile(info, io.BytesIO(data))
        return file.getvalue().rstrip(b"\0") + bytes(600)

    FILE, FOLDER, HARD, SOFT = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE
    some = (("folder", FOLDER, b""), ("folder/file", FILE, b"text"), ("hard", HARD, b"folder/file"),
            ("soft", SOFT, b"folder/../folder"), ("folder/file", FILE, b"more text"))
    long = ("long/" + "n" * 150, FILE, b"x"), ("short", SOFT, b"t" * 150)
    yield "ustar", b"\1" + archive(tarfile.USTAR_FORMAT, *some)
    yield "pax", b"\1" + archive(tarfile.PAX_FORMAT, *long)
    yield "gnu", b"\1" + archive(tarfile.GNU_FORMAT, *long)
    yield "ring", b"\1" + archive(tarfile.USTAR_FORMAT, ("a", SOFT, b"b"), ("b", SOFT, b"./a"))
    yield "kinds", b"\1" + archive(tarfile.USTAR_FORMAT, ("a/b", FILE, b"1"), ("a", FILE, b"2"),
                                   ("a/c/d", FILE, b"3"), ("a/c", FOLDER, b""))
    yield "cannot-be-read", b"\x0f" + archive(tarfile.PAX_FORMAT, *long)
    sparse = bytearray(archive(tarfile.GNU_FORMAT, ("file", FILE, b"map")))
    sparse[156:157], sparse[482:483] = b"S", b"\1"
    yield "sparse", b"\1" + bytes(sparse)


def partitions():
    """Patches: (block of 512 bytes, length, place in it) and so many bytes."""
    def patch(place, data):
        return b"".join(struct.pack("<HHH", (place + at) // 512, len(data[at:at + 512]), 0) +
                        data[at:at + 512] for at in range(0, len(data), 512))

    def mbr(*entries):
        return bytes(446) + b"".join(struct.pack("<B3xB3xII", *entry) for entry in entries).ljust(
            64, b"\0") + b"\x55\xaa"

    def entry(first, last, name):
        return struct.pack("<16s16sQQQ72s", b"t" * 16, b"g" * 16, first, last, 0,
                           name.encode("utf-16-le"))

    def gpt(block, entries, size=128):
        last = (256 << 10) // block - 1
        table = b"".join(one.ljust(size, b"\0") for one in entries)
        blocks = -(-len(table) // block)
        def header(mine, other, at):
            return struct.pack("<8sIIIIQQQQ16sQII", b"EFI PART", 0x10000, 92, 0, 0, mine, other, 2 + blocks,
                               last - blocks - 1, b"d" * 16, at, len(entries), size)
        return (patch(0, mbr((0, 0xee, 1, last))) + patch(block, header(1, last, 2)) +
                patch(2 * block, table) + patch(last * block, header(last, 1, last - blocks)) +
                patch((last - blocks) * block, table))

    two = entry(40, 49, "one"), bytes(128), entry(20, 39, "zw\u00f6lf \u20ac")
    yield "gpt", b"\1" + gpt(512, two)
    yield "gpt-4096", b"\3" + gpt(4096, two)
    yield "gpt-large-entries", b"\1" + gpt(512, two, 1024)
    yield "gpt-overlap", b"\1" + gpt(512, (entry(40, 49, ""), entry(49, 50, "")))
    yield "gpt-backup", b"\1" + gpt(512, two) + struct.pack("<HHH", 1, 1, 0) + b"x"
    yield "gpt-bad-sums", b"\0" + gpt(512, two)
    yield "gpt-cannot-be-read", b"\x0d" + gpt(512, two)
    yield "mbr", b"\0" + patch(0, mbr((0x80, 0x83, 1, 100), (0, 7, 101, 10), (0, 0xc, 200, 312)))
    chain = patch(0, mbr((0, 0x83, 1, 99), (0, 5, 100, 300))) + patch(
        100 * 512, mbr((0, 0x83, 1, 50), (0, 5, 100, 100))) + patch(200 * 512, mbr((0, 0x82, 2, 20)))
    yield "extended", b"\0" + chain
    yield "ring", b"\0" + chain + patch(200 * 512, mbr((0, 0, 0, 0), (0, 0xf, 100, 10)))


def scsis():
    """The first scan's answers, then steps; an answer that is 0 is as it should be. Three targets with two units."""
    def patch(at, data):
        return bytes([32, at, len(data)]) + data

    def sense(key, asc, ascq=0):
        return b"\x09\0\2\x12" + bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0])

    def scan(steps, **changes):
        """`changes`: of the first unit of the first target, by the name of the answer."""
        answers = dict.fromkeys(range(9), b"\0")
        answers |= {names.index(name): change for name, change in changes.items()}
        first = b"".join(answers[i] for i in sorted(answers))
        return bytes(3) + first + bytes(8) + bytes(17) * 2 + steps

    names = ("listed", "inquiry", "ready", "capacity", "mode", "pages", "serial", "limits", "provisioning",
             "subscribed")
    read, write, flush, switch, reset, poll, describe, resize = range(2, 10)
    every = bytes([read, 5, 0, write, 5, 0, flush, 0, switch, 0, 0, 0, 0, 0, 0, 0, reset, 1, 0, describe,
                   resize, 16, 0, poll, switch, 1])
    yield "plain", scan(every + every)
    yield "4096", scan(every, capacity=patch(8, struct.pack(">I", 4096)))
    yield "huge", scan(every, capacity=patch(0, b"\xff" * 8), limits=patch(8, b"\xff" * 56))
    yield "odd-blocks", scan(every, capacity=patch(8, struct.pack(">I", 520)))
    yield "protected", scan(every, mode=patch(2, b"\x80"))
    yield "no-cache", scan(every, mode=patch(14, b"\0"))
    yield "long-page", scan(every, mode=patch(3, b"\xff" * 20))
    yield "no-medium", scan(every + bytes([poll]), inquiry=patch(0, b"\5\x80"), ready=sense(2, 0x3a),
                            subscribed=b"\x10\x10\0\0\0\0")
    yield "starts", scan(every, ready=sense(2, 4, 2) + b"\0\0")
    yield "becomes-ready", scan(every, ready=sense(2, 4, 1) * 3 + b"\0")
    yield "attention", scan(bytes([read, 0]) + sense(6, 0x2a, 9) + bytes(9) + bytes([read, 0]) + sense(6, 0x3f, 14),
                            ready=sense(6, 0x29) + b"\0")
    yield "errors", scan(b"".join(bytes([read, 1]) + sense(key, 0x11) + bytes([describe]) for key in (1, 3, 4, 5, 7, 11)))
    yield "lists-many", scan(every, listed=b"\x30\0\x10\0\x40" + b"\0\0\x0f\xf8\0\0\0\0" + bytes(
        byte for n in range(7) for byte in (0x40, n * 40, 0, 0, 0, 0, 0, 0)))
    yield "not-listed", scan(bytes(60), listed=sense(5, 0x20) * 3)
    yield "lost", scan(every, capacity=b"\x40\0", pages=b"\x40\x40")
    yield "short", scan(every, inquiry=b"\x10\4\0", capacity=b"\x10\x0b\0", mode=b"\x10\3\0")

    def event(what, target, unit, reason, less=b"\0"):
        return b"\0" + struct.pack("<I", what) + bytes([1, target]) + struct.pack(">H4xI", unit, reason) + less
    yield "events", scan(b"".join(bytes([1, 0]) + one for one in (
        event(1, 0, 0, 1), event(1, 1, 0x4000 | 300, 2 << 24), event(3, 0, 0, 0x2a09), event(0x80000000, 0, 0, 0),
        event(2, 0, 0, 16), event(1, 200, 9, 1), event(1, 0, 0, 1, b"\x80\1\0\0\0"))))


def requests():
    host = b"Host: ringlet\r\n"
    yield "plain", b"GET /index.html HTTP/1.1\r\n" + host + b"User-Agent: x\r\n\r\n"
    yield "two", (b"GET /a?b=c HTTP/1.1\r\n" + host + b"\r\n") * 2
    yield "old", b"\r\nHEAD / HTTP/1.0\nConnection: keep-alive, x\n\n"
    yield "dots", b"GET /a/./b/../../c%20d//e/.. HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    yield "out", b"GET /../x HTTP/1.1\r\n" + host + b"\r\n"
    yield "absolute", b"GET http://ringlet/x HTTP/1.1\r\n" + host + b"\r\n"
    yield "body", b"POST /x HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc"
    yield "chunked", b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "long", b"GET /" + b"a/" * 600 + b" HTTP/1.1\r\n" + host + b"\r\n"
    yield "full", b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 1500


def consoles():
    """Steps of tests/fuzz/console.c, in the order of its enum."""
    message, control, added, data, use, relax, opened, closed, read, write, reset, resize, printed, show = range(14)
    start, rest = bytes([relax]) * 6, bytes([relax] * 3)

    def tell(port, event, value=1, more=b""):
        return bytes([control, port, event, value, len(more)]) + more + bytes([relax])

    come = bytes([added, 1]) + rest * 2 + bytes([opened, 1]) + rest
    flow = bytes([data, 1, 9, relax, read, 1, 90, 1, write, 1, 200, 0, use, 1, relax]) * 3
    yield "plain", bytes([0, 3]) + start + come + flow + bytes([closed, 1]) + rest + bytes([show])
    yield "console", bytes([1, 1]) + start + tell(0, 1) + rest + tell(0, 4) + tell(0, 5, 0, b"\x50\0\x19\0") + \
        bytes([opened, 0]) + rest + bytes([printed, 0, resize, 90, 0, printed, 0]) + rest
    yield "closes", bytes([0, 3]) + start + come + (flow + tell(1, 6, 0) + bytes([read, 1, 90, 1]) + tell(1, 6)) * 3
    yield "unplugged", bytes([0, 8]) + start + (come + flow + tell(1, 2) + flow + bytes([closed, 1])) * 3
    yield "resets", bytes([0, 8]) + start + (come + flow + bytes([reset]) + flow + bytes([added, 1]) + rest + flow) * 3
    yield "reset-in-work", bytes([0, 3]) + start + come + b"".join(bytes([opened, n, relax, 31, relax]) for n in range(3))
    yield "slow", bytes([0, 3]) + start + come + bytes([write, 1, 87, 2]) * 20 + bytes([use, 1, relax]) * 20
    yield "unread", bytes([0, 3]) + start + come + bytes([data, 1, 255]) * 12 + bytes([relax]) + bytes([read, 1, 80, 2]) * 99
    yield "ranges", bytes([0, 3]) + start + b"".join(tell(port, event) for port in (3, 31, 32, 255) for event in range(9))
    yield "names", bytes([0, 3]) + start + come + b"".join(tell(1, 7, 1, name) for name in (
        b"", b"\0", b"a\nb", b"n" * 63, b"n" * 64, b"n" * 250, b"gr\xc3\xbc\xc3\x9f\0"))
    yield "short", bytes([0, 3]) + start + come + b"".join(
        bytes([message, 9, length, 1, 0, 0, 0, 6, 0, 0, 0, 9, relax]) for length in range(9))
    yield "many", bytes([0, 255]) + start + b"".join(bytes([added, n, relax, relax, opened, n]) for n in range(31)) + rest


def nets():
    """Features, configuration, steps: see net.c. Headers of 20 bytes, whatever was negotiated."""
    def bits(*numbers):
        return struct.pack("<Q", sum(1 << number for number in numbers))

    def config(pairs=3, mtu=1500):
        return bytes((2, 0, 0, 0, 0, 1)) + struct.pack("<HHHIBBHI", 1, pairs, mtu, 1000, 1, 40, 128, 0x1ff)

    def header(flags=0, gso=0, length=0, size=0, start=0, offset=0, buffers=1, value=0, report=0):
        return struct.pack("<BBHHHHHIHH", flags, gso, length, size, start, offset, buffers, value, report, 0)

    def receive(*frames, lies=0):
        return bytes((0, 0, len(frames), lies)) + b"".join(
            bytes((i,)) + struct.pack("<H", written) + head for i, (written, head) in enumerate(frames)) + b"\0"

    def send(length, offload=bytes(16), waits=0):
        return b"\1\0" + struct.pack("<H", length) + offload + bytes((waits,))

    def ask(what, *arguments, addresses=bytes((2, 0, 0, 0, 0, 1)) * 2 + bytes((1, 0, 0, 0, 0, 1)) * 2):
        return bytes((3, what)) + addresses + bytes(arguments) + b"\0"

    offloads, control = (0, 1, 7, 8, 9, 10, 11, 12, 13, 14, 54, 55, 56), (2, 3, 5, 16, 17, 18, 19, 20, 21, 22, 23)
    plain = receive((100, header()), (1500, header())) + send(60) + send(1000, waits=1) + b"\2"
    commands = b"".join((ask(0, 2), ask(1, 63), ask(2, 2, 2), ask(3), ask(4, 5, 0), ask(5, 1),
                         ask(6, 3, 0, 0, 2, 40, 0, 1, 0, 1), ask(7, 5, 0)))
    partial = header(1, 0, 54, 0, 34, 16)
    yield "plain", bits(3, 5, 16) + config() + plain
    yield "offloads", (bits(*offloads, 15, 59) + config() + receive((2000, partial)) + receive(
        (1500, header(1, 0x81, 54, 1460, 34, 16, 3)), (1500, bytes(20)), (700, bytes(20))) +
                       send(1400, struct.pack("<BBHHHHHI", 1, 1, 54, 1400, 34, 16, 0, 0)) + b"\2\5")
    yield "large", bits(*offloads) + config() + receive((60000, header(1, 4, 74, 1440, 54, 16)))
    yield "control", bits(*control, 57, 60, *offloads) + config() + commands + plain + b"\5" + commands
    yield "announces", bits(*control) + config() + b"\4\3\0\0" + b"\4\1\0" + plain
    yield "pairs", bits(*control) + config(0) + plain + commands
    yield "lies", bits(15) + config() + receive((1000, header(buffers=9)), (5, header()), (0xffff, header()), lies=7)


def frames():
    macs = bytes(range(12))
    four = lambda protocol, rest: b"\x45\0" + struct.pack(">H", 20 + len(rest)) + b"\0\1\0\0\x40" + bytes(
        [protocol, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2]) + rest
    six = lambda protocol, rest: b"\x60\0\0\0" + struct.pack(">HBB", len(rest), protocol, 64) + bytes(15) + b"\1" + \
        b"\xfe\x80" + bytes(13) + b"\2" + rest
    tcp = struct.pack(">HHIIBBHHH", 80, 4000, 1, 2, 0x50, 0x12, 1000, 0, 0) + b"data"
    udp = struct.pack(">HHHH", 53, 4000, 12, 0) + b"data"
    for name, kind, packet in (
            ("tcp", 0x800, four(6, tcp)), ("udp", 0x800, four(17, udp)), ("icmp", 0x800, four(1, b"\x08" + bytes(7))),
            ("fragment", 0x800, four(17, udp)[:6] + b"\x20\x10" + four(17, udp)[8:]), ("odd", 0x800, four(99, b"x")),
            ("tcp6", 0x86dd, six(6, tcp)), ("icmp6", 0x86dd, six(58, b"\x87" + bytes(23))),
            ("arp", 0x806, b"\0\1\x08\0\6\4\0\1" + bytes(20)), ("arp-reply", 0x806, b"\0\1\x08\0\6\4\0\2" + bytes(20)),
            ("other", 0x88cc, bytes(46)), ("short", 0x800, b"\x4f")):
        yield name, b"\xff\1" + macs + struct.pack(">H", kind) + packet
        yield name + "-cut", b"\x20\x80" + macs + struct.pack(">H", kind) + packet


SEEDS = {"console": consoles, "net": nets, "scsi": scsis, "device": devices, "tar": tars, "partition": partitions, "split": rings, "packed": rings, "pci_layout": pci_layouts, "msix": msixs,
         "pci_scan": pci_scans, "fdt": trees, "acpi": acpis, "mptable": mptables,
         "cmdline": cmdlines, "vhost": vhosts, "http": requests, "frame": frames}


def requests():
    host = b"Host: ringlet\r\n"
    yield "plain", b"GET /index.html HTTP/1.1\r\n" + host + b"User-Agent: x\r\n\r\n"
    yield "two", (b"GET /a?b=c HTTP/1.1\r\n" + host + b"\r\n") * 2
    yield "old", b"\r\nHEAD / HTTP/1.0\nConnection: keep-alive, x\n\n"
    yield "dots", b"GET /a/./b/../../c%20d//e/.. HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    yield "out", b"GET /../x HTTP/1.1\r\n" + host + b"\r\n"
    yield "absolute", b"GET http://ringlet/x HTTP/1.1\r\n" + host + b"\r\n"
    yield "body", b"POST /x HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc"
    yield "chunked", b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "long", b"GET /" + b"a/" * 600 + b" HTTP/1.1\r\n" + host + b"\r\n"
    yield "full", b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 1500


def main():
    for target, seeds in SEEDS.items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds():
            (folder / f"seed-{name}").write_bytes(data)


if __name__ == "__main__":
    main()
