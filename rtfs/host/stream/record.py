"""What arrived and what was sent, a JSON line per frame, for `:record` (streaming.md §3.9)."""


class Recorder:
    def frame(self, direction: str, kind: str, data: object) -> None: ...
