"""A sealed bundle in n = 3f+1 object stores, of which any f may be down, empty or lie.

    metadata.json, metadata.sig    what is stored, with the SHA-256 of each store's block; signed (Ed25519)
    block.VERSION                  the key's share and the erasure-coded part of the ciphertext that this store keeps

No store, and no f of them together, can read the bundle; any f+1 that are good give it back.
[Bessani et al. 2013, DepSky-CA: AES-GCM, Reed-Solomon with f+1 of n, Shamir's shares with f+1 of n]
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import fsspec
from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyeclib.ec_iface import ECDriver

from karyon.evidence.runs import EvidenceError

METADATA, SIGNATURE = "metadata.json", "metadata.sig"
KEY_BITS, SHARE = 128, 16  # of AES-GCM; bytes of a share, as long as the key
CODE = "liberasurecode_rs_vand"  # Reed-Solomon over a systematic Vandermonde matrix
PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 1}}  # s, with an S3 store

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a vault says that it has: `metadata.json` of one version."""

    version: int
    faults: int
    nonce: bytes
    blocks: tuple[str, ...]
    public_key: str


@dataclass(frozen=True, slots=True)
class Store:
    """One object store: a folder of any file system that fsspec knows."""

    url: str
    files: fsspec.AbstractFileSystem
    folder: str

    def get(self, name: str) -> bytes:
        """The content of an object."""
        return bytes(self.files.cat_file(f"{self.folder}/{name}"))

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        self.files.makedirs(self.folder, exist_ok=True)
        self.files.pipe_file(f"{self.folder}/{name}", content)


def stores(urls: Sequence[str]) -> list[Store]:
    """The stores at these addresses. What follows a `?` are options of fsspec's file system, such as `endpoint_url`.

    Raises EvidenceError where they are not 4, 7, 10 ... different ones.
    """
    if len(urls) < 4 or len(urls) % 3 != 1:
        raise EvidenceError([f"a vault is of 3f+1 stores, 4 or 7 or 10, of which f may fail; given are {len(urls)}"])
    if len(set(urls)) < len(urls):
        raise EvidenceError(["a vault needs stores that differ: one address is given twice"])
    return [_store(url) for url in urls]


def _store(url: str) -> Store:
    address, _, options = url.partition("?")
    given: dict[str, Any] = dict(parse_qsl(options))
    if address.startswith("s3:"):
        given["config_kwargs"] = PATIENCE
    try:
        files, folder = fsspec.core.url_to_fs(address, **given)
    except (ValueError, TypeError, ImportError) as error:
        raise EvidenceError([f"{url} is no address of a store: {error}"]) from None
    return Store(url, files, folder.rstrip("/"))


def store(bundle: Path, key: Ed25519PrivateKey, into: Sequence[Store]) -> list[str]:
    """Disperse a sealed bundle; returns what stores could not be written, at most f. Raises EvidenceError for more."""
    n, f = len(into), (len(into) - 1) // 3
    public = key.public_key().public_bytes_raw().hex()
    known = [found for found in _each(into, _metadata) if isinstance(found, Stored)]
    version = 1 + max((one.version for one in known if one.public_key == public), default=0)
    secret, nonce = AESGCM.generate_key(KEY_BITS), token_bytes(12)
    sealed = AESGCM(secret).encrypt(nonce, _packed(bundle), None)
    shares = [share for _, share in Shamir.split(f + 1, n, secret)]
    blocks = [share + part for share, part in zip(shares, _code(f).encode(sealed), strict=True)]
    text = _text(Stored(version, f, nonce, tuple(hashlib.sha256(block).hexdigest() for block in blocks), public))
    signature = key.sign(text).hex().encode()

    def put(one: Store) -> None:
        one.put(f"block.{version}", blocks[into.index(one)])
        one.put(METADATA, text)
        one.put(SIGNATURE, signature)

    failed = [f"{one.url}: {why}" for one, why in zip(into, _each(into, put), strict=True) if why is not None]
    if len(failed) > f:
        raise EvidenceError([f"the vault needs {n - f} of {n} stores:", *failed])
    return failed


