"""A package index on loopback with small wheels, which can cut connections."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import zipfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class PackageIndex:
    """Serves the wheels of a folder.

    Attributes:
        cuts: how many bytes of each further file are sent before the connection is cut
        requests: the paths that were asked for
        gate: files are sent while it is set
    """

    folder: Path
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def pin(self, name: str, version: str) -> str:
        """Return a line for constraints, with the hash of the wheel."""
        wheel = self.folder / f"{name}-{version}-py3-none-any.whl"
        return f"{name}=={version} --hash=sha256:{sha256(wheel)}"


def environ_for(index: PackageIndex, cache: Path) -> dict[str, str]:
    """The variables of a machine whose pip is set to the index, and which has uv."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON", "UV_", "SCALEDIFF_"))
    }
    scripts = str(Path(sys.executable).parent)
    return kept | {
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index.url,
        "UV_CACHE_DIR": str(cache),
        "UV_HTTP_RETRIES": "0",
    }


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    size: int = 0,
    module: str = "",
    requires: str = "",
    programs: str = "",
) -> Path:
    """Write a wheel of one module and of one file with a size."""
    info = f"{name}-{version}.dist-info"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/__init__.py", module)
        archive.writestr(f"{name}/weights", b"w" * size)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += f"Requires-Dist: {requires}\n" if requires else ""
        archive.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        if programs:
            archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{programs}\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@contextmanager
def serving(folder: Path) -> Generator[PackageIndex]:
    """Serve a folder of wheels as a simple package index."""
    index = PackageIndex(folder)
    index.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.requests.append(self.path)
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple":
                wheels = sorted(folder.glob(f"{parts[1].replace('-', '_')}-*.whl"))
                names = [(wheel.name, sha256(wheel)) for wheel in wheels]
                links = [
                    f'<a href="/files/{name}#sha256={mark}">{name}</a>' for name, mark in names
                ]
                self._send("text/html", "".join(links).encode(), found=bool(wheels))
                return
            index.gate.wait()
            data = (folder / parts[1]).read_bytes()
            cut = index.cuts.pop(0) if index.cuts else len(data)
            self._send("application/octet-stream", data, sent=cut)

        def do_HEAD(self) -> None:
            self.do_GET()

        def _send(self, kind: str, data: bytes, *, found: bool = True, sent: int = -1) -> None:
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                with suppress(OSError):  # a client that was killed
                    self.wfile.write(data if sent < 0 else data[:sent])
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield index
    finally:
        index.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
