"""A sealed bundle tells every change of any of its files, of its manifest and of who sealed it."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from karyon.evidence import seal
from karyon.evidence.runs import EvidenceError
from tests.evidence.conftest import evidence

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()


@pytest.fixture
def bundle(collected, tmp_path):
    """A sealed folder with one page, and all that it was made of."""
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "report.html").write_text("a report")
    seal.seal(collected, out, KEY)
    return out


def told(bundle, key=None):
    with pytest.raises(EvidenceError) as refused:
        seal.verify(bundle, key)
    return list(refused.value.reasons)


def test_a_whole_bundle_is_whole(bundle):
    """With the rows, the plan, the design and the case in it."""
    names = seal.verify(bundle, PUBLIC)["files"]
    wanted = {"report.html", "inputs/campaigns/acc_faults/runs.parquet", "inputs/design/safety_acc.yaml"}
    assert wanted < set(names)
    assert "inputs/design/cases_acc.yaml" in names


def test_every_change_of_a_file_is_named(bundle):
    """One bit, a file less, a file more."""
    for name in seal.verify(bundle, None)["files"]:
        path = bundle / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert told(bundle) == [f"{name} was changed"]
        path.unlink()
        assert told(bundle) == [f"{name} is missing"]
        path.write_bytes(content)
    (bundle / "more.txt").write_text("more")
    assert told(bundle) == ["more.txt was added"]


def test_a_manifest_that_was_changed_with_its_file_is_found(bundle):
    """Who changes a file and its hash would also need the key."""
    (bundle / "report.html").write_text("another report")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["report.html"] = seal.hash_of(bundle / "report.html")
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=1))
    assert told(bundle) == [
        "manifest.json is not what was signed",
        "the root of the hash tree in manifest.json is not that of its files",
    ]


def test_a_bundle_that_another_one_has_sealed_is_found(bundle):
    """The signature fits, and the key is not the one that one knows."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()
    assert told(bundle, other) == [f"it was sealed by key {PUBLIC}, and not by {other}"]


@pytest.mark.parametrize("key", [PUBLIC[:-2], PUBLIC + "00", "zz" + PUBLIC[2:], ""])
def test_what_cannot_be_a_key_is_told_as_that(key, bundle):
    """A mistyped key is no sign that another one has sealed it."""
    done = evidence("--verify", bundle, "--public-key", key)
    assert done.exit_code == 2
    assert "a public key has 64 hexadecimal digits" in done.output
    assert "it was sealed by" not in done.output


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig"])
def test_junk_is_no_bundle(name, bundle):
    """One message, no traceback."""
    for content in (b"", b"{}", b"zz", b"\xff\xfe", b'{"files": 3, "public_key": 4}'):
        (bundle / name).write_bytes(content)
        done = evidence("--verify", bundle)
        assert done.exit_code == 2
        assert "is no sealed bundle" in done.output or "is not what was signed" in done.output


def test_the_root_depends_on_every_name_and_digest():
    """And on their order; no inner node passes for a leaf."""
    files = [(f"f{number}", f"{number:064x}") for number in range(5)]
    roots = {
        seal.root(files),
        seal.root(files[::-1]),
        seal.root(files[:4]),
        seal.root([("x", files[0][1]), *files[1:]]),
    }
    assert len(roots) == 4


def test_a_key_of_another_kind_is_refused(tmp_path):
    """With the command that makes one."""
    other = ec.generate_private_key(ec.SECP256R1())
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(other.private_bytes(*pem))
    with pytest.raises(EvidenceError, match="openssl genpkey -algorithm ed25519"):
        seal.private_key(tmp_path / "key.pem")
