names: list = []
