"""How fast rtfs is, as ratios to hand-written Python doing the same work in the same process."""
