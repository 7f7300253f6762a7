"""How many files, and with them connections, this process may have open."""

from __future__ import annotations


def allow_open_files(count: int) -> int:
    """Raise the limit of open files to so many, as far as the system permits; the limit that holds.

    Shells start programs with 256 (macOS) or 1,024 (Linux), and permit more to who asks.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return count
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return count
    allowed = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
