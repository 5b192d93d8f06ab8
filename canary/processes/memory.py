"""What a process keeps of memory that it does not need any more."""

import ctypes
import resource
from contextlib import suppress

_MMAP_THRESHOLD = -3
_LARGE = 1 << 20


def give_large_blocks_back() -> None:
    """Let the C library give blocks of a megabyte and more back to the system as soon as they are free.

    By itself glibc keeps blocks up to 32 MB once one of that size was freed (mallopt(3), M_MMAP_THRESHOLD), so that a
    worker grows by the large mails that each of its threads has seen. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)


def forbid_core_dumps() -> None:
    """Let no crash write the memory of this process to a disk: it may hold the passwords of an export (core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