def fetch(out: Path, of: Sequence[Store], public_key: str | None) -> list[str]:
    """Read the newest version back into a folder; returns what was wrong with stores.

    public_key   hexadecimal, of who must have written it; None: of whoever did, if all stores name the same one
    Raises EvidenceError where fewer than f+1 stores are good, OSError.
    """
    f = (len(of) - 1) // 3
    said = _each(of, _metadata)
    wrong = [f"{one.url}: {why}" for one, why in zip(of, said, strict=True) if isinstance(why, Exception)]
    stored = _newest([one for one in said if isinstance(one, Stored)], len(of), public_key, wrong)
    found = _each(of, lambda one: _block(one, of.index(one), stored))
    good = {at: block for at, block in enumerate(found) if isinstance(block, bytes)}
    known = [at for at, one in enumerate(said) if isinstance(one, Stored)]  # of the others it is said already
    wrong += [f"{of[at].url}: {found[at]!s}" for at in known if isinstance(found[at], Exception)]
    if len(good) <= f:
        raise EvidenceError([f"only {len(good)} of {len(of)} stores are good, and {f + 1} are needed:", *wrong])
    chosen = list(good.items())[: f + 1]
    secret = Shamir.combine([(at + 1, block[:SHARE]) for at, block in chosen])
    try:
        packed = AESGCM(secret).decrypt(stored.nonce, _code(f).decode([block[SHARE:] for _, block in chosen]), None)
    except InvalidTag:
        raise EvidenceError(["what the stores keep does not fit together: it cannot be decrypted"]) from None
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(out, filter="data")
    return wrong


def _newest(found: Sequence[Stored], n: int, public_key: str | None, wrong: list[str]) -> Stored:
    """The highest version that the right key has signed, in as many stores as a vault of n must have."""
    signers = sorted({one.public_key for one in found})
    if public_key is None and len(signers) > 1:
        raise EvidenceError([f"stores name different keys: --public-key says whose counts: {', '.join(signers)}"])
    mine = [one for one in found if public_key is None or one.public_key == public_key.lower()]
    mine = [one for one in mine if len(one.blocks) == n]
    if not mine:
        raise EvidenceError([f"no store has a bundle in {n} parts that this key has signed", *wrong])
    if len(mine) < n - (n - 1) // 3:
        wrong.append(f"only {len(mine)} of {n} stores say which version is the newest: there may be a newer one")
    return max(mine, key=lambda one: one.version)


def _metadata(one: Store) -> Stored:
    text = one.get(METADATA)
    told = json.loads(text)
    signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told["public_key"]))
    try:
        signer.verify(bytes.fromhex(one.get(SIGNATURE).decode("ascii").strip()), text)
    except InvalidSignature:
        raise ValueError(f"{METADATA} is not what was signed") from None
    blocks = tuple(str(each) for each in told["blocks"])
    return Stored(int(told["version"]), int(told["faults"]), bytes.fromhex(told["nonce"]), blocks, told["public_key"])


def _text(stored: Stored) -> bytes:
    told = {"version": stored.version, "faults": stored.faults, "nonce": stored.nonce.hex()}
    return json.dumps(told | {"blocks": stored.blocks, "public_key": stored.public_key}, indent=1).encode()


def _block(one: Store, at: int, stored: Stored) -> bytes:
    block = one.get(f"block.{stored.version}")
    if hashlib.sha256(block).hexdigest() != stored.blocks[at]:
        raise ValueError(f"block.{stored.version} was changed")
    return block


def _code(faults: int) -> ECDriver:
    return ECDriver(k=faults + 1, m=2 * faults, ec_type=CODE)


def _packed(bundle: Path) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        for path in sorted(bundle.rglob("*")):
            archive.add(path, path.relative_to(bundle).as_posix(), recursive=False)
    return sink.getvalue()


def _each(of: Sequence[Store], ask: Callable[[Store], Answer]) -> list[Answer | Exception]:
    """What each store answers, or what came of asking it: whatever a store does, it must not hide the others."""

    def answer(one: Store) -> Answer | Exception:
        try:
            return ask(one)
        except Exception as error:  # each kind of store has errors of its own
            return error

    with ThreadPoolExecutor(len(of)) as pool:
        return list(pool.map(answer, of))
