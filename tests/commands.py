# SPDX-License-Identifier: BSD-2-Clause
"""What a person types, and what the answer must be: the status, and a line. tools/run is given its
variables, and its input; a machine boots only where nothing is refused."""

import dataclasses
import itertools
import os
import pathlib
import re
import shlex
import socket
import subprocess

from ringlet.test import Failed

TOP = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 120


@dataclasses.dataclass(frozen=True)
class Typed:
    name: str
    words: str  # VARIABLE=value …, behind them a command; or tools/run
    status: int
    expect: str  # a regular expression
    input: str = ""


# What only a machine has, and another value than the one that it has when nothing is said.
MACHINE_ONLY = ("MACHINE=q35", "TRANSPORT=pci", "GIC=3", "SMP=4", "BUS=scsi", "QUEUES=4", "RW=1", "FWD=8080:80", "DUMP=1",
                "ACCEL=kvm", "QEMU=qemu", "QEMU_ARGS=-s", "KERNEL=a", "GDB=1")
# With this the kernel's command line has the 4095 characters that it may have.
LONGEST = '"echo ' + "a" * (4095 - len('app=shell -- "echo " "echo its end"')) + '" "echo its end"'

COMMANDS = (
    Typed("input-without-newline", "DISK=none", 0, r"^no newline$", "echo no newline"),
    Typed("input-with-newline", "ARCH=aarch64", 0, r"^two$", "echo one\necho two\n"),
    Typed("no-such-compiler", "make -n COMPILER=foo", 2, r"COMPILER=foo: there is gcc clang"),
    Typed("no-such-cc", "make -n CC=tcc", 2, r"COMPILER=tcc: there is gcc clang"),
    Typed("no-such-app", "make -n APPS=foo", 2, r"APPS=foo: there is .*disksum"),
    Typed("no-such-driver", "make -n DRIVERS=foo", 2, r"DRIVERS=foo: there is blk console iommu net rng scsi partition"),
    Typed("driver-missing", "make -n APPS=httpd DRIVERS=net", 2, r"httpd needs DRIVERS net rng"),
    Typed("driver-missing-app", "make -n run APP=netbench DRIVERS=blk", 2, r"netbench needs DRIVERS net"),
    Typed("too-little-memory-x86_64", "MEM=2", 2, r"^MEM=2: at least 3 on x86_64$"),
    Typed("too-little-memory-aarch64", "ARCH=aarch64 MEM=4", 2, r"^MEM=4: at least 5 on aarch64$"),
    Typed("least-memory-x86_64", "MEM=3 APP=hello", 71,
          r"^memory: too little.*\nEXIT: STATUS=71\nMEM=3: too little for these programs; without MEM= there are 64 MiB\n"),
    Typed("least-memory-aarch64", "ARCH=aarch64 MEM=5 APP=hello", 0, r"^hello from ringlet"),
    Typed("memory-in-order", "ARGS=lsmem", 0, r" RAM\n.* the kernel\n.* RAM\n\d+ KiB in all, "),
    Typed("line-of-255", "", 0, rf"^{'x' * 250}$", f"echo {'x' * 250}\n"),
    Typed("line-of-256", "", 0, r"^ringlet> echo x{250}\a\nshell: a line has 255 characters at most; this one was not run\n"
          r"ringlet> echo after\nafter$", f"echo {'x' * 251}\necho after\n"),
    Typed("line-much-too-long", "ARCH=aarch64", 0, r"^ringlet> echo x{250}\a\nshell: a line has 255 .*\n"
          r"ringlet> echo after\nafter$", f"echo {'x' * 3000}\necho after\n"),
    Typed("draft-is-kept", "", 0, r"^three$", "echo one\necho th\x10\x0eree\n"),
    Typed("help", "ARGS=help", 0, r"^lsvirtio\n(.*\n)*programs: bench .*\nrun echo: .*\n.*Ctrl-A x"),
    Typed("help-command", "ARGS='\"help rng\"'", 0, r"^rng \[COUNT\]; COUNT is 1 to 256$"),
    Typed("help-program", "ARGS='\"help iperf\"'", 0, r"reports in between\.\n(.*\n)*EXIT: STATUS=0$"),
    Typed("help-both", "ARGS='\"help echo\"'", 0, r"^echo \[WORD…\]\n.*\nwith run, echo is a program:\n\nThe echo service"),
    Typed("help-stranger", "ARGS='\"help nosuch\"'", 1, r"no program nosuch$"),
    Typed("limit-told", "ARGS='\"rng 0\"'", 2, r"^usage: rng \[COUNT\]; COUNT is 1 to 256$"),
    Typed("no-disk", "DISK=none APP=disksum", 1, r"^disksum: there is no disk$"),
    Typed("ls-no-disk", "DISK=none ARGS=ls", 1, r"^ls: /disk: no tar archive there$"),
    Typed("ls-elsewhere", "ARGS='\"ls /etc\"'", 1, r"^ls: /etc: no such file or folder; files are under /disk$"),
    Typed("cat-no-archive", "ARGS='\"cat /disk/vda/x\"'", 1, r"^cat: /disk/vda/x: no tar archive there"),
    Typed("part-stranger", "ARGS='\"part vdx\"'", 1, r"^part: there is no disk vdx$"),
    Typed("blk-stranger", "ARGS='\"blk read vda1 0\"'", 1, r"^blk: there is no disk vda1$"),
    Typed("blk-nothing", "ARGS='\"blk read vda 0 0\"'", 2,
          r"^usage: blk \[list\]\n(blk .*\n)+blk .*; COUNT is 1 or more"),
    Typed("blk-one-disk", "ARGS='\"blk info vda 1\"'", 2, r"^usage: blk \[list\]\nblk info \| id \| flush DISK\n"),
    Typed("blk-too-much", "ARGS='\"blk write vda 0 5\"'", 1, r"^blk: only 0 sectors have been read"),
    Typed("netbench-limits", "APP=netbench ARGS='-s 1515 net0 tx'", 2,
          r"^usage: netbench .*; FRAMES is 1 to 4294967295, BYTES 60 to 1514$"),
    Typed("netbench-silence", "APP=netbench ARGS='net0 rx'", 1,
          r"^netbench: nothing came for 5 s\nbench: net net0 rx .* n=0 errors=1$"),
    Typed("crash-elsewhere", "SMP=4 APP=crash ARGS='null 2'", 70, r"^crash: null\n+(EXCEPTION|exception): .* on CPU 2$"),
    Typed("flag-yes", "RW=yes", 2, r"^RW=yes: there is 0 1$"),
    Typed("flag-2", "TRACE=2", 2, r"^TRACE=2: there is 0 1$"),
    Typed("no-queues", "QUEUES=0 DISK=LICENSE", 2, r"^QUEUES=0: 1 to 64, of which"),
    Typed("many-queues", "QUEUES=99999 DISK=LICENSE", 2, r"^QUEUES=99999: 1 to 64, of which one a CPU is used$"),
    Typed("many-queues-scsi", "QUEUES=65 BUS=scsi", 2, r"^QUEUES=65: 1 to 64, of which one a CPU is used$"),
    Typed("no-cpu", "SMP=0", 2, r"^SMP=0: q35 takes 1 to 64 CPUs, and Ringlet runs 8 of them$"),
    Typed("many-cpus", "SMP=99", 2, r"^SMP=99: q35 takes 1 to 64 CPUs, and Ringlet runs 8 of them$"),
    Typed("many-cpus-gic2", "ARCH=aarch64 SMP=9", 2,
          r"^SMP=9: virt takes 1 to 8 CPUs with GIC=2, and Ringlet runs 8$"),
    Typed("more-cpus", "SMP=10 APP=hello", 0, r"^SMP=10: Ringlet runs 8 CPUs, 2 stay off\n(.*\n)*smp: 8 CPUs run, 2 stay off$"),
    Typed("most-cpus", "ARCH=aarch64 GIC=3 SMP=64 APP=hello", 0, r"^smp: 8 CPUs run, 56 stay off$"),
    Typed("no-such-net", "NET=tun", 2, r"^NET=tun: there is user none tap tap:INTERFACE$"),
    Typed("no-such-tap", "NET=tap:typo", 2, r"^NET=tap:typo: there is no interface typo; it is made by: ip tuntap add typo "),
    Typed("no-tap", "NET=tap:lo", 2, r"^NET=tap:lo: lo cannot be used: "),
    Typed("too-slow", "TIMEOUT=2 APP=iocheck ARGS='-t 60'", 124, r"^status 124 \(ended after TIMEOUT=2 seconds\)$"),
    Typed("gic-x86_64", "GIC=2", 2, r"^GIC=2: x86_64 has none$"),
    Typed("line-mmio", "ARCH=aarch64 IRQ=intx APP=lsvirtio", 0, r"^vda +mmio .* intx "),
    Typed("msix-mmio", "ARCH=aarch64 IRQ=msix", 2, r"^IRQ=msix: that is for PCI"),
    Typed("no-such-emulator", "QEMU=/nonexistent", 2, r"^QEMU=/nonexistent: no such program$"),
    Typed("padded-disk", "DISK=LICENSE APP=disksum", 0, r"^LICENSE: the last sector is padded"),
    Typed("forward-nonsense", "FWD=zz", 2, r"^FWD=zz: two ports"),
    Typed("forward-no-port", "FWD=8080:0", 2, r"^FWD=8080:0: two ports"),
    Typed("forward-nowhere", "NET=none FWD=8080:80", 2, r"^FWD=8080:80: NET=none forwards no ports, NET=user does$"),
    Typed("dump-nothing", "NET=none DUMP=1", 2, r"^DUMP=1: with NET=none there are no frames$"),
    *(Typed(f"host-{word.split('=')[0].lower()}", f"ARCH=host {word}", 2,
            rf"^{word}: ARCH=host is a process, which has none; it is for x86_64 and aarch64$") for word in MACHINE_ONLY),
    Typed("host-usual", "ARCH=host SMP=1 BUS=blk ACCEL=tcg DUMP=0 NET=none DISK=none APP=hello", 0, r"^hello from ringlet"),
    *(Typed(f"long-line-{arch}", f"ARCH={arch} APP=hello ARGS={'a' * 5000}", 2,
            r"^the kernel's command line has 50\d\d characters with these ARGS and KERNEL_ARGS: at most 4095$")
      for arch in ("x86_64", "aarch64", "host")),
    *(Typed(f"longest-line-{arch}", f"ARCH={arch} DISK=none NET=none ARGS='{LONGEST}'", 0, "^its end$")
      for arch in ("x86_64", "aarch64")),
    Typed("open-quote", "KERNEL_ARGS='a=\"b'", 2, r"^KERNEL_ARGS="),
    Typed("kernel-nonsense-x86_64", "KERNEL_ARGS='ring=nonsense deadline_ms=-3 trace=2 rnig=packed' APP=lsvirtio", 0,
          r"^ring=nonsense: there is split packed; split is used\n"
          r"deadline_ms=-3: a number from 250 to 3072000 is wanted; 30000 is used\n"
          r"trace=2: a number from 0 to 1 is wanted; 0 is used\n"
          r"cmdline: not known, and not used: rnig=packed\nvda .* split "),
    Typed("kernel-nonsense-aarch64", "ARCH=aarch64 KERNEL_ARGS='ring=nonsense deadline_ms=-3 trace=2 rnig=packed' APP=lsvirtio", 0,
          r"^ring=nonsense: there is split packed; split is used\n"
          r"deadline_ms=-3: a number from 250 to 3072000 is wanted; 30000 is used\n"
          r"trace=2: a number from 0 to 1 is wanted; 0 is used\n"
          r"cmdline: not known, and not used: rnig=packed\nvda .* split "),
    Typed("filter-broken", "tests/run.py --filter [ boot", 2, r"no regular expression"),
    Typed("filter-nothing", "tests/run.py --filter nosuch kit", 2, r"no test of kit"),
    Typed("jobs-none", "tests/run.py --jobs 0 kit", 2, r"at least 1"),
    Typed("junit-nowhere", "tests/run.py --junit /nonexistent/a.xml kit", 2, r"No such file"),
    Typed("soak-nothing", "tests/soak/soak.py reads 0", 2, r"^SECONDS=0: a number of at least 1 is wanted$"),
    Typed("short-run", "tools/evidence.py soak --done 1 --usual 60", 0, r"^docs/evidence.md stays as it is: .* 60 or more"),
    Typed("gdb-x86_64", "make -n gdb", 0, "'set architecture i386:x86-64'"),
    Typed("gdb-aarch64", "make -n gdb ARCH=aarch64", 0, "'set architecture aarch64'"),
)


