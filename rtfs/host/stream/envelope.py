"""What `next` answers with `:envelope true`: items with what is known of them, or why there is none (§3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.lifecycle import ERROR
from rtfs.lang.collections import vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.outputs import Output
    from rtfs.host.stream.owner import Owner

ITEM, TIMEOUT, END = Keyword("item"), Keyword("timeout"), Keyword("end")


def enveloped(owner: Owner, found: list[Output], most: int, dropped: int) -> Any:
    """One envelope, or a vector of them where several items were asked for. dropped: outputs that were missed."""
    if not found:
        failed = owner.outputs.ended and owner.status is ERROR
        state = ERROR if failed else END if owner.outputs.ended else TIMEOUT
        return keyed(status=state, item=None, output_seq=None, meta=None, dropped=dropped, error=owner.error)
    envelopes = [
        keyed(
            status=ITEM,
            item=output.value,
            output_seq=output.output_seq,
            meta=output.about(owner.id),
            dropped=dropped if index == 0 else 0,
            error=None,
        )
        for index, output in enumerate(found)
    ]
    return vector(envelopes) if most > 1 else envelopes[0]
