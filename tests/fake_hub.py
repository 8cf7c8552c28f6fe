"""A server on this computer that speaks as much of the Hugging Face hub as a download needs.

Source: https://huggingface.co/docs/hub/api, and what ``huggingface_hub`` asks for.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
_LARGE = 1000


def tensors(names: dict[str, tuple[int, ...]], filler: int = 7) -> bytes:
    """A ``.safetensors`` file in half precision."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in names.items():
        count = 2
        for side in shape:
            count *= side
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + count]}
        end += count
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes([filler]) * end


def sdxl_files(weight_bytes: int = 200_000) -> dict[str, bytes]:
    """What a repository of SDXL has, with networks far too small."""
    unet = tensors({"conv_in.weight": (weight_bytes // 2,)})
    small = tensors({"a": (600,)})
    index = {
        "_class_name": "StableDiffusionXLPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    }
    return {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"read me",
        "sd_xl_base_1.0.safetensors": b"everything once more" * 100,
        "unet/config.json": b'{"cross_attention_dim": 2048, "in_channels": 4}',
        "unet/diffusion_pytorch_model.fp16.safetensors": unet,
        "unet/diffusion_pytorch_model.safetensors": unet * 2,
        "unet/model.onnx": b"onnx" * 1000,
        "vae/config.json": b"{}",
        "vae/diffusion_pytorch_model.safetensors": small,
        "vae/diffusion_pytorch_model.bin": b"pickle" * 300,
        "text_encoder/config.json": b"{}",
        "text_encoder/model.fp16.safetensors": small,
        "text_encoder/pytorch_model.bin": b"pickle" * 300,
        "scheduler/scheduler_config.json": b'{"prediction_type": "epsilon"}',
        "tokenizer/vocab.json": b"{}",
        "tokenizer/merges.txt": b"#",
    }


def _git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass
class FakeHub:
    """What the hub has, and how badly it behaves.

    Attributes:
        files: of each repository
        break_after: bytes of a large file, after which the connection is cut, once for each entry
        status: of every file, in place of its bytes
        error_code: what the hub calls that
        spoilt: files that arrive with another content
        huge: files that say they are so many bytes
        slow_seconds: before each 16 KiB of a large file
        ignores_range: a part is answered with the whole
        ranges: what was asked for of large files
    """

    files: dict[str, dict[str, bytes]]
    break_after: list[int] = field(default_factory=list)
    status: int = 200
    error_code: str = ""
    spoilt: set[str] = field(default_factory=set)
    huge: dict[str, int] = field(default_factory=dict)
    slow_seconds: float = 0.0
    ignores_range: bool = False
    ranges: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def info(self, repository: str) -> dict[str, Any]:
        siblings = []
        for name, data in self.files[repository].items():
            sibling: dict[str, Any] = {
                "rfilename": name,
                "size": self.huge.get(name, len(data)),
                "blobId": _git_blob(data),
            }
            if len(data) > _LARGE:
                digest = hashlib.sha256(data).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": sibling["size"], "pointerSize": 130}
            siblings.append(sibling)
        return {"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(path)
        listing = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/\w+)?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(\w+)/(.+)", path)
        if listing:
            if listing[1] not in self.hub.files:
                return self._refuse(401, "RepoNotFound")
            return self._answer(200, json.dumps(self.hub.info(listing[1])).encode())
        if not file:
            return self._refuse(404, "EntryNotFound")
        if self.hub.status != 200:
            return self._refuse(self.hub.status, self.hub.error_code)
        return self._send_file(file[3], self.hub.files[file[1]][file[3]])

    do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

    def _send_file(self, name: str, data: bytes) -> None:
        if name in self.hub.spoilt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        start, status = 0, 200
        asked = self.headers.get("Range")
        if len(data) > _LARGE:
            self.hub.ranges.append(asked)
        if asked and not self.hub.ignores_range:
            start, status = int(asked.removeprefix("bytes=").split("-")[0]), 206
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", str(len(data) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        rest = data[start:]
        if len(data) > _LARGE and self.hub.break_after:
            self.wfile.write(rest[: self.hub.break_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        for place in range(0, len(rest), 16384):
            if len(data) > _LARGE:
                time.sleep(self.hub.slow_seconds)
            self.wfile.write(rest[place : place + 16384])

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": "no"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None: ...


@contextmanager
def hub(files: dict[str, dict[str, bytes]]) -> Generator[FakeHub]:
    """Be there until the block ends."""
    found = FakeHub(files)
    handler = type("Handler", (_Handler,), {"hub": found})
    server = _Server(("127.0.0.1", 0), handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
