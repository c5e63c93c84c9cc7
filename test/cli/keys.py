"""Runs a program in a terminal of its own, presses keys, prints what the terminal was last shown.

    keys.py COLUMNS ROWS KEYS PROGRAM ARGUMENT...

Each key comes 0.5 s after the one before; then the program has 5 s to end, or is killed. A last line
tells its exit code and how many times it drew.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

columns, rows, keys = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execv(sys.argv[4], sys.argv[4:])
shown = b""


def read_for(seconds):
    """Reads what comes; False when the program has closed its terminal."""
    global shown
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                return False
            if not data:
                return False
            shown += data
    return True


read_for(0.7)
for key in keys:
    os.write(terminal, key.encode())
    read_for(0.5)
if read_for(5 if keys.endswith("q") else 0):
    os.kill(pid, 15)
    read_for(2)
_, status = os.waitpid(pid, 0)
frames = shown.decode(errors="replace").split("\x1b[H")
print(frames[-1])
restored = shown.rstrip().endswith(b"\x1b[?1049l")
print(f"exit {os.waitstatus_to_exitcode(status)} frames {len(frames) - 1} restored {restored}")
