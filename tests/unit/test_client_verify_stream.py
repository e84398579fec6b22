"""The second evaluator's random stream against published vectors and its own definition."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import Counter

from croupier_client.pb import games_pb2
from croupier_client.verify.stream import Stream, chacha20_block, round_key


def test_chacha20_gives_the_block_of_rfc_8439() -> None:
    """RFC 8439, 2.3.2: the block function's test vector."""
    block = chacha20_block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000"))
    assert struct.pack("<16I", *block).hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


def test_chacha20_gives_the_keystreams_of_the_rfc_appendix() -> None:
    """RFC 8439, A.1: test vectors 1 to 3, key and nonce of zeros, then a key with its last bit set."""
    zeros = bytes(32)
    assert struct.pack("<16I", *chacha20_block(zeros, 0, bytes(12))).hex().startswith("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1a")
    assert struct.pack("<16I", *chacha20_block(zeros, 1, bytes(12))).hex().startswith("9f07e7be5551387a98ba977c732d080dcb0f29a048e36569")
    assert struct.pack("<16I", *chacha20_block(bytes(31) + b"\1", 1, bytes(12))).hex().startswith("3aeb5224ecf849929b9d828db1ced4dd83202")


def test_a_round_is_keyed_by_seed_client_seed_and_number() -> None:
    """The key is HMAC-SHA256 under the server seed over "client seed:number"; RFC 4231's first vector pins the HMAC itself."""
    assert round_key(b"k" * 32, "lucky", 12) == hmac.new(b"k" * 32, b"lucky:12", hashlib.sha256).digest()
    vector = hmac.new(b"\x0b" * 20, b"Hi There", hashlib.sha256).hexdigest()
    assert vector == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"


def test_draws_are_the_high_half_of_the_word_times_the_range() -> None:
    """Without a rejection each draw takes one word, and records it."""
    stream = Stream(bytes(32))
    words = [word for counter in range(2) for word in chacha20_block(bytes(32), counter, bytes(12))]
    values = [stream.draw(games_pb2.DRAW_PURPOSE_ROLL, 1 << 16) for _ in range(20)]
    assert values == [word >> 16 for word in words[:20]]
    assert [draw.word for draw in stream.draws] == list(range(20))


def test_words_that_would_bias_are_skipped() -> None:
    """At a range of 3/4 of 2**32 a quarter of the words is rejected (R5), and the recorded word jumps over them."""
    stream = Stream(b"\7" * 32)
    range_ = 3 << 30
    for _ in range(3_000):
        assert stream.draw(games_pb2.DRAW_PURPOSE_ROLL, range_) < range_
    taken = stream.draws[-1].word + 1
    assert 0.72 < 3_000 / taken < 0.78
    steps = Counter(b.word - a.word for a, b in zip(stream.draws, stream.draws[1:], strict=False))
    assert max(steps) > 1
