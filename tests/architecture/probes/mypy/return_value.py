def number() -> int:
    return "text"
