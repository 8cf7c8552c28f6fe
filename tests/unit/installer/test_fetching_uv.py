"""Fetching uv from an index on loopback, with what networks do to it."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from package_index import PackageIndex, serving

from installer.core import download
from installer.core.download import (
    UV_VERSION,
    IndexSettings,
    fetch_uv,
    find_uv,
    read_index_settings,
)
from installer.core.errors import Cancelled, InstallError, Unreachable

NAME = f"uv-{UV_VERSION}-py3-none-any.whl"
PROGRAM = f"#!/bin/sh\necho uv {UV_VERSION}\n".encode() + b"#" * 500_000


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[PackageIndex]:
    folder = tmp_path / "wheels"
    folder.mkdir()
    program = "uv.exe" if sys.platform == "win32" else "uv"
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        archive.writestr(f"uv-{UV_VERSION}.data/scripts/{program}", PROGRAM)
    sha256 = hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    monkeypatch.setattr(download, "uv_wheel", lambda: (NAME, sha256))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(folder) as running:
        yield running


def ignore(done: int, total: int) -> None:
    assert 0 < done <= total


def test_uv_is_fetched_by_name_and_bytes_and_found_afterwards(
    index: PackageIndex, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    tools = tmp_path / "tools"
    assert find_uv(tools, {"PATH": ""}) is None

    uv = fetch_uv(tools, IndexSettings(index.url), {}, lambda *now: seen.append(now))

    assert uv.read_bytes() == PROGRAM
    assert os.access(uv, os.X_OK)
    assert seen[-1][0] == seen[-1][1] == (index.folder / NAME).stat().st_size
    assert find_uv(tools, {"PATH": ""}) == uv
    assert [path.name for path in uv.parent.iterdir()] == [uv.name]


def test_a_cut_connection_is_tried_again(index: PackageIndex, tmp_path: Path) -> None:
    index.cuts[:] = [1000, 400_000]

    uv = fetch_uv(tmp_path, IndexSettings(index.url), {}, ignore)

    assert uv.read_bytes() == PROGRAM


def test_a_connection_that_is_always_cut_leaves_nothing(
    index: PackageIndex, tmp_path: Path
) -> None:
    index.cuts[:] = [1000] * 9

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        fetch_uv(tmp_path / "tools", IndexSettings(index.url), {}, ignore)

    assert not [path for path in (tmp_path / "tools").rglob("*") if path.is_file()]


def test_another_file_of_that_name_is_refused(
    index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "uv_wheel", lambda: (NAME, "0" * 64))

    with pytest.raises(InstallError, match="its SHA-256 differs"):
        fetch_uv(tmp_path / "tools", IndexSettings(index.url), {}, ignore)

    assert find_uv(tmp_path / "tools", {"PATH": ""}) is None


def test_a_download_that_is_cancelled_leaves_nothing(index: PackageIndex, tmp_path: Path) -> None:
    def cancel(_done: int, _total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fetch_uv(tmp_path / "tools", IndexSettings(index.url), {}, cancel)

    assert not [path for path in (tmp_path / "tools").rglob("*") if path.is_file()]


def test_a_folder_of_wheels_serves_without_a_network(index: PackageIndex, tmp_path: Path) -> None:
    settings = IndexSettings(find_links=(str(index.folder),), offline=True)

    assert fetch_uv(tmp_path, settings, {}, ignore).read_bytes() == PROGRAM
    assert index.requests == []


def test_an_index_that_does_not_answer_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = IndexSettings(f"http://127.0.0.1:{unused.getsockname()[1]}/simple")
        with pytest.raises(Unreachable, match="or set HTTPS_PROXY to your proxy"):
            fetch_uv(tmp_path, settings, {}, ignore)


def test_a_certificate_that_the_system_does_not_trust_is_a_sentence(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except OSError:
        pytest.skip("there is no openssl to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake_hands() -> None:
            connection = server.accept()[0]
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

        thread = threading.Thread(target=shake_hands)
        thread.start()
        settings = IndexSettings(f"https://localhost:{server.getsockname()[1]}/simple")
        with pytest.raises(InstallError, match=r"localhost is not trusted .*set SSL_CERT_FILE"):
            fetch_uv(tmp_path, settings, {}, ignore)
        thread.join()


@pytest.mark.parametrize(
    ("version", "serves"),
    [(UV_VERSION, True), ("0.13.99", True), ("0.13.0", False), ("0.14.0", False), ("0.4", False)],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for uv")
def test_the_machines_own_uv_serves_if_it_is_of_the_tested_series(
    tmp_path: Path, version: str, serves: bool
) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\necho 'uv {version} (x)'\n")
    program.chmod(0o755)

    found = find_uv(tmp_path / "tools", {"PATH": str(tmp_path)})

    assert found == (program if serves else None)


def test_what_pip_is_set_to_holds_for_uv(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://mirror.example/simple/\n"
        "extra-index-url =\n    https://a.example/simple\n    https://b.example/simple\n"
        "[install]\nfind-links = /wheels\ncert = /company.pem\n"
    )

    settings = read_index_settings({"PIP_CONFIG_FILE": str(file)})
    variables = settings.for_uv({})

    assert variables["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert variables["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert variables["UV_FIND_LINKS"] == "/wheels"
    assert variables["SSL_CERT_FILE"] == "/company.pem"


def test_variables_win_over_files_and_those_of_uv_over_those_of_pip(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    environ = {"PIP_CONFIG_FILE": str(file), "PIP_INDEX_URL": "https://other.example/simple"}

    assert read_index_settings(environ).index == "https://other.example/simple"
    chosen = {"UV_DEFAULT_INDEX": "https://third.example/simple"}
    assert read_index_settings(environ | chosen).index == "https://third.example/simple"
    assert "UV_DEFAULT_INDEX" not in read_index_settings(environ).for_uv(chosen)


def test_a_damaged_file_of_pip_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("index-url without a section")

    assert read_index_settings({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}) == IndexSettings()


def test_a_proxy_of_the_system_reaches_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        download.urllib.request, "getproxies", lambda: {"https": "http://proxy.example:3128"}
    )

    assert IndexSettings().for_uv({})["HTTPS_PROXY"] == "http://proxy.example:3128"
