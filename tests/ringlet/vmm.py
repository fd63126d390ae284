# SPDX-License-Identifier: BSD-2-Clause
"""How a virtual machine monitor starts a machine, how it is ended, what its exit status means.

There is one so far, QEMU. Another one is a class with the same three methods.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time

TIMED_OUT = 124
NO_VERDICT = 125  # ended without the kernel's last line

LAST_LINE = re.compile(rb"^EXIT: STATUS=(\d+)\s*$", re.MULTILINE)


class Qemu:
    def __init__(self, accel="tcg", program="", arguments=""):
        self.accel, self.program, self.arguments = accel, program, shlex.split(arguments)

    def command(self, machine, guest, console="stdio"):
        """The command line; `machine` is checked()."""
        def name(path):  # a comma in a file's name is doubled
            return path.replace(",", ",,")

        arm = machine.arch == "aarch64"
        kind = machine.machine
        if arm:
            kind += f",gic-version={machine.gic}"
        elif kind == "microvm":
            kind += ",acpi=off"  # then the devices are on the kernel's command line
        kind += "," + machine.options if machine.options else ""

        command = [self.program or f"qemu-system-{machine.arch}", "-M", kind, "-accel", self.accel,
                   "-m", str(machine.mem), "-smp", str(machine.smp), "-nodefaults", "-no-reboot",
                   "-display", "none", "-serial", console]
        if self.accel != "tcg":
            command += ["-cpu", "host"]
        elif arm:
            command += ["-cpu", "cortex-a72"]  # the default one has 32 bits
        if arm:
            command += ["-semihosting-config", "enable=on,target=native"]
        else:
            command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
            command += ["-boot", "strict=on"]  # or the BIOS tries disks: five seconds for a drive without a medium
        if machine.transport == "mmio" and not machine.legacy_mmio:
            command += ["-global", "virtio-mmio.force-legacy=false"]
        if guest.memory:
            for number, (path, address) in enumerate(guest.memory):
                start = "cpu-num=0" if number == 0 else "force-raw=on"
                command += ["-device", f"loader,file={name(path)},addr={address:#x},{start}"]
        else:
            command += ["-kernel", guest.kernel, "-append", guest.command_line]
        devices, units = [], []
        for number, disk in enumerate(guest.disks):
            drive = f"if=none,id=disk{number},format={disk.format},file={disk.driver}" + \
                name((":" if disk.driver else "") + disk.path)
            drive += "" if disk.writable else ",readonly=on" if disk.read_only else ",snapshot=on"
            drive += "," + disk.drive if disk.drive else ""
            command += ["-drive", drive] if disk.path else []
            if disk.scsi:
                units += ["-device", self.unit(number, disk)]
            else:
                devices.append((f"virtio-blk,drive=disk{number}", disk.options))
        if units or guest.scsi:
            devices.append(("virtio-scsi,id=scsi0", guest.scsi))
        if guest.net.startswith("tap"):
            interface = guest.net.partition(":")[2] or "tap0"
            command += ["-netdev", f"tap,id=net0,ifname={interface},script=no,downscript=no"]
        if guest.net == "user":
            forwards = [part.split(":") for part in guest.forward.split(",") if part]
            command += ["-netdev", "user,id=net0" + "".join(
                f",hostfwd={(*protocol, 'tcp')[0]}:127.0.0.1:{outer}-:{inner}"
                for *protocol, outer, inner in forwards)]
        if guest.net != "none":
            command += ["-object", f"filter-dump,id=dump0,netdev=net0,file={name(guest.dump)}"] if guest.dump else []
            devices.append(("virtio-net,netdev=net0", "romfile=" if machine.transport == "pci" else ""))
        if guest.rng:
            devices.append(("virtio-rng", ""))
        # virt gives the first device its last MMIO slot: this way vda is the first disk.
        if arm and machine.transport == "mmio":
            devices.reverse()
        command += ["-device", machine.iommu] if machine.iommu else []
        for number, (device, options) in enumerate(devices):
            if machine.root_port:
                command += ["-device", f"pcie-root-port,id=port{number},chassis={number}"]
            command += ["-device", self.device(machine, number, device, options)]
        return command + units + self.arguments

    @staticmethod
    def unit(number, disk):
        """A unit of the virtio-scsi device; QMP knows it by its id."""
        target, unit = disk.scsi.split(":")
        words = [f"scsi-{disk.kind},bus=scsi0.0,channel=0,scsi-id={target},lun={unit},id=unit{number}",
                 f"drive=disk{number}" if disk.path else "", disk.options]
        return ",".join(word for word in words if word)

    @staticmethod
    def device(machine, number, device, options):
        driver, _, rest = device.partition(",")
        words = [driver + ("-pci" if machine.transport == "pci" else "-device"), rest, options,
                 machine.device_options]
        if machine.transport == "pci":
            words.append("vectors=0" if machine.irq == "intx" else "")
            words.append(f"bus=port{number}" if machine.root_port else "")
        words.append("packed=on" if machine.ring == "packed" else "")
        return ",".join(word for word in words if word)

    @staticmethod
    def status(machine, code, output):
        """The guest's status, from the exit code and what was on the console."""
        lines = LAST_LINE.findall(output)
        if not lines:
            return NO_VERDICT
        said = int(lines[-1])
        # isa-debug-exit: (status << 1) | 1; semihosting: the status; any other way off: 0.
        told = code >> 1 if machine.arch == "x86_64" and code & 1 else code
        return said if code == 0 or told == said else NO_VERDICT


class Process:
    """A process that ends when this object's `with` does, whatever happens."""

    running = set()

    def __init__(self, command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, group=True,
                 environment=None):
        # When we are killed with no chance to clean up, the kernel ends it for us.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self.group = group
        self.process = subprocess.Popen(guard + command, stdin=stdin, stdout=subprocess.PIPE,
                                        stderr=stderr, start_new_session=group, env=environment)
        self.output = bytearray()
        self.timed_out = False
        Process.running.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.process.wait()
        self.process.stdout.close()
        Process.running.discard(self)

    @classmethod
    def kill_all(cls):
        """Ends what other threads started, when this one has been told to stop."""
        for process in list(cls.running):
            process.kill()

    def kill(self):
        if self.process.poll() is None or self.group:
            try:
                if self.group:
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()
            except ProcessLookupError:
                pass

    def run(self, timeout=None, sink=None):
        """Collects the output until the process ends; `sink` gets each piece as it comes. The exit
        code."""
        def expire():
            self.timed_out = True
            self.kill()

        timer = threading.Timer(timeout, expire) if timeout else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            while piece := self.process.stdout.read1(65536):
                self.output += piece
                if sink:
                    sink(piece)
            return self.process.wait()
        finally:
            if timer:
                timer.cancel()


def image_format(path):
    """raw, qcow2 …, as qemu-img sees it."""
    info = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], capture_output=True,
                          check=False)
    if info.returncode:
        raise OSError(info.stderr.decode(errors="replace").strip())
    return json.loads(info.stdout)["format"]


def boot(vmm, machine, guest, timeout):
    """Boots and waits for the end: (status, output as text, seconds)."""
    start = time.monotonic()
    with Process(vmm.command(machine, guest)) as process:
        code = process.run(timeout)
        text = process.output.decode(errors="replace").replace("\r\n", "\n")
        status = TIMED_OUT if process.timed_out else vmm.status(machine, code, bytes(text, "utf-8"))
    return status, text, time.monotonic() - start

