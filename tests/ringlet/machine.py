# SPDX-License-Identifier: BSD-2-Clause
"""What a machine is: a description that no virtual machine monitor is mentioned in."""

import dataclasses

# What there is: for each architecture its machines, and the transports of each, the default first.
MACHINES = {
    "x86_64": {"q35": ("pci",), "pc": ("pci",), "microvm": ("mmio",)},
    "aarch64": {"virt": ("mmio", "pci")},
}
# MiB below which the emulator or its firmware does not even start the kernel; from there on the kernel
# itself says that it needs more.
LEAST_MEMORY = {"x86_64": 3, "aarch64": 5}
# CPUs: what Ringlet runs (CPU_MAX), what it is tried with, and where interrupts have room for fewer.
MOST_RUNNING, MOST_CPUS, MOST_CPUS_GIC2 = 8, 64, 8
RINGS = ("split", "packed")
# How a device interrupts; none of these: the best that there is. intx is a line, also that of a device on
# MMIO, as lsvirtio names it.
IRQS = ("", "msix", "intx", "poll")
GICS = ("2", "3")


class Refused(Exception):
    """A machine that does not exist; the text is one line that says which ones do."""


@dataclasses.dataclass(frozen=True)
class Machine:
    arch: str = "x86_64"
    machine: str = ""  # the first of MACHINES[arch]
    transport: str = ""  # the first that the machine has
    ring: str = "split"
    irq: str = ""
    gic: str = ""  # where there is one, the first of GICS
    smp: int = 1
    mem: int = 64  # MiB
    root_port: bool = False  # the devices stand behind a PCI Express root port
    options: str = ""  # more of the VMM's options for the machine: "highmem=off,its=off"
    device_options: str = ""  # and for each virtio device: "disable-modern=on"
    iommu: str = ""  # a device before all others: "intel-iommu"
    legacy_mmio: bool = False  # virtio-mmio as before VIRTIO 1.0

    def checked(self):
        """The same machine with its defaults filled in; Refused where there is none such."""
        if self.arch not in MACHINES:
            raise Refused(f"ARCH={self.arch}: there is {' '.join(MACHINES)}")
        machines = MACHINES[self.arch]
        machine = self.machine or next(iter(machines))
        if machine not in machines:
            raise Refused(f"MACHINE={machine}: {self.arch} has {' '.join(machines)}")
        transport = self.transport or machines[machine][0]
        if transport not in machines[machine]:
            raise Refused(f"TRANSPORT={transport}: {machine} has {' '.join(machines[machine])}")
        if self.ring not in RINGS:
            raise Refused(f"RING={self.ring}: there is {' '.join(RINGS)}")
        if self.irq not in IRQS:
            raise Refused(f"IRQ={self.irq}: there is {' '.join(IRQS[1:])}")
        if transport == "mmio" and self.irq == "msix":
            raise Refused("IRQ=msix: that is for PCI; TRANSPORT=mmio has its line (IRQ=intx), or IRQ=poll")
        if self.gic and self.arch != "aarch64":
            raise Refused(f"GIC={self.gic}: {self.arch} has none")
        gic = self.gic or (GICS[0] if self.arch == "aarch64" else "")
        if gic not in ("", *GICS):
            raise Refused(f"GIC={gic}: there is {' '.join(GICS)}")
        most = MOST_CPUS_GIC2 if gic == "2" else MOST_CPUS
        if not 1 <= self.smp <= most:
            raise Refused(f"SMP={self.smp}: {machine} takes 1 to {most} CPUs{' with GIC=2' if gic == '2' else ''}, "
                          f"and Ringlet runs {MOST_RUNNING}" + (" of them" if most > MOST_RUNNING else ""))
        if self.mem < LEAST_MEMORY[self.arch]:
            raise Refused(f"MEM={self.mem}: at least {LEAST_MEMORY[self.arch]} on {self.arch}")
        return dataclasses.replace(self, machine=machine, transport=transport, gic=gic)

    def kernel_options(self):
        """What the kernel must be told, on its command line, to use the machine as described."""
        return [option for option, wanted in (("ring=packed", self.ring == "packed"),
                                              ("irq=poll", self.irq == "poll")) if wanted]


@dataclasses.dataclass(frozen=True)
class Disk:
    path: str
    format: str = "raw"
    writable: bool = False  # otherwise what is written is thrown away at the end
    read_only: bool = False  # the device says so
    options: str = ""  # of the device: "logical_block_size=4096"
    driver: str = ""  # of what stands between: "blkdebug:CONFIG"
    scsi: str = ""  # "TARGET:UNIT": behind a virtio-scsi device, one for all of them
    kind: str = "hd"  # there: or "cd"; without a path, one without a medium
    drive: str = ""  # of the host's side: "discard=unmap"


@dataclasses.dataclass(frozen=True)
class Guest:
    """What the machine is to run."""
    kernel: str
    command_line: str = ""
    disks: tuple = ()
    net: str = "none"  # or "user", or "tap:INTERFACE"
    forward: str = ""  # with net "user": HOST:GUEST TCP ports, udp:HOST:GUEST; several with commas between
    dump: str = ""  # a file that gets all frames
    rng: bool = True
    # Instead of a kernel: files that are put into memory, (path, address), and the CPU starts at the
    # first one.
    memory: tuple = ()
    scsi: str = ""  # options of the virtio-scsi device of the disks: "num_queues=4"
