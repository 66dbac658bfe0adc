"""The `arbdeck` command."""


def main() -> None:
    print("arbdeck")
