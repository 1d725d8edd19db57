base = [1, 2]
more = base + [3]
