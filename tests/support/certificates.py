"""Certificates for tests, by the openssl command: an authority, and what it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_DAYS = "30"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates, which lie in a folder of the test."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self.pair = _pair(folder, name)
        arguments = ["-x509", "-nodes", *_written(self.pair), "-subj", f"/CN={name}"]
        _openssl("req", "-newkey", "rsa:2048", "-days", _DAYS, *arguments)

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def sign(self, name: str, host: str = "127.0.0.1") -> Pair:
        pair = _pair(self._folder, name)
        arguments = ["-nodes", *_written(pair), "-subj", f"/CN={name}"]
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.pair.key)]
        extensions = ["-addext", f"subjectAltName=IP:{host}"]
        common = ["-x509", "-newkey", "rsa:2048", "-days", _DAYS]
        _openssl("req", *common, *arguments, *signer, *extensions)
        return pair


def encrypt(key: Path, password: str) -> Path:
    """Return a copy of a key that a password opens."""
    locked = key.with_suffix(".locked")
    options = ["-aes256", "-in", str(key), "-out", str(locked), "-passout", f"pass:{password}"]
    _openssl("rsa", *options)
    return locked


def _pair(folder: Path, name: str) -> Pair:
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def _written(pair: Pair) -> list[str]:
    return ["-keyout", str(pair.key), "-out", str(pair.certificate)]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
