class Refusal(Exception):
    """The demo cannot go on; the text is the one line that says why and what to do."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
