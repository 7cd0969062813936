"""Damaged and hostile images: named and refused, or decoded; nothing else, and cheaply.

The damaged ones are read by child processes, so that a decoder that crashes is counted.
"""

import io
import random
import struct
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from zlib import compress, crc32

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import (
    FolderSegmentation,
    compare_manifest,
    examine,
    write_manifest,
)
from keras_fcn.images import (
    exif_orientation,
    image_size,
    open_photo,
    read_colours,
    read_image,
    read_label,
)

from .damage import damaged

READERS = [read_image, open_photo, read_label, read_colours, image_size]
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name, content=b""):
    end = struct.pack(">I", crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + end


# Damaged files (10)


def originals():
    """Whole files by name, the likely ones more than once."""
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 256, (24, 32, 3), "uint8"))
    smooth = rough.resize((90, 70))
    palette = smooth.quantize(16)
    turned = Image.Exif()
    turned[0x0112] = 6
    likely = [
        encoded(smooth, "JPEG"),
        encoded(rough, "JPEG", exif=turned, quality=30),
        encoded(smooth.convert("L"), "JPEG", progressive=True),
        encoded(smooth.convert("CMYK"), "JPEG"),
        encoded(rough, "PNG"),
        encoded(palette, "PNG", transparency=1),
        encoded(rough.convert("RGBA"), "PNG", exif=turned),
        encoded(rough.convert("I;16"), "PNG"),
    ]
    others = [
        encoded(rough, "BMP"),
        encoded(palette, "BMP"),
        encoded(smooth, "TIFF", compression="tiff_lzw"),
        encoded(rough, "TIFF", exif=turned),
        encoded(palette, "GIF", save_all=True, append_images=[rough.quantize(4)]),
        encoded(smooth, "WEBP"),
        encoded(rough, "WEBP", lossless=True, exif=turned),
        encoded(rough, "PPM"),
    ]
    return likely * 3 + others


