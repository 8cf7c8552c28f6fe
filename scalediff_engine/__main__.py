"""``python -m scalediff_engine`` is ``scalediff``."""

from scalediff_engine.cli.main import run

if __name__ == "__main__":
    run()
