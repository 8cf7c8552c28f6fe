"""``python -m scalediff_engine.worker``: started by the engine, see ``jobs.worker_process``."""

from scalediff_engine.worker.process import run

if __name__ == "__main__":
    run()
