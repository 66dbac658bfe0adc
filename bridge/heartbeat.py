"""Does the engine move? Judged by the heartbeat's time stamp and by the progress of its count.

The stamp alone is not enough: in another time namespace CLOCK_MONOTONIC differs, and a stamp far ahead would
look fresh for ever. So a count that stands still for longer than the limit is stale whatever the stamp says,
and a count seen to move within the limit is alive whatever the stamp says.
"""

from __future__ import annotations

from dataclasses import dataclass

# A stamp this far ahead of our clock is from another clock; less is the moment between two reads.
AHEAD_NS_MAX = 1_000_000_000


@dataclass
class Heartbeat:
    """What a reader has seen of one generation's heartbeat. Times are the reader's CLOCK_MONOTONIC."""

    _count: int = -1
    _count_since_ns: int = 0  # when this count was first seen
    _looked_ns: int = 0  # when the reader last looked
    _moved_after_ns: int | None = None  # the last beat came after this moment; None: never seen to move

    def look(self, count: int, stamp_ns: int, now_ns: int) -> int:
        """Age of the last beat in ns, as well as it can be known.

        Args:
            count, stamp_ns: heartbeat_count and heartbeat_mono_ns of the status block.
            now_ns: CLOCK_MONOTONIC of the reader.
        """
        if count != self._count:
            self._moved_after_ns = self._looked_ns if self._count >= 0 else None
            self._count, self._count_since_ns = count, now_ns
        self._looked_ns = now_ns
        stamp_age = now_ns - stamp_ns
        # Not older than this: it was seen to move after that moment.
        bound = now_ns - self._moved_after_ns if self._moved_after_ns is not None else None
        # Not younger than this: it has not moved since.
        still = now_ns - self._count_since_ns
        if stamp_age < -AHEAD_NS_MAX:
            age = bound if bound is not None else still
        else:
            age = stamp_age if bound is None else min(stamp_age, bound)
        return max(age, still, 0)