def run(typed, build):
    """One command: its output; Failed when it is not as it must be."""
    words = shlex.split(typed.words)
    settings = list(itertools.takewhile(lambda word: re.match(r"[A-Z_]+=", word), words))
    command = words[len(settings):] or ["tools/run"]
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    environment |= {"O": str(build), "TIMEOUT": str(PATIENCE // 2)}
    environment |= dict(word.split("=", 1) for word in settings)
    try:
        done = subprocess.run(command, cwd=TOP, env=environment, input=typed.input, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                              check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"not done after {PATIENCE} seconds: {typed.words}") from late
    shown = f"{typed.words}\n{done.stdout}"
    if done.returncode != typed.status:
        raise Failed(f"status {done.returncode}, not {typed.status}", shown)
    if not re.search(typed.expect, done.stdout, re.MULTILINE):
        raise Failed(f"nothing that matches {typed.expect!r} was printed", shown)
    # What is refused before anything boots is one line, and maybe make's own behind it.
    lines = [line for line in done.stdout.splitlines() if not line.startswith("make:")]
    if typed.status == 2 and "EXIT: STATUS" not in done.stdout and len(lines) > 1:
        raise Failed(f"{len(lines)} lines instead of one", shown)
    return shown


def taken(build):
    """FWD= with a port of this machine that somebody else has: refused, with one that is free."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for end in (tcp, udp):
            end.bind(("127.0.0.1", 0))
        tcp.listen()
        stream, datagram = tcp.getsockname()[1], udp.getsockname()[1]
        return "\n".join(run(Typed("", f"FWD={words}", 2, expect), build) for words, expect in (
            (f"{stream}:80", rf"^port {stream} of this machine is taken: FWD=\d+:80 takes another one$"),
            (f"tcp:{stream}:80,udp:{datagram}:7", rf"^port {stream} .*: FWD=tcp:\d+:80,udp:{datagram}:7 takes"),
            (f"udp:{datagram}:7", rf"^port {datagram} of this machine is taken: FWD=udp:\d+:7 takes another one$")))
