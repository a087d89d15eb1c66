"""A sealed bundle: a report with everything it was made of, a manifest of hashes, and a signature over it.

    manifest.json      SHA-256 of every file, the root of their hash tree, the public key
    manifest.sig       Ed25519 signature over manifest.json

The signature says that the bundle is what the holder of the key has sealed; who holds it is for the reader to know.
[RFC 8032; RFC 9162 for the hash tree: leaves and nodes are hashed apart]
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from karyon.campaign.folder import write
from karyon.campaign.trial import hash_of
from karyon.evidence.runs import EvidenceError, Search, Session
from karyon.evidence.standing import Evidence

MANIFEST, SIGNATURE, INPUTS = "manifest.json", "manifest.sig", "inputs"
KEY_DIGITS = 64  # of an Ed25519 public key, hexadecimal


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file without a password. Raises EvidenceError."""
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise EvidenceError([f"{path} holds no key that can be used: {error}"]) from None
    if not isinstance(found, Ed25519PrivateKey):
        raise EvidenceError([f"{path} holds no Ed25519 key: openssl genpkey -algorithm ed25519 -out {path}"])
    return found


def seal(of: Evidence, out: Path, key: Ed25519PrivateKey) -> Path:
    """Copy what the report in `out` was made of beside it, and sign all of it. Raises OSError."""
    for campaign in of.campaigns:
        _copy(campaign.path, campaign.hashes, out / INPUTS / "campaigns" / campaign.plan.name)
    others: tuple[Search | Session, ...] = (*of.searches, *of.sessions)
    for number, one in enumerate(others, 1):
        _copy(one.path, one.hashes, out / INPUTS / "others" / f"{number}_{one.path.name}")
    folder = out / INPUTS / "design"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (of.design.path, *of.design.files):
        shutil.copyfile(file, folder / f"{file.parent.name}_{file.name}")
    return sign(out, key)


def _copy(source: Path, names: Iterable[str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(source / name, target / name)


def sign(out: Path, key: Ed25519PrivateKey) -> Path:
    """Sign all files of a folder; returns the manifest. Raises OSError."""
    hashes = _hashes(out)
    public = key.public_key().public_bytes_raw().hex()
    manifest = {"files": hashes, "root": root(list(hashes.items())), "public_key": public}
    text = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    write(out / MANIFEST, text)
    write(out / SIGNATURE, key.sign(text).hex().encode() + b"\n")
    return out / MANIFEST


def refuse_no_key(public_key: str) -> None:
    """Raises EvidenceError for what cannot be a public key: it is no other one, but mistyped."""
    if len(public_key) != KEY_DIGITS or not set(public_key.lower()) <= set("0123456789abcdef"):
        raise EvidenceError([f"a public key has {KEY_DIGITS} hexadecimal digits, and {public_key!r} is none"])


def verify(bundle: Path, public_key: str | None) -> dict[str, Any]:
    """The manifest of a sealed bundle, once all fits. Raises EvidenceError with all that was changed.

    public_key   hexadecimal, of who must have sealed it; None: of whoever did
    """
    try:
        text = (bundle / MANIFEST).read_bytes()
        signature = bytes.fromhex((bundle / SIGNATURE).read_text("ascii").strip())
        manifest = json.loads(text)
        files: Mapping[str, str] = dict(manifest["files"])
        signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(manifest["public_key"]))
    except OSError as error:
        said = f"{bundle} is no sealed bundle: {Path(error.filename).name} cannot be read: {error.strerror}"
        raise EvidenceError([said]) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError([f"{bundle} is no sealed bundle: {error}"]) from None
    reasons = _changes(bundle, files)
    try:
        signer.verify(signature, text)
    except InvalidSignature:
        reasons.append(f"{MANIFEST} is not what was signed")
    if manifest.get("root") != root(list(files.items())):
        reasons.append(f"the root of the hash tree in {MANIFEST} is not that of its files")
    if public_key is not None and public_key.lower() != manifest["public_key"]:
        reasons.append(f"it was sealed by key {manifest['public_key']}, and not by {public_key}")
    if reasons:
        raise EvidenceError(reasons)
    return dict(manifest)


def _changes(bundle: Path, files: Mapping[str, str]) -> list[str]:
    found = _hashes(bundle)
    missing = [f"{name} is missing" for name in files if name not in found]
    changed = [f"{name} was changed" for name, digest in files.items() if found.get(name, digest) != digest]
    added = [f"{name} was added" for name in found if name not in files]
    return missing + changed + added


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by name of all files of a bundle, but for the manifest and its signature."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: hash_of(path) for name, path in names.items() if name not in (MANIFEST, SIGNATURE)}


def root(files: Sequence[tuple[str, str]]) -> str:
    """Root of the hash tree over names and digests, in their order: any file is proven by a few hashes."""
    row = [hashlib.sha256(b"\0" + f"{name}\0{digest}".encode()).digest() for name, digest in files]
    while len(row) > 1:
        pairs = [row[at : at + 2] for at in range(0, len(row), 2)]
        row = [hashlib.sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return row[0].hex() if row else hashlib.sha256(b"").hexdigest()
