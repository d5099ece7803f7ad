"""Made-up secrets and harmless look-alikes, one per thing a detector must or must not see."""

from hashlib import sha256

from mnemonic import Mnemonic

BODY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDq7"
HEX = sha256(b"a made-up key").hexdigest()
FLOW = "".join(ch for ch in "qT7zLm2XvRw9KpYd4NcHs8JfGeUaQ1oViXyTb3EkZp5Cr6Wn0Mh")


def seed(language: str = "english", strength: int = 128) -> str:
    """A phrase with a right checksum, the same every time."""
    return Mnemonic(language).to_mnemonic(sha256(language.encode()).digest()[: strength // 8])


ULTRASECRET = {
    "openssh": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----",
    "rsa in json": f'"private_key": "-----BEGIN PRIVATE KEY-----\\n{BODY}\\n-----END PRIVATE KEY-----\\n"',
    "pgp": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{BODY}\n=njUN\n-----END PGP PRIVATE KEY BLOCK-----",
    "age": "# created 2026\nAGE-SECRET-KEY-1GFPYYSJZGFPYYTRZHKLM02WXQ94DEYD7CPSU85JNVA36TQMZ0RKHSX7UWL",
    "wif with checksum": "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ",
    "hex in context": f"eth wallet private key {HEX}",
    "seed": f"seed phrase: {seed()}",
    "24 words numbered": "\n".join(f"{i}. {w}" for i, w in enumerate(seed(strength=256).split(), 1)),
    "french seed": f"mes mots : {seed('french')}",
    "japanese seed": seed("japanese"),
    "spanish seed without context": seed("spanish"),
    "otpauth": "otpauth://totp/ACME:ana?secret=NB2W45DFOIZA2LTH&issuer=ACME",
    "backup codes": "GitHub backup codes:\n4f7a1-9c2e0\n88b1d-03fa7\n5e2c9-7d410",
    "codes in German": "Wiederherstellungscodes: 8471 0293, 5520 8817, 0946 3318",
    "bitlocker": "-".join(f"{n * 11:06d}" for n in (40111, 12345, 60321, 5012, 33333, 21987, 48890, 10234)),
    "filevault": "FileVault recovery key: K7QX-2MNP-9RTB-4WLZ-8CVD-3HJF",
    "master password": "1Password master password: Larch-Violin-58-Otter",
    "disk passphrase": "the LUKS passphrase for the laptop is 'walnut trombone 7 cellar'",
    "German master": "Masterpasswort für Bitwarden: Kranich+Kuchen+1968",
    "safe": "safe combination: 34-12-71-8",
}

SECRET = {
    "aws": "AWS_ACCESS_KEY_ID=AKIAQ7ZLM2XVRW9KPYD4",
    "github": f"ghp_{FLOW[:36]}",
    "gitlab": f"glpat-{FLOW[:20]}",
    "slack": "xoxb-" + "203948571029-" + FLOW[:24],
    "stripe": "sk_live_" + FLOW[:24],
    "openai": f"sk-proj-{FLOW[:40]}",
    "google": "AIza" + FLOW[:35],
    "npm": f"npm_{FLOW[:36]}",
    "pypi": f"pypi-{FLOW}",
    "sendgrid": f"SG.{FLOW[:22]}.{FLOW[:43]}",
    "telegram": f"7203948571:{FLOW[:35]}",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOjQyLCJyIjoieCJ9.{FLOW[:43]}",
    "bearer": f"Authorization: Bearer {FLOW}",
    "connection string": "postgres://app:Mango_Quarry71@db.tannerprint.lan:5432/orders",
    "config": "DB_PASSWORD=Mango_Quarry71",
    "json": '{"password": "Mango#Quarry71"}',
    "prose": "the password for the NAS is now Mango-Quarry-71",
    "quoted word": 'the staff password is "zabaglione"',
    "German": "Passwort fürs Kassenbuch lautet Mango#Quarry71",
    "French": "mot de passe du wifi : Mangue-Carriere-71",
    "Spanish": "la contraseña es Mango*Cantera71",
    "Italian": "la password è Mango!Cava71",
    "Portuguese": "senha: Manga_Pedreira71",
    "Dutch": "wachtwoord is Mango+Groeve71",
    "wifi qr": "WIFI:T:WPA;S:Speicher;P:dachrinne-lotse;;",
    "door": "front door code is 4471#",
    "digits told": "the gate takes 3-3-9-0 then enter",
    "German door": "Haustürcode: 8812",
    "alarm": "alarm code 5520, then the star",
    "pin": "PIN of the new bank card is 7402",
    "pair": "netflix: ana@postkasten.de / Ravioli!Tuesday9",
    "card": "visa 4716 9008 3312 7762 exp 09/28",
    "iban": "Annas IBAN: DE02 1203 0000 0000 2020 51",
    "ssn": "my SSN is 536-22-8841",
    "tax id": "Steuer-ID 65 929 970 489",
    "dni": "mi DNI es 54362315K",
    "codice fiscale": "RSSMRA85T10A562S",
    "nir": "numéro de sécu 2 55 08 14 168 025 38",
    "bsn": "BSN 111222333",
    "cpf": "CPF 390.533.447-05",
    "passport": "passport number X4417203, expires in May",
}

HARMLESS = {
    "tutorial": "Set password=changeme in the config, then restart",
    "known": "the password was hunter2, an old joke",
    "template": "curl -H 'Authorization: Bearer <API_KEY>' -u user:${PASSWORD} https://api.example.com",
    "braces": "mysql --user {{user}} --password={{password}}",
    "masked": "api_key: xxxxxxxxxxxxxxxxxxxxxxxx",
    "aws example": "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    "test card": "use 4111 1111 1111 1111 or 4242424242424242 to test the card form",
    "bad card": "order 4716900833127760",
    "local url": "postgres://postgres:postgres@localhost:5432/test",
    "example url": "https://user:Mango71x@example.com/",
    "documented seed": "the test phrase " + "abandon " * 11 + "about",
    "zoo": "zoo " * 11 + "wrong",
    "prose of list words": "you will learn that when they come there this year you can also begin any time again",
    "git": "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixes the token parser",
    "uuid": "token id 123e4567-e89b-12d3-a456-426614174000",
    "checksum": f"sha256 {HEX}  secret-tool.tar.gz",
    "public key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ana@laptop",
    "fingerprint": "SHA256:uNiVztksCsDhcc0u9e8BrJQdwZyJgbKzvjqlJ3mY4p0",
    "public block": f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----",
    "elided block": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "todo": "I should change my bank password",
    "event": "changed the wifi password yesterday",
    "saying": "the secret of good bread is time",
    "article": "an article about seed phrases: twelve words, a checksum, and no way back",
    "code": "token = os.environ['API_TOKEN']; password = getpass.getpass()",
    "gpio": "connect the LED to pin 13 and the button to pin: 4",
    "error": "exit code 4040 means the door of the enclosure is open",
    "dates": "passport office on 2026-03-02 at 10:30, gate B12",
    "iban example": "an IBAN looks like GB82 WEST 1234 5698 7654 32, for example",
    "adjectives": "Password: required. The token is invalid; secret: none",
    "versions": "the pass manager 1.2.3 moved to argon2id and ed25519",
}
