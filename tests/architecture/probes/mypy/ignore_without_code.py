number: int = "text"  # type: ignore
