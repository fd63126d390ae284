# SPDX-License-Identifier: BSD-2-Clause
"""The processes at the other end of a vhost-user socket, and the kernel as a process at this one."""

import contextlib
import os
import pathlib
import re
import threading
import time

from ringlet.test import Failed
from ringlet.vmm import TIMED_OUT, Process

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("O") or HERE.parent.parent / "build")
# The host port, as it is and with the address and undefined-behaviour sanitizers.
PROGRAMS = {"plain": BUILD / "host/ringlet/ringlet",
            "sanitized": BUILD / "sanitized/host/ringlet/ringlet"}
PATIENCE = 240  # seconds, for a peer to come up on a busy machine


def plain(output):
    return output.decode(errors="replace").replace("\r\n", "\n")


class Peer(Process):
    """A process whose output is collected as it comes."""

    def __init__(self, command, **options):
        super().__init__([str(word) for word in command], **options)
        self.reader = threading.Thread(target=self.run, daemon=True)
        self.reader.start()

    def text(self):
        return plain(self.output)

    def wait_for(self, what, condition, seconds=PATIENCE):
        """Waits until the condition, a function of the output so far, holds."""
        end = time.monotonic() + seconds
        while not condition(self.text()):
            if time.monotonic() > end or not self.reader.is_alive():
                raise Failed(f"{what}: not within {seconds} seconds", self.text())
            time.sleep(0.02)

    def __exit__(self, *exception):
        self.kill()
        self.reader.join(PATIENCE)
        super().__exit__(*exception)


@contextlib.contextmanager
def storage_daemon(socket, image, queues=1):
    """qemu-storage-daemon with that raw image as a disk at the socket."""
    command = ["qemu-storage-daemon",
               "--blockdev", f"driver=file,node-name=file,filename={image}",
               "--blockdev", "driver=raw,node-name=disk,file=file",
               "--export", "type=vhost-user-blk,id=export,node-name=disk,writable=on,"
                           f"num-queues={queues},addr.type=unix,addr.path={socket}"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(socket)
    with Peer(command) as daemon:
        daemon.wait_for("the storage daemon listens", lambda _: os.path.exists(socket))
        yield daemon


@contextlib.contextmanager
def backend(socket, *arguments):
    """Our own: see backend.py."""
    with Peer([HERE / "backend.py", socket, *arguments]) as peer:
        peer.wait_for("the back end listens", lambda text: "listening" in text)
        yield peer


class Switch(Peer):
    """dpdk-testpmd with one port: it takes what is sent to it, sends, or sends all back.

    The port is the back end at the socket, or with `front` (options of DPDK's own driver) a front end to it.
    """

    MODES = {"take": "rxonly", "send": "txonly", "return": "io"}

    def __init__(self, socket, folder, front=None, cpu=None, queues=1):
        cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0)))
        port = f"net_vhost0,iface={socket},queues={queues}" if front is None else \
            f"net_virtio_user0,path={socket},queues={queues},{front}"
        super().__init__(
            ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@({cpus}),1@({cpus if cpu is None else cpu})",
             "--no-huge", "-m", "256", "--no-pci",
             "--no-telemetry", "--file-prefix", f"ringlet-{os.getpid()}-{id(self)}",
             "--vdev", port, "--",
             "-i", "--nb-cores=1", f"--rxq={queues}", f"--txq={queues}", "--total-num-mbufs=2048", "--port-topology=loop"],
            stdin=-1, environment=dict(os.environ, RUNTIME_DIRECTORY=str(folder)))
        self.wait_for("the packet switch is ready", lambda text: "testpmd>" in text)

    def tell(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.process.stdin.flush()

    def mode(self, mode):
        began = self.text().count("packet forwarding - ports=1")
        self.tell("stop", f"set fwd {self.MODES[mode]}", "start")
        self.wait_for("the packet switch has started",
                      lambda text: text.count("packet forwarding - ports=1") > began)

    def counters(self):
        """Frames that it has received and sent, in all; asked until they stand still, because it counts
        a little later than it gives buffers back."""
        last, now = None, self.counters_now()
        while now != last:
            time.sleep(0.2)
            last, now = now, self.counters_now()
        return now

    def counters_now(self):
        return self.statistics("packets")

    def rates(self, seconds):
        """Frames that it receives and sends a second, as it counts them itself."""
        self.statistics("pps")
        time.sleep(seconds)
        return self.statistics("pps")

    def statistics(self, what):
        asked = self.text().count("NIC statistics for port 0")
        self.tell("show port stats all")
        self.wait_for("the packet switch counts",
                      lambda text: text.count("NIC statistics for port 0") > asked and
                      "Tx-bps" in text.rpartition("NIC statistics for port 0")[2])
        last = self.text().rpartition("NIC statistics for port 0")[2]
        return tuple(int(re.search(rf"{way}-{what}: +(\d+)", last, re.IGNORECASE)[1])
                     for way in ("RX", "TX"))


def ringlet(build, words, timeout):
    """Runs the kernel as a process, with that command line: (status, output)."""
    with Process([str(PROGRAMS[build]), words]) as process:
        code = process.run(timeout)
        text = plain(process.output)
    return TIMED_OUT if process.timed_out else code, f"{words}\n{text}"
