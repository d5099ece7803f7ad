"""Security keys: the second secret that a FIDO2 authenticator gives (`docs/format.md` section 2.2).

The ``hmac-secret`` extension makes 32 bytes out of a salt and a secret that never leaves the key. The front
end hands in how to ask for a PIN and a touch; what comes out is plain data, presented like any other secret.
Needs the extra that talks to security keys; imported only where one is used.
"""

import secrets
from typing import TYPE_CHECKING, Any, Protocol

from vault.errors import InvalidInput, NotFound, WrongPassphrase
from vault.keys.keyslots import SECOND_SIZE, Secret
from vault.keys.slots import Fido2Params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fido2.client import ClientError, Fido2Client
    from fido2.ctap import CtapDevice

RELYING_PARTY = "memory.invalid"
"""No web site can have this name, so none can ask a key for what we ask it for."""
_ES256, _EDDSA = -7, -8
_EXTENSION = "hmac-secret"


class Prompts(Protocol):
    """How a front end asks the person."""

    def touch(self) -> None:
        """The key waits to be touched; say so."""

    def pin(self) -> str | None:
        """The key's PIN; None to give up."""


def attached() -> "list[CtapDevice]":
    """The security keys plugged into this machine.

    Raises:
        NotFound: none, or the extra that talks to them is not installed.
    """
    try:
        from fido2.hid import CtapHidDevice
    except ImportError as error:
        raise NotFound(
            "security keys are not supported by this installation", remedy="pip install 'fido2>=2.2,<3'"
        ) from error
    try:
        devices: list[CtapDevice] = list(CtapHidDevice.list_devices())
    except OSError as error:
        raise NotFound("cannot look for security keys", remedy="check the permissions of /dev/hidraw*") from error
    if not devices:
        raise NotFound("no security key is plugged in", remedy="plug it in and try again")
    return devices


def enrol(prompts: Prompts, devices: "Sequence[CtapDevice] | None" = None) -> Secret:
    """Make a credential on the one security key that is plugged in; gives the second secret for a new slot.

    The person touches twice. A key with a PIN is always asked with it.

    Raises:
        NotFound: no key; InvalidInput: several, or one that cannot do this; WrongPassphrase: wrong PIN.
    """
    from fido2.client import ClientError

    found = list(attached() if devices is None else devices)
    if len(found) != 1:
        raise InvalidInput(f"{len(found)} security keys are plugged in", remedy="leave only the one to enrol")
    client = _client(found[0], prompts)
    info = getattr(client, "info", None)
    if info is None or _EXTENSION not in info.extensions:
        raise InvalidInput("this security key cannot make secrets", remedy="use one with the hmac-secret extension")
    uv = any(info.options.get(name) for name in ("uv", "clientPin", "bioEnroll"))
    try:
        made = client.make_credential(_creation(uv=uv))
    except ClientError as error:
        raise _refused(error) from error
    params = Fido2Params(bytes(made.raw_id), secrets.token_bytes(32), uv)
    answered = answer(params, prompts, found)
    if answered is None:
        raise InvalidInput("this security key does not keep what it makes", remedy="use another one")
    return answered


def answer(params: Fido2Params, prompts: Prompts, devices: "Sequence[CtapDevice] | None" = None) -> Secret | None:
    """The second secret for *params* from whichever plugged-in key has the credential; None where none has.

    Raises:
        NotFound: no key is plugged in; WrongPassphrase: the key refuses the PIN; InvalidInput: it was not touched.
    """
    from fido2.client import ClientError

    for device in attached() if devices is None else devices:
        try:
            selection = _client(device, prompts).get_assertion(_request(params))
        except ClientError as error:
            if error.code == ClientError.ERR.DEVICE_INELIGIBLE:
                continue
            raise _refused(error) from error
        given = selection.get_response(0).client_extension_results.hmac_get_secret
        verified = selection.get_assertions()[0].auth_data.is_user_verified()
        if given is not None and len(given.output1) == SECOND_SIZE and verified == params.uv:
            return Secret("fido2", bytes(given.output1), label=params)
    return None


def _client(device: "CtapDevice", prompts: Prompts) -> "Fido2Client":
    from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
    from fido2.ctap2.extensions import HmacSecretExtension

    class Asking(UserInteraction):
        def prompt_up(self) -> None:
            prompts.touch()

        def request_pin(self, *_: Any) -> str | None:
            return prompts.pin()

    collector = DefaultClientDataCollector(f"https://{RELYING_PARTY}", verify=lambda _rp, _origin: True)
    extension: Any = HmacSecretExtension  # its constructor has no types
    return Fido2Client(device, collector, Asking(), [extension(allow_hmac_secret=True)])


def _creation(*, uv: bool) -> Any:
    from fido2 import webauthn as w

    return w.PublicKeyCredentialCreationOptions(
        rp=w.PublicKeyCredentialRpEntity(id=RELYING_PARTY, name="memory"),
        user=w.PublicKeyCredentialUserEntity(id=secrets.token_bytes(16), name="memory", display_name="memory"),
        challenge=secrets.token_bytes(32),
        pub_key_cred_params=[
            w.PublicKeyCredentialParameters(type=w.PublicKeyCredentialType.PUBLIC_KEY, alg=alg)
            for alg in (_ES256, _EDDSA)
        ],
        authenticator_selection=w.AuthenticatorSelectionCriteria(
            resident_key=w.ResidentKeyRequirement.DISCOURAGED, user_verification=_verification(uv=uv)
        ),
        extensions={"hmacCreateSecret": True},
    )


def _request(params: Fido2Params) -> Any:
    from fido2 import webauthn as w

    wanted = w.PublicKeyCredentialDescriptor(type=w.PublicKeyCredentialType.PUBLIC_KEY, id=params.credential)
    return w.PublicKeyCredentialRequestOptions(
        challenge=secrets.token_bytes(32),
        rp_id=RELYING_PARTY,
        allow_credentials=[wanted],
        user_verification=_verification(uv=params.uv),
        extensions={"hmacGetSecret": {"salt1": params.salt}},
    )


def _verification(*, uv: bool) -> Any:
    from fido2.webauthn import UserVerificationRequirement

    return UserVerificationRequirement.REQUIRED if uv else UserVerificationRequirement.DISCOURAGED


def _refused(error: "ClientError") -> Exception:
    """Our error for the library's; its text is not repeated."""
    from fido2.client import ClientError, PinRequiredError
    from fido2.ctap import CtapError

    cause = getattr(error.cause, "code", None)
    if cause in {CtapError.ERR.PIN_BLOCKED, CtapError.ERR.PIN_AUTH_BLOCKED}:
        return WrongPassphrase("the security key is blocked", remedy="unplug it once; if that does not help, reset it")
    if isinstance(error, PinRequiredError) or error.code == ClientError.ERR.BAD_REQUEST:
        return WrongPassphrase("the security key refused", remedy="check its PIN and try again")
    if error.code == ClientError.ERR.TIMEOUT:
        return InvalidInput("the security key was not touched", remedy="try again and touch it when it blinks")
    return InvalidInput("the security key failed", remedy="unplug it once and try again")
