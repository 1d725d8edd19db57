"""`runtime.learning.fallback {:capability :pass-original-args?}`: another capability answers when this one fails."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field, recovering
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 30
FIELDS = {"capability": Field("capability", ...), "pass-original-args": Field("boolean", True)}


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    other, same_arguments = options["capability"], options["pass_original_args"]

    def instead(failure: RtfsError, call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Make the other call, under the same rules and without the hints of this one."""
        given = call.args if same_arguments else ()
        key = call.metadata.idempotency_key
        metadata = call.metadata.replace(hints=None, idempotency_key=key and f"{key}/fallback")
        try:
            result = way.host.dispatch(call.replace(capability_id=other, args=given, metadata=metadata))
        except RtfsError as error:
            raise explained(error, failure) from failure
        return awaited(result, failure) if type(result) is CoroutineType else result

    async def awaited(work: Any, failure: RtfsError) -> Any:
        try:
            return await work
        except RtfsError as error:
            raise explained(error, failure) from failure

    def explained(error: RtfsError, failure: RtfsError) -> RtfsError:
        error.notes.append(f"it was the fallback of '{way.id}', which failed: {failure.message}")
        return error

    return recovering(inner, instead)
