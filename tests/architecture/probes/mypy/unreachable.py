def sign(x: int) -> str:
    if isinstance(x, str):
        return "never"
    return "ok"
