"""The interrupt flag: one process-wide list that is empty while no run has anything to notice."""

from __future__ import annotations

# Compiled code tests its truth at function heads and loop turns; the host appends to it (see Run.interrupt).
FLAG: list[object] = []
