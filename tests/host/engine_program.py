"""An engine with the real worker, and a user without a screen: ``engine_program.py HOME USER``.

In place of the dialog a program answers as the file USER says, see ``user.py``; if USER begins with
``person:``, somebody uses the real dialog, see ``person.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scalediff_engine.server import engine as engine_module
from scalediff_engine.server.dialog import let_children_find_us
from scalediff_engine.server.engine import EnginePatience, build_engine
from scalediff_engine.server.problems import application_of
from scalediff_engine.server.serve import Application, ServeOptions, ServerEndpoint, serve
from scalediff_engine.server.sessions import SessionPatience

HERE = Path(__file__).parent
PERSON = "person:"
# Whoever is gone is waited for less long than usual, as each test of it has to wait too.
PATIENCE = EnginePatience(first_watcher=8.0, watcher_gone=2.0, sessions=SessionPatience(gone=3.0))


def main() -> int:
    home, said, *worker = sys.argv[1:]
    let_children_find_us()
    is_person = said.startswith(PERSON)
    program = HERE / ("person.py" if is_person else "user.py")
    engine_module.dialog_argv = lambda: [sys.executable, str(program), said[said.find(":") + 1 :]]

    def create(endpoint: ServerEndpoint) -> Application:
        made = build_engine(endpoint.home, endpoint.token, PATIENCE, worker=worker or None)
        return application_of(made, endpoint)

    return serve(ServeOptions(Path(home), idle_seconds=0), create)


if __name__ == "__main__":
    sys.exit(main())
