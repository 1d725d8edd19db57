squares = list(x * x for x in range(3))
