"""A broker that asks for certificates, logins and rights, each on a listener of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import Authority, Pair
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.properties import HOST
from verification.run.ports import free_port

USER, PASSWORD = "bidder", "s3cret"
_PROTOCOLS = {
    "BROKER": "PLAINTEXT",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "MISNAMED": "SSL",
    "LOGIN": "SASL_PLAINTEXT",
    "FAR": "PLAINTEXT",
}
_LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecuredKafka:
    """Where each listener is, and what opens it.

    BROKER takes everybody, MUTUAL asks for a client certificate, MISNAMED has the certificate of
    another host, LOGIN asks for a password, and FAR is answered but advertises an address where
    nobody is.
    """

    ports: Mapping[str, int]
    authority: Authority
    stranger: Authority
    client: Pair
    folder: Path
    nobody: int

    @classmethod
    def prepare(cls, folder: Path) -> SecuredKafka:
        """Make the certificates and choose the ports."""
        authority, stranger = Authority(folder), Authority(folder, "stranger")
        ports = {name: free_port() for name in _PROTOCOLS}
        return cls(ports, authority, stranger, authority.sign("client"), folder, free_port())

    def at(self, listener: str) -> str:
        """Return the address of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def broker(self) -> EmbeddedKafka:
        """Return the broker; it also asks for rights where somebody has set any."""
        return EmbeddedKafka(
            self.folder / "kafka", port=self.ports["BROKER"], settings=self._settings()
        )

    def _settings(self) -> dict[str, str]:
        places = {name: f"{name}://{self.at(name)}" for name in _PROTOCOLS}
        protocols = {**_PROTOCOLS, "CONTROLLER": "PLAINTEXT"}
        advertised = {**places, "FAR": f"FAR://{HOST}:{self.nobody}"}
        return {
            "listeners": ",".join(place for name, place in places.items() if name != "BROKER"),
            "advertised.listeners": ",".join(advertised.values()),
            "listener.security.protocol.map": ",".join(map(":".join, protocols.items())),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
            **self._tls(),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.login.plain.sasl.jaas.config": (
                f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            "listener.name.login.scram-sha-512.sasl.jaas.config": (
                f"{_LOGIN}.scram.ScramLoginModule required;"
            ),
        }

    def _tls(self) -> dict[str, str]:
        own = self._keystore(self.authority.sign("broker"))
        other = self._keystore(self.authority.sign("elsewhere", "192.0.2.1"))
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(own),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.certificate),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.misnamed.ssl.keystore.type": "PEM",
            "listener.name.misnamed.ssl.keystore.location": str(other),
        }

    def _keystore(self, pair: Pair) -> Path:
        store = pair.key.with_suffix(".pem")
        store.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
        return store
