# SPDX-License-Identifier: BSD-2-Clause
"""What is said to a QEMU that runs: one QMP command at a time."""

import json
import socket


def ask(socket_path, command, /, **arguments):
    """One command at the socket: what it returns. OSError when nobody answers; RuntimeError when it is refused."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(socket_path))
        with connection.makefile("rw", encoding="utf-8") as stream:
            stream.readline()  # it greets
            for execute, more in (("qmp_capabilities", {}), (command, arguments)):
                stream.write(json.dumps({"execute": execute, "arguments": more}) + "\n")
                stream.flush()
                while "event" in (answer := json.loads(stream.readline())):
                    pass
                if "error" in answer:
                    raise RuntimeError(f"{execute}: {answer['error']['desc']}")
    return answer["return"]
