"""A vault of four stores that speak S3, each a process of its own on this machine: one is stopped, emptied, or lies."""

import shutil
import socket
import subprocess
import sys
import time
from itertools import combinations

import fsspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from karyon.evidence import seal, vault
from karyon.evidence.runs import EvidenceError
from tests.evidence.conftest import evidence

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _is_up(port):
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


class Servers:
    """moto's S3 servers, of which one can be stopped."""

    def __init__(self):
        self.ports = [_free_port() for _ in range(4)]
        command = [sys.executable, "-m", "moto.server", "-p"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._running = [subprocess.Popen([*command, str(port)], **quiet) for port in self.ports]
        until = time.monotonic() + 60.0
        while not all(map(_is_up, self.ports)):
            assert time.monotonic() < until, "moto does not start"
            time.sleep(0.05)
        for number in range(4):
            self.files(number).makedirs("evidence")

    def urls(self, folder):
        return [f"s3://evidence/{folder}?endpoint_url=http://127.0.0.1:{port}" for port in self.ports]

    def stop(self, number):
        self._running[number].terminate()
        self._running[number].wait(30)

    def files(self, number):
        return fsspec.filesystem("s3", endpoint_url=f"http://127.0.0.1:{self.ports[number]}", skip_instance_cache=True)

    def close(self):
        for number in range(4):
            self.stop(number)


@pytest.fixture(scope="module")
def servers():
    pytest.importorskip("moto")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        found = Servers()
        yield found
        found.close()


@pytest.fixture
def bundle(tmp_path):
    """A sealed folder."""
    out = tmp_path / "bundle"
    out.mkdir()
    (out / "report.html").write_text("a report")
    seal.sign(out, KEY)
    return out


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _as_it_should_be(servers, folder):
    """Nothing is wrong."""


def _emptied(servers, folder):
    servers.files(BAD).rm(f"evidence/{folder}", recursive=True)


def _changed_block(servers, folder):
    files = servers.files(BAD)
    block = files.cat_file(f"evidence/{folder}/block.1")
    files.pipe_file(f"evidence/{folder}/block.1", block[:-1] + bytes([block[-1] ^ 1]))


def _changed_metadata(servers, folder):
    files = servers.files(BAD)
    text = files.cat_file(f"evidence/{folder}/metadata.json")
    files.pipe_file(f"evidence/{folder}/metadata.json", text.replace(b'"version": 1', b'"version": 7'))


def _stopped(servers, folder):
    servers.stop(BAD)


BAD = 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_as_it_should_be, ""),
        (_emptied, "metadata.json"),
        (_changed_block, "block.1 was changed"),
        (_changed_metadata, "metadata.json is not what was signed"),
        (_stopped, "Could not connect"),  # the last one: it stays so
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_bundle_comes_back_whatever_one_store_does(spoil, said, servers, bundle, tmp_path):
    """Through the command, whole and verified, and the store is named."""
    urls = servers.urls(spoil.__name__)
    assert vault.store(bundle, KEY, vault.stores(urls)) == []
    spoil(servers, spoil.__name__)
    words = [word for url in urls for word in ("--vault", url)]
    done = evidence("--verify", tmp_path / "back", "--public-key", PUBLIC, *words)
    assert done.exit_code == 0, done.output
    assert content(tmp_path / "back") == content(bundle)
    assert said in done.output
    assert [url for url in urls if url in done.output] == ([urls[BAD]] if said else [])


@pytest.fixture
def folders(tmp_path):
    """Seven stores that are folders: two may fail."""
    return [tmp_path / f"store{number}" for number in range(7)]


def stores(folders):
    return vault.stores([f"file://{folder}" for folder in folders])


def test_any_three_of_seven_give_it_back_and_two_do_not(folders, bundle, tmp_path):
    """f = 2: whichever stores are lost, f+1 suffice, and f know nothing."""
    vault.store(bundle, KEY, stores(folders))
    for good in combinations(range(7), 3):
        lost = [folder for number, folder in enumerate(folders) if number not in good]
        for folder in lost:
            folder.rename(folder.with_suffix(".lost"))
        vault.fetch(tmp_path / "back", stores(folders), PUBLIC)
        assert content(tmp_path / "back") == content(bundle)
        shutil.rmtree(tmp_path / "back")
        for folder in lost:
            folder.with_suffix(".lost").rename(folder)
    for folder in folders[2:]:
        shutil.rmtree(folder)
    with pytest.raises(EvidenceError, match="only 2 of 7 stores are good, and 3 are needed"):
        vault.fetch(tmp_path / "back", stores(folders), PUBLIC)


def test_no_store_holds_anything_in_clear(folders, bundle):
    """Neither the text of a file nor its name."""
    vault.store(bundle, KEY, stores(folders))
    for folder in folders:
        kept = b"".join(path.read_bytes() for path in folder.iterdir())
        assert b"a report" not in kept
        assert b"report.html" not in kept


def test_old_versions_and_strange_keys_do_not_win(folders, bundle, tmp_path):
    """f stores that keep the first version, and others that have a higher one of another key."""
    vault.store(bundle, KEY, stores(folders))
    for folder in folders[:2]:
        shutil.copytree(folder, folder.with_suffix(".old"))
    (bundle / "report.html").write_text("another report")
    vault.store(bundle, KEY, stores(folders))
    for folder in folders[:2]:
        shutil.rmtree(folder)
        folder.with_suffix(".old").rename(folder)
    vault.fetch(tmp_path / "back", stores(folders), PUBLIC)
    assert (tmp_path / "back/report.html").read_text() == "another report"
    liars = [tmp_path / f"liar{number}" for number in range(7)]
    for _ in range(3):
        vault.store(bundle, OTHER, stores(liars))
    for folder, liar in zip(folders[:2], liars, strict=False):
        shutil.rmtree(folder)
        liar.rename(folder)
    vault.fetch(tmp_path / "again", stores(folders), PUBLIC)
    assert content(tmp_path / "again") == content(tmp_path / "back")
    with pytest.raises(EvidenceError, match="stores name different keys"):
        vault.fetch(tmp_path / "no", stores(folders), None)


def test_a_store_that_cannot_be_written_is_told_and_too_many_are_refused(folders, bundle):
    """At most f of them."""
    for folder in folders[:2]:
        folder.write_text("a file where the folder should be")
    assert len(vault.store(bundle, KEY, stores(folders))) == 2
    folders[2].exists() and shutil.rmtree(folders[2])
    folders[2].write_text("a third")
    with pytest.raises(EvidenceError, match="the vault needs 5 of 7 stores"):
        vault.store(bundle, KEY, stores(folders))


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        (["memory://a"] * 4, "one address is given twice"),
        (["memory://a", "memory://b", "memory://c"], "3f\\+1 stores, 4 or 7 or 10"),
        (["memory://a", "memory://b", "memory://c", "gold://d"], "gold://d is no address of a store"),
    ],
)
def test_what_is_no_vault_is_refused(urls, said):
    """Before anything is written."""
    with pytest.raises(EvidenceError, match=said):
        vault.stores(urls)
