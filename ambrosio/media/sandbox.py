"""What the media child may not do, even in the hands of the file it decodes.

Limits on memory, computing time, files and their size work on every Unix. On Linux on x86-64 and
ARM64, the kernel also refuses it sockets, other programs, and signals to and memory of other
processes (seccomp). It can still read files that its user can read: Python loads parts of itself
while it works. Elsewhere the limits are all there is, and nothing of ours opens a connection.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

# prctl(2) and seccomp(2), from Linux's headers.
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE_WITH_EPERM, REFUSE_WITH_ENOSYS = 0x00050001, 0x00050026
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, JUMP_IF_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_OFFSET, ARCHITECTURE_OFFSET, FIRST_ARGUMENT_OFFSET = 0, 4, 16
CLONE_THREAD = 0x10000
# x86-64 numbers from here on belong to another ABI, with the same calls under other numbers.
X32_BIT = 0x40000000
# The same number everywhere. Its flags are out of reach of a filter; libc falls back to clone.
CLONE3 = 435
# The kernel's name for an architecture; the number of clone there, which FFmpeg's threads need; and
# those of socket, connect, bind, listen, socketpair, fork and vfork (not on ARM64), execve,
# execveat, kill, tkill, ptrace, pidfd_open, pidfd_send_signal, process_vm_readv,
# process_vm_writev, io_uring_setup.
SYSTEM_CALLS = {
    "x86_64": (
        0xC000003E,
        56,
        (41, 42, 49, 50, 53, 57, 58, 59, 322, 62, 200, 101, 434, 424, 310, 311, 425),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (198, 203, 200, 201, 199, 221, 281, 129, 130, 117, 434, 424, 270, 271, 425),
    ),
}
MAX_OPEN_FILES = 32


def enter(parent_id: int, *, memory_bytes: int, cpu_seconds: int) -> None:
    """Give up what a decoder does not need; to be called once everything is imported."""
    _exit_with_parent(parent_id)
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        # It answers through a pipe and writes no files.
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    # The first limit says why (SIGXCPU), the second one cannot be caught.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    _refuse_system_calls()


def _exit_with_parent(parent_id: int) -> None:
    # Ctrl+C reaches the whole process group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_id:
            os._exit(0)


def _refuse_system_calls() -> None:
    if sys.platform != "linux" or platform.machine() not in SYSTEM_CALLS:
        return
    program = _filter_program(*SYSTEM_CALLS[platform.machine()])
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    filter_program = Program(len(program) // 8, ctypes.addressof(code))
    # A kernel without seccomp says no, and the limits have to do.
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0)


def _filter_program(architecture: int, clone: int, refused: tuple[int, ...]) -> bytes:
    """Assemble a BPF program that refuses some system calls and allows all others."""
    # The places of the four ways to go on, counted from the first of the tests below.
    allow = 3 + len(refused)
    refuse, not_there, only_threads = allow + 1, allow + 2, allow + 3
    tests = [
        (JUMP_IF_AT_LEAST, X32_BIT, refuse),
        (JUMP_IF_EQUAL, CLONE3, not_there),
        (JUMP_IF_EQUAL, clone, only_threads),
        *((JUMP_IF_EQUAL, number, refuse) for number in refused),
    ]
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_OFFSET),
        *(
            (jump, place - index - 1, 0, number)
            for index, (jump, number, place) in enumerate(tests)
        ),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE_WITH_EPERM),
        (RETURN, 0, 0, REFUSE_WITH_ENOSYS),
        (LOAD, 0, 0, FIRST_ARGUMENT_OFFSET),
        (JUMP_IF_BIT, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE_WITH_EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
