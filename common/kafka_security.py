"""Login to Kafka and trust in it, checked before anything connects."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import fields, validate

from common.settings import SettingsError, setting


@dataclass(frozen=True)
class KafkaSecurity:
    """The protocol, and what it needs."""

    protocol: str = setting(
        "KAFKA_SECURITY_PROTOCOL",
        fields.String(validate=validate.OneOf(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])),
        doc="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
        default="PLAINTEXT",
    )
    mechanism: str = setting(
        "KAFKA_SASL_MECHANISM",
        fields.String(validate=validate.OneOf(["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])),
        doc="`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; required with a SASL protocol.",
        default="",
    )
    username: str = setting(
        "KAFKA_SASL_USERNAME",
        fields.String(),
        doc="User name; required with a SASL protocol.",
        default="",
        secret=True,
    )
    password: str = setting(
        "KAFKA_SASL_PASSWORD",
        fields.String(),
        doc="Password; required with a SASL protocol.",
        default="",
        secret=True,
    )
    cafile: str = setting(
        "KAFKA_SSL_CAFILE",
        fields.String(),
        doc="PEM file of the certificate authorities to trust; empty: the system's.",
        default="",
    )
    certfile: str = setting(
        "KAFKA_SSL_CERTFILE",
        fields.String(),
        doc="PEM file of the client certificate; may hold its key as well.",
        default="",
    )
    keyfile: str = setting(
        "KAFKA_SSL_KEYFILE", fields.String(), doc="PEM file of the client key.", default=""
    )
    key_password: str = setting(
        "KAFKA_SSL_PASSWORD",
        fields.String(),
        doc="Password of the client key.",
        default="",
        secret=True,
    )
    check_hostname: bool = setting(
        "KAFKA_SSL_CHECK_HOSTNAME",
        fields.Boolean(),
        doc="Whether the broker's certificate must carry its host name.",
        default="true",
    )

    @property
    def login(self) -> bool:
        """Whether a user name and a password are asked for."""
        return self.protocol.startswith("SASL_")

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.protocol.endswith("SSL")

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments of every kafka-python client."""
        return {
            "security_protocol": self.protocol,
            "sasl_mechanism": self.mechanism or None,
            "sasl_plain_username": self.username or None,
            "sasl_plain_password": self.password or None,
            "ssl_cafile": self.cafile or None,
            "ssl_certfile": self.certfile or None,
            "ssl_keyfile": self.keyfile or None,
            "ssl_password": self.key_password or None,
            "ssl_check_hostname": self.check_hostname,
        }

    def check(self) -> None:
        """Raise SettingsError where these settings cannot work, or would be passed over."""
        login = {
            "KAFKA_SASL_MECHANISM": self.mechanism,
            "KAFKA_SASL_USERNAME": self.username,
            "KAFKA_SASL_PASSWORD": self.password,
        }
        files = {
            "KAFKA_SSL_CAFILE": self.cafile,
            "KAFKA_SSL_CERTFILE": self.certfile,
            "KAFKA_SSL_KEYFILE": self.keyfile,
            "KAFKA_SSL_PASSWORD": self.key_password,
        }
        self._require(login) if self.login else self._refuse(login, "logs in")
        self._check_files() if self.tls else self._refuse(files, "encrypts")

    def _require(self, given: Mapping[str, str]) -> None:
        for name, value in given.items():
            if not value:
                why = f"is required with KAFKA_SECURITY_PROTOCOL={self.protocol}"
                raise SettingsError(f"{name}: {why}")

    def _refuse(self, given: Mapping[str, str], does: str) -> None:
        for name, value in given.items():
            if value:
                why = f"is given, but KAFKA_SECURITY_PROTOCOL={self.protocol} never {does}"
                raise SettingsError(f"{name}: {why}")

    def _check_files(self) -> None:
        if self.cafile:
            _require_certificates("KAFKA_SSL_CAFILE", self.cafile)
        if self.certfile:
            _require_certificates("KAFKA_SSL_CERTFILE", self.certfile)
            self._check_key()
        elif self.keyfile or self.key_password:
            name = "KAFKA_SSL_KEYFILE" if self.keyfile else "KAFKA_SSL_PASSWORD"
            raise SettingsError(f"{name}: is given without KAFKA_SSL_CERTFILE")

    def _check_key(self) -> None:
        name, file = "KAFKA_SSL_KEYFILE", self.keyfile or self.certfile
        key = _readable(name, file)
        if b"PRIVATE KEY-----" not in key:
            missing = f"={file!r}: no PEM key is in it" if self.keyfile else ""
            raise SettingsError(f"{name}{missing or ': is required with KAFKA_SSL_CERTFILE'}")
        if b"ENCRYPTED" in key and not self.key_password:
            raise SettingsError(f"KAFKA_SSL_PASSWORD: is required, {file!r} is encrypted")
        try:
            # never without a password: OpenSSL would ask for it on the terminal
            _context().load_cert_chain(self.certfile, file, password=self.key_password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                message = f"{name}={file!r}: is not the key of KAFKA_SSL_CERTFILE={self.certfile!r}"
            elif b"ENCRYPTED" in key:
                message = f"KAFKA_SSL_PASSWORD=(secret): does not open {file!r}"
            else:
                message = f"{name}={file!r}: is no PEM key that can be used: {error}"
            raise SettingsError(message) from error


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _readable(name: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}={file!r}: cannot be read: {error.strerror}") from error


def _require_certificates(name: str, file: str) -> None:
    _readable(name, file)
    try:
        _context().load_verify_locations(file)
    except ssl.SSLError as error:
        raise SettingsError(f"{name}={file!r}: no PEM certificate is in it") from error
