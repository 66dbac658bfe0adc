"""The `arbdeck` command."""

__all__ = ["main"]


def main() -> None:
    from dashboard.cli.app import app  # here, so that importing the package stays without effects

    app()