def checksums_mended(content):
    """Make the checksums of a PNG's chunks right again, whatever is in them."""
    content, at = bytearray(content), len(SIGNATURE)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        end = at + 8 + length
        if end + 4 > len(content):
            break
        content[end : end + 4] = struct.pack(">I", crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


def one_damaged(seed):
    chance = random.Random(seed)
    content = damaged(chance.choice(originals_once()), chance, head=200)
    if content.startswith(SIGNATURE) and chance.random() < 0.7:
        content = checksums_mended(content)
    return content


KEPT = []


def originals_once():
    if not KEPT:
        KEPT.extend(originals())
    return KEPT


def read_damaged(folder, seeds):
    """Read damaged files with every reader; return how many photos were decoded.

    Fails unless each is refused by name, or decoded to the size that it declares.
    """
    decoded = 0
    file = Path(folder) / "damaged é.img"
    for seed in seeds:
        file.write_bytes(one_damaged(seed))
        print(seed, flush=True)  # the last one is the one that crashed
        results = {}
        for read in (*READERS, exif_orientation):
            try:
                results[read] = read(file)
            except ValueError as error:
                assert str(file) in str(error), (seed, error)  # noqa: PT017
        photo = results.get(read_image)
        if photo is not None:
            decoded += 1
            assert photo.dtype == np.uint8, seed
            assert photo.shape == (*results[image_size], 3), seed
        label = results.get(read_label)
        assert label is None or (label.dtype == np.uint8 and label.ndim == 2), seed
    return decoded


def in_child(folder, begin, end):
    """Read files in a process of its own; return how many were decoded."""
    code = (
        "import sys, warnings; warnings.simplefilter(sys.argv[4])\n"
        "from tests.reliability.test_hostile_images import read_damaged\n"
        "seeds = range(int(sys.argv[2]), int(sys.argv[3]))\n"
        "print('decoded', read_damaged(sys.argv[1], seeds))"
    )
    # With warnings as errors none comes out of a reader; without, more is decoded.
    action = "error" if begin % 4000 else "ignore"
    words = [sys.executable, "-c", code, str(folder), str(begin), str(end), action]
    root = Path(__file__).parents[2]
    child = subprocess.run(words, cwd=root, capture_output=True, text=True)
    last = child.stdout.split()[-2:]
    assert child.returncode == 0, (child.returncode, last, child.stderr[-3000:])
    return int(last[1])


@pytest.mark.fault(10)
def test_damaged_images_are_refused_by_name_or_decoded(tmp_path, record_property):
    number = 400
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damage that it can live with
        decoded = read_damaged(tmp_path, range(number))
    record_property("cases", number)
    assert number // 10 < decoded < number * 9 // 10


@pytest.mark.slow
@pytest.mark.fault(10)
def test_twenty_thousand_damaged_images_crash_nothing(tmp_path, record_property):
    number, step = 20_000, 2_000
    starts = range(0, number, step)
    decoded = sum(in_child(tmp_path, start, start + step) for start in starts)
    record_property("cases", number)
    assert number // 10 < decoded < number * 9 // 10


@pytest.mark.fault(10)
def test_the_check_of_a_data_set_names_every_damaged_file(tmp_path, record_property):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    photos.mkdir()
    masks.mkdir()
    cut = {}
    for i, content in enumerate(originals()[:8] * 4):
        end = len(content) * (i + 1) // 60 if i % 4 else None
        (photos / f"{i:02}.jpg").write_bytes(content[:end])
        with Image.open(io.BytesIO(content)) as whole:
            width, height = whole.size
            turned = whole.getexif().get(0x0112) == 6
        size = (height, width) if turned else (width, height)
        Image.new("L", size, 1).save(masks / f"{i:02}.png")
        cut[f"{i:02}"] = end is not None
    damaged_mask = masks / "00.png"
    damaged_mask.write_bytes(damaged_mask.read_bytes()[:40])
    report = examine(FolderSegmentation(photos, masks, num_classes=2))
    named = {problem.sample: problem for problem in report.errors}
    assert named.pop("00").kind == "mask"
    assert set(named) == {name for name, damaged in cut.items() if damaged}
    for name, problem in named.items():
        assert problem.kind == "photo"
        assert str(photos / f"{name}.jpg") in problem.message
    record_property("cases", len(named) + 1)


# Silent damage (11)


@pytest.mark.fault(11)
@pytest.mark.parametrize("number", [30, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_flipped_bit_in_any_file_is_told(tmp_path, number, record_property):
    chance = random.Random(0)
    contents = {  # most of such a photo may be damaged without an error
        "photos": encoded(Image.effect_noise((60, 40), 90).convert("RGB"), "JPEG"),
        "masks": encoded(Image.new("L", (60, 40), 1), "PNG"),
    }
    files = []
    for folder, content in contents.items():
        (tmp_path / folder).mkdir()
        for i in range(number // 2):
            files.append(tmp_path / folder / f"{i}.{'jpg' if i % 2 else 'png'}")
            files[-1].write_bytes(content)
    data = FolderSegmentation(tmp_path / "photos", tmp_path / "masks", num_classes=2)
    manifest = tmp_path / "list.sha256"
    assert write_manifest([data], manifest) == number
    assert compare_manifest([data], manifest) == ()
    silent = 0
    for file in files:
        content = bytearray(file.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
        try:
            read_image(file)
            silent += 1
        except ValueError:
            pass
    told = {problem.sample for problem in compare_manifest([data], manifest)}
    assert told == {str(file.relative_to(tmp_path)) for file in files}
    assert silent > number // 5  # which nothing else would tell
    record_property("cases", number)


# Bombs (17)


def zero_png(side, width=None):
    """A PNG of that many pixels, all black, 1 bit each; a thousandth of its size."""
    width = width or side
    rows = bytes(1 + (width + 7) // 8)
    header = struct.pack(">IIBBBBB", width, side, 1, 0, 0, 0, 0)
    packed = compress(rows * min(side, 2_000), 1)  # a bomb need not be whole
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND")


def with_size(content, at, width, height, form):
    size = struct.pack(form, width, height)
    return content[:at] + size + content[at + len(size) :]


def jpeg_bomb():
    content = encoded(Image.new("RGB", (16, 16)), "JPEG")
    at = content.index(b"\xff\xc0") + 5
    return with_size(content, at, 65500, 65500, ">HH")


def webp_bomb(width, height):
    content = encoded(Image.new("RGBA", (16, 16)), "WEBP", lossless=True, exact=True)
    assert content[12:16] == b"VP8L"
    bits = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return content[:21] + bits + content[25:]


def webp_canvas(width, height):
    exif = Image.Exif()
    exif[0x0112] = 1
    content = encoded(Image.new("RGB", (16, 16)), "WEBP", exif=exif)
    assert content[12:16] == b"VP8X"
    sides = (side - 1 for side in (width, height))
    size = b"".join(side.to_bytes(3, "little") for side in sides)
    return content[:24] + size + content[30:]


def tiff_bomb(**tags):
    """A TIFF with other values of some of its tags, LONG."""
    content = bytearray(encoded(Image.new("L", (16, 16)), "TIFF"))
    (at,) = struct.unpack_from("<I", content, 4)
    (number,) = struct.unpack_from("<H", content, at)
    entries = {}
    for i in range(number):
        entry = content[at + 2 + 12 * i : at + 14 + 12 * i]
        entries[struct.unpack_from("<H", entry)[0]] = bytes(entry)
    for tag, value in tags.items():
        tag = int(tag.removeprefix("tag"))
        entries[tag] = struct.pack("<HHII", tag, 4, 1, value)
    table = b"".join(entries[tag] for tag in sorted(entries))
    directory = struct.pack("<H", len(entries)) + table + bytes(4)
    content[4:8] = struct.pack("<I", len(content))
    return bytes(content + directory)


def gif_bomb(canvas, frame):
    content = encoded(Image.new("P", (16, 16)), "GIF")
    content = with_size(content, 6, canvas[0], canvas[1], "<HH")
    at = content.index(b",\0\0\0\0") + 5
    return with_size(content, at, frame[0], frame[1], "<HH")


SMALL = encoded(Image.new("RGB", (16, 16)), "BMP")
HUGE = 2**31 - 1
BOMBS = {  # content, and the pixels that it declares
    "9500 x 9500.png": (zero_png(9_500), 9_500**2),
    "13000 x 13000.png": (zero_png(13_000), 13_000**2),  # below twice the limit
    "60000 x 60000.png": (zero_png(60_000), 60_000**2),
    "flat.png": (zero_png(1, HUGE // 8), HUGE // 8),
    "header.png": (
        SIGNATURE
        + chunk(b"IHDR", struct.pack(">II5B", HUGE, HUGE, 8, 6, 0, 0, 0))
        + chunk(b"IDAT"),
        HUGE**2,
    ),
    "photo.jpg": (jpeg_bomb(), 65_500**2),
    "canvas.gif": (gif_bomb((65_535, 65_535), (16, 16)), 65_535**2),
    "frame.gif": (gif_bomb((16, 16), (65_535, 1_500)), 65_535 * 1_500),
    "large frame.gif": (gif_bomb((16, 16), (65_535, 65_535)), 65_535**2),
    "photo.webp": (webp_bomb(16_383, 16_383), 16_383**2),
    "small.webp": (webp_bomb(10_000, 10_000), 10_000**2),
    "canvas.webp": (webp_canvas(12_000, 12_000), 12_000**2),
    "photo.bmp": (with_size(SMALL, 18, HUGE, HUGE, "<ii"), HUGE**2),
    "photo.ppm": (b"P6\n%d %d\n255\n" % (HUGE, HUGE), HUGE**2),
    "photo.tif": (tiff_bomb(tag256=100_000, tag257=100_000), 10**10),
    "tiles.tif": (tiff_bomb(tag322=16_000, tag323=16_000, tag324=8), 16_000**2),
}


@pytest.fixture
def decoders_called(monkeypatch):
    """Pillow's decoders that are made from now on; WebP's is of another kind."""
    called = []
    original = Image._getdecoder

    def noted(*arguments):
        called.append(arguments)
        return original(*arguments)

    monkeypatch.setattr("PIL.ImageFile.Image._getdecoder", noted)
    from PIL import WebPImagePlugin

    def noted_webp(*arguments):
        called.append(arguments)
        raise OSError("a WebP was decoded")

    monkeypatch.setattr(WebPImagePlugin._webp, "WebPAnimDecoder", noted_webp)
    return called


@pytest.mark.fault(17)
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_decoded(
    tmp_path, name, decoders_called, record_property
):
    content, pixels = BOMBS[name]
    file = tmp_path / name
    file.write_bytes(content)
    assert len(content) < 4e6
    for read in READERS:
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"at most 89\.5 megapixels") as caught:
                read(file)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        message = str(caught.value)
        assert repr(str(file)) in message
        assert f"{pixels / 1e6:.1f} megapixels" in message or str(pixels) in message
        assert "PIL.Image.MAX_IMAGE_PIXELS" in message
        assert "--max-megapixels" in message
        assert peak < 100e6
    assert decoders_called == []


@pytest.mark.fault(17)
@pytest.mark.parametrize("action", ["ignore", "always", "error"])
def test_no_filter_of_warnings_decides_what_is_too_large(tmp_path, action):
    for name, (content, _) in BOMBS.items():
        (tmp_path / name).write_bytes(content)
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter(action)
            with pytest.raises(ValueError, match=r"at most 89\.5 megapixels"):
                read_image(tmp_path / name)
        assert shown == []


@pytest.mark.fault(17)
def test_the_limit_is_pillows_own_and_may_be_moved(tmp_path, monkeypatch):
    file = tmp_path / "photo.png"
    Image.new("L", (100, 50)).save(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    assert read_image(file).shape == (50, 100, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4999)
    with pytest.raises(ValueError, match="100 x 50 pixels"):
        read_image(file)
    assert read_image(Image.new("L", (100, 50))).shape == (50, 100, 3)  # the user's
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_image(file).shape == (50, 100, 3)


@pytest.mark.fault(17)
def test_the_check_of_a_data_set_names_a_bomb(tmp_path):
    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
        for name in ("bomb", "small"):
            Image.new("L", (8, 8), 1).save(tmp_path / folder / f"{name}.png")
    bomb = tmp_path / "photos" / "bomb.png"
    bomb.write_bytes(BOMBS["13000 x 13000.png"][0])
    data = FolderSegmentation(tmp_path / "photos", tmp_path / "masks", num_classes=2)
    (problem,) = examine(data).errors
    assert (problem.kind, problem.sample) == ("photo", "bomb")
    assert "169.0 megapixels" in problem.message


# Modes and formats (18)

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 8, 4), "uint8")
RAMP = np.arange(48, dtype="uint8").reshape(6, 8)


def image_of(mode):
    """An image of a Pillow mode, and the pixels that it was made of."""
    deep = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}
    if mode == "1":
        pixels = RAMP % 3 == 0
        return Image.fromarray(pixels), pixels
    if mode in deep:
        pixels = RAMP.astype(deep[mode])
        return Image.frombytes(mode, (8, 6), pixels.tobytes()), pixels
    if mode in ("P", "PA"):
        image = Image.fromarray(RAMP)
        image.putpalette(PALETTE.tobytes())
        return image.convert(mode), RAMP
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = PIXELS[..., :channels] if channels > 1 else RAMP
    return Image.frombytes(mode, (8, 6), np.ascontiguousarray(pixels).tobytes()), pixels


PALETTE = np.random.default_rng(2).integers(0, 256, (48, 3), "uint8")
INDICES = "labels"  # a mask comes in as it is; so do grey levels
COLOURS = "of mode {}, colours"
# What a photo, and a mask, of that mode are: what they look like, or why refused.
MODES = {
    ("1", "PNG"): ("grey", INDICES),
    ("L", "PNG"): ("grey", INDICES),
    ("L", "BMP"): ("grey", INDICES),
    ("L", "PPM"): ("grey", INDICES),
    ("LA", "PNG"): ("on white", COLOURS),
    ("P", "PNG"): ("palette", INDICES),
    ("P", "GIF"): ("palette", INDICES),
    ("RGB", "PNG"): ("colours", COLOURS),
    ("RGB", "TIFF"): ("colours", COLOURS),
    ("RGBA", "PNG"): ("on white", COLOURS),
    ("CMYK", "TIFF"): ("ink", COLOURS),
    ("YCbCr", "TIFF"): ("as Pillow", COLOURS),
    ("LAB", "TIFF"): ("as Pillow", COLOURS),
    ("I;16", "PNG"): ("16 bits", INDICES),
    ("I;16B", "TIFF"): ("16 bits", INDICES),
    ("I", "TIFF"): ("of Pillow mode I (32 bits)", INDICES),
    ("F", "TIFF"): ("of Pillow mode F (32 bits)", "a float image"),
}


def expected_photo(how, image, pixels):
    pixels = pixels.astype("float64")
    if how == "grey":
        scale = 255 if pixels.max() == 1 else 1
        return np.stack([pixels * scale] * 3, -1)
    if how == "16 bits":
        return np.stack([np.rint(pixels / 257)] * 3, -1)
    if how == "on white":
        opacity = pixels[..., -1:] / 255
        laid = opacity * pixels[..., :-1] + (1 - opacity) * 255
        return np.broadcast_to(laid, (*laid.shape[:2], 3))
    if how == "palette":
        return PALETTE[RAMP]
    if how == "ink":
        return (255 - pixels[..., :3]) * (255 - pixels[..., 3:]) / 255
    return pixels if how == "colours" else np.asarray(image.convert("RGB"))


@pytest.mark.fault(18)
@pytest.mark.parametrize(("mode", "kind"), MODES, ids=" ".join)
def test_a_mode_is_converted_as_documented_or_refused_by_name(tmp_path, mode, kind):
    photo, mask = MODES[mode, kind]
    image, pixels = image_of(mode)
    file = tmp_path / f"odd.{kind.lower()}"
    image.save(file, kind)
    with Image.open(file) as saved:
        assert saved.mode == mode
    if mode in photo:
        with pytest.raises(ValueError, match="Pillow mode") as caught:
            read_image(file)
        assert photo in str(caught.value)
        assert str(file) in str(caught.value)
    else:
        expected = expected_photo(photo, image, pixels)
        np.testing.assert_allclose(read_image(file), expected, atol=1)
    if mask == INDICES:
        label = read_label(file)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, pixels)
    else:
        with pytest.raises(ValueError, match="A mask must hold") as caught:
            read_label(file)
        assert mask.format(mode) in str(caught.value)
        assert repr(str(file)) in str(caught.value)


def fits():
    cards = [b"SIMPLE  =                    T", b"BITPIX  =                    8"]
    cards += [b"NAXIS   =                    2", b"NAXIS1  =                    4"]
    cards += [b"NAXIS2  =                    4", b"END"]
    return b"".join(card.ljust(80) for card in cards).ljust(2880) + bytes(2880)


FOREIGN = {
    "FITS": fits(),
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    "ICO": encoded(Image.new("RGBA", (16, 16)), "ICO"),
    "PDF": encoded(Image.new("RGB", (16, 16)), "PDF"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "TGA": encoded(Image.new("RGB", (16, 16)), "TGA"),
    "JPEG 2000": bytes.fromhex("0000000c6a5020200d0a870a") + bytes(64),
    "PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(64),
}


@pytest.mark.fault(18)
@pytest.mark.parametrize("read", [*READERS, exif_orientation])
@pytest.mark.parametrize("name", FOREIGN)
def test_another_format_under_a_photos_name_is_refused(tmp_path, name, read):
    file = tmp_path / "photo.jpg"
    file.write_bytes(FOREIGN[name])
    with pytest.raises(ValueError, match="none of JPEG, PNG, WEBP") as caught:
        read(file)
    assert repr(str(file)) in str(caught.value)


@pytest.mark.fault(18)
@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_what_a_file_holds_decides_and_not_its_name(tmp_path, kind):
    file = tmp_path / "photo.jpg"
    red, blue = (Image.new("RGB", (5, 4), name) for name in ("red", "blue"))
    moving = kind != "BMP"
    red.save(file, kind, save_all=moving, append_images=[blue], lossless=True)
    np.testing.assert_array_equal(
        read_image(file), np.broadcast_to([255, 0, 0], (4, 5, 3))
    )
    assert image_size(file) == (4, 5)


# Orientation (19)


@pytest.mark.fault(19)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_check_of_a_data_set_tells_of_turned_photos(tmp_path, orientation):
    """The mask was drawn on the photo as a viewer without EXIF shows it."""
    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(PIXELS[..., :3]))
    stored.save(tmp_path / "photos" / "a.png", exif=tags)
    Image.fromarray(RAMP % 2).save(tmp_path / "masks" / "a.png")
    data = FolderSegmentation(tmp_path / "photos", tmp_path / "masks", num_classes=2)
    report = examine(data)
    told = [(problem.kind, problem.sample) for problem in report.problems]
    if orientation == 1:
        assert told == []
    elif orientation <= 4:
        assert told == [("orientation", "a")]
        assert not report.errors
    else:
        assert told == [("size", "a")]
        (problem,) = report.errors
        assert f"EXIF orientation {orientation}" in problem.message
        assert "lying on a side" in problem.message
