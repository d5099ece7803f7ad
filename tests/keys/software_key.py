"""A security key in software: the part of CTAP 2 that hmac-secret needs, behind the library's device interface."""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.ctap import STATUS, CtapDevice, CtapError
from fido2.ctap2.pin import PinProtocolV2
from fido2.hid import CAPABILITY, CTAPHID
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

FLAG = AuthenticatorData.FLAG


class Refusal(Exception):
    """A CTAP status other than success."""


@dataclass
class Credential:
    """What the key keeps for one credential."""

    rp: str
    signing: ec.EllipticCurvePrivateKey
    random: dict[bool, bytes]
    """One secret with user verification, another without, as CTAP 2.1 has it."""


@dataclass
class SoftwareKey(CtapDevice):
    """One security key; with a *pin* it verifies its person."""

    pin: str | None = None
    extensions: tuple[str, ...] = ("hmac-secret",)
    touched: bool = True
    """Whether the person touches it when it blinks."""
    forgetful: bool = False
    """Whether it gives another secret every time."""
    touches: int = 0
    retries: int = 8
    credentials: dict[bytes, Credential] = field(default_factory=dict)
    agreement: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    token: bytes = field(default_factory=lambda: os.urandom(32))

    capabilities = CAPABILITY.CBOR

    @classmethod
    def list_devices(cls) -> Any:
        """Found by nobody; tests hand it over."""
        return iter(())

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        """Answer one CTAP command."""
        assert cmd == CTAPHID.CBOR
        request: Mapping[int, Any] = cbor.decode(data[1:]) if data[1:] else {}
        commands = {1: self._make, 2: self._assert, 4: lambda *_: self._info(), 6: lambda r, _: self._client_pin(r)}
        try:
            return b"\0" + cbor.encode(commands[data[0]](request, on_keepalive or (lambda _: None)))
        except Refusal as refusal:
            return bytes([refusal.args[0]])

    def _info(self) -> dict[int, Any]:
        options = {"rk": False, "up": True, "clientPin": self.pin is not None}
        return {1: ["FIDO_2_0", "FIDO_2_1"], 2: list(self.extensions), 3: bytes(16), 4: options, 5: 1200, 6: [2]}

    def _client_pin(self, request: Mapping[int, Any]) -> dict[int, Any]:
        if request[2] == 2:
            return {1: ES256.from_cryptography_key(self.agreement.public_key())}
        assert request[2] == 5, "only the PIN token"
        if self.retries == 0:
            raise Refusal(CtapError.ERR.PIN_BLOCKED)
        shared = self._shared(request[3])
        if PinProtocolV2().decrypt(shared, request[6]) != hashlib.sha256((self.pin or "").encode()).digest()[:16]:
            self.retries -= 1
            raise Refusal(CtapError.ERR.PIN_INVALID)
        self.retries = 8
        return {2: PinProtocolV2().encrypt(shared, self.token)}

    def _shared(self, peer: Mapping[int, Any]) -> bytes:
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(peer[-2]), int.from_bytes(peer[-3]), ec.SECP256R1())
        return PinProtocolV2().kdf(self.agreement.exchange(ec.ECDH(), numbers.public_key()))

    def _verified(self, client_data: bytes, given: bytes | None) -> bool:
        if given is None:
            return False
        if not hmac.compare_digest(PinProtocolV2().authenticate(self.token, client_data), given):
            raise Refusal(CtapError.ERR.PIN_AUTH_INVALID)
        return True

    def _touch(self, on_keepalive: Callable[[STATUS], None]) -> None:
        on_keepalive(STATUS.UPNEEDED)
        if not self.touched:
            raise Refusal(CtapError.ERR.USER_ACTION_TIMEOUT)
        self.touches += 1

    def _make(self, request: Mapping[int, Any], on_keepalive: Callable[[STATUS], None]) -> dict[int, Any]:
        verified = self._verified(request[1], request.get(8))
        self._touch(on_keepalive)
        signing, name = ec.generate_private_key(ec.SECP256R1()), os.urandom(48)
        self.credentials[name] = Credential(
            request[2]["id"], signing, {True: os.urandom(32), False: os.urandom(32)}
        )  # fmt: skip
        attested = AttestedCredentialData.create(
            Aaguid.NONE, name, ES256.from_cryptography_key(signing.public_key())
        )  # fmt: skip
        flags = FLAG.UP | FLAG.AT | FLAG.ED | (FLAG.UV if verified else 0)
        data = AuthenticatorData.create(
            hashlib.sha256(request[2]["id"].encode()).digest(), flags, 0, attested, {"hmac-secret": True}
        )
        return {1: "none", 2: data, 3: {}}

    def _assert(self, request: Mapping[int, Any], on_keepalive: Callable[[STATUS], None]) -> dict[int, Any]:
        verified = self._verified(request[2], request.get(6))
        present = request.get(5, {}).get("up", True)
        if present:
            self._touch(on_keepalive)
        known = [c["id"] for c in request.get(3, []) if c["id"] in self.credentials]
        known = [name for name in known if self.credentials[name].rp == request[1]]
        if not known:
            raise Refusal(CtapError.ERR.NO_CREDENTIALS)
        credential = self.credentials[known[0]]
        given = request.get(4, {}).get("hmac-secret")
        extensions = {"hmac-secret": self._hmac_secret(credential, given, verified=verified)} if given else None
        flags = (FLAG.UP if present else 0) | (FLAG.UV if verified else 0) | (FLAG.ED if extensions else 0)
        data = AuthenticatorData.create(hashlib.sha256(request[1].encode()).digest(), flags, 1, b"", extensions)
        signature = credential.signing.sign(data + request[2], ec.ECDSA(hashes.SHA256()))
        return {1: {"type": "public-key", "id": known[0]}, 2: data, 3: signature}

    def _hmac_secret(self, credential: Credential, given: Mapping[int, Any], *, verified: bool) -> bytes:
        shared, protocol = self._shared(given[1]), PinProtocolV2()
        assert hmac.compare_digest(protocol.authenticate(shared, given[2]), given[3])
        secret = os.urandom(32) if self.forgetful else credential.random[verified]
        salts = protocol.decrypt(shared, given[2])
        return protocol.encrypt(shared, b"".join(hmac.digest(secret, salts[i : i + 32], "sha256") for i in range(0, len(salts), 32)))
