import re
import struct
from zlib import compress, crc32

import numpy as np
import pytest
from PIL import Image

from keras_fcn.images import (
    exif_orientation,
    image_size,
    read_colours,
    read_image,
    read_label,
)

# EXIF 2.3, tag 0x0112: the side of the scene at the stored first row and first column.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}
LOSSLESS = {
    "png": {},
    "tif": {},
    "bmp": {},
    "ppm": {},
    "webp": {"lossless": True, "exact": True},
}


def stored(upright, orientation):
    """The pixels as a camera held so would have stored them."""
    row, column = SIDES[orientation]
    pixels = upright if row in ("top", "bottom") else upright.swapaxes(0, 1)
    pixels = pixels[::-1] if row in ("bottom", "right") else pixels
    return pixels[:, ::-1] if column in ("bottom", "right") else pixels


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def saved(folder, mode, pixels, suffix="png", **options):
    """Save an array as an image of exactly that Pillow mode; return the file."""
    pixels = np.ascontiguousarray(pixels)
    size = pixels.shape[1], pixels.shape[0]
    file = folder / f"photo.{suffix}"
    Image.frombytes(mode, size, pixels.tobytes()).save(file, **options)
    with Image.open(file) as image:
        assert image.mode == mode  # else the test would test another mode
    return file


def named(file):
    return re.escape(str(file))


@pytest.fixture
def photo(rng):
    return rng.integers(0, 256, (6, 9, 3), "uint8")


# Orientation


@pytest.mark.fault(19)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", SIDES)
def test_every_orientation_comes_out_upright(tmp_path, photo, suffix, orientation):
    file = tmp_path / f"photo.{suffix}"
    camera = Image.fromarray(np.ascontiguousarray(stored(photo, orientation)))
    camera.save(file, exif=exif(orientation), **LOSSLESS[suffix])
    np.testing.assert_array_equal(read_image(file), photo)
    assert image_size(file) == photo.shape[:2]


@pytest.mark.fault(19)
@pytest.mark.parametrize("orientation", SIDES)
def test_a_jpeg_of_every_orientation_comes_out_upright(tmp_path, orientation):
    photo = np.zeros((16, 32, 3), "uint8")
    photo[:8, :16], photo[:8, 16:], photo[8:, :16] = 250, 170, 90
    file = tmp_path / "photo.jpg"
    camera = Image.fromarray(np.ascontiguousarray(stored(photo, orientation)))
    camera.save(file, exif=exif(orientation), quality=95)
    np.testing.assert_allclose(read_image(file).astype(int), photo, atol=3)
    assert image_size(file) == (16, 32)


@pytest.mark.fault(19)
@pytest.mark.parametrize("value", [0, 9, 21])
def test_an_orientation_that_does_not_exist_is_upright(tmp_path, photo, value):
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file, exif=exif(value))
    np.testing.assert_array_equal(read_image(file), photo)
    assert image_size(file) == photo.shape[:2]


@pytest.mark.fault(19)
def test_a_16_bit_photo_is_turned_upright_too(tmp_path, rng):
    grey = rng.integers(0, 256, (4, 7), "uint16")
    camera = Image.fromarray(np.ascontiguousarray(stored(grey * 257, 6)))
    camera.save(tmp_path / "photo.png", exif=exif(6))
    np.testing.assert_array_equal(read_image(tmp_path / "photo.png")[..., 1], grey)


@pytest.mark.fault(19)
def test_the_orientation_of_an_open_pillow_image_is_applied_and_kept(tmp_path, photo):
    file = tmp_path / "photo.png"
    Image.fromarray(np.ascontiguousarray(stored(photo, 8))).save(file, exif=exif(8))
    with Image.open(file) as image:
        np.testing.assert_array_equal(read_image(image), photo)
        assert image.size == (photo.shape[0], photo.shape[1])


# An entry of the wrong type, which Pillow reads but cannot write again.
ODD_EXIF = struct.pack(
    "<6s2sHIH HHIHH HHII I",
    *(b"Exif\0\0", b"II", 42, 8, 2),
    *(0x0112, 3, 1, 6, 0),  # orientation 6
    *(0x0100, 2, 4, int.from_bytes(b"abc\0", "little")),  # a width of letters
    0,
)


@pytest.mark.fault(19)
def test_an_odd_exif_entry_does_not_keep_a_photo_from_being_read(tmp_path, photo):
    file = tmp_path / "photo.png"
    Image.fromarray(np.ascontiguousarray(stored(photo, 6))).save(file, exif=ODD_EXIF)
    np.testing.assert_array_equal(read_image(file), photo)


@pytest.mark.fault(19)
def test_a_photo_with_damaged_exif_is_still_a_photo(tmp_path, photo):
    file = tmp_path / "photo.webp"
    Image.fromarray(photo).save(file, exif=b"Exif\0\0damaged!", **LOSSLESS["webp"])
    np.testing.assert_array_equal(read_image(file), photo)
    assert image_size(file) == photo.shape[:2]


# Formats


@pytest.mark.fault(18)
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_come_in_pixel_by_pixel(tmp_path, photo, suffix):
    file = tmp_path / f"photo.{suffix}"
    Image.fromarray(photo).save(file, **LOSSLESS[suffix])
    for path in (file, str(file)):
        result = read_image(path)
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(result, photo)
    assert image_size(file) == photo.shape[:2]


def test_a_jpeg_is_what_pillow_decodes(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    with Image.open(tmp_path / "photo.jpg") as image:
        expected = np.array(image)
    np.testing.assert_array_equal(read_image(tmp_path / "photo.jpg"), expected)


@pytest.mark.fault(18)
def test_of_a_moving_picture_the_first_frame_is_read(tmp_path):
    red, blue = (Image.new("RGB", (5, 4), name) for name in ("red", "blue"))
    for name in ("film.gif", "film.png"):
        red.save(tmp_path / name, save_all=True, append_images=[blue])
        expected = np.broadcast_to([255, 0, 0], (4, 5, 3))
        np.testing.assert_array_equal(read_image(tmp_path / name), expected)
        assert image_size(tmp_path / name) == (4, 5)


# Modes


@pytest.mark.fault(18)
def test_a_1_bit_image_is_black_and_white(tmp_path, rng):
    bits = rng.random((5, 8)) < 0.5
    Image.fromarray(bits).save(tmp_path / "photo.png")
    result = read_image(tmp_path / "photo.png")
    np.testing.assert_array_equal(result, np.stack([bits * 255] * 3, -1))


@pytest.mark.fault(18)
def test_a_grey_image_has_three_equal_channels(tmp_path, rng):
    grey = rng.integers(0, 256, (5, 7), "uint8")
    result = read_image(saved(tmp_path, "L", grey))
    np.testing.assert_array_equal(result, np.stack([grey] * 3, -1))


@pytest.mark.fault(18)
@pytest.mark.parametrize(("mode", "suffix"), [("LA", "png"), ("RGBA", "webp")])
def test_transparent_images_are_laid_on_white(tmp_path, rng, mode, suffix):
    pixels = rng.integers(0, 256, (8, 8, len(mode)), "uint8")
    pixels[0, 0, -1], pixels[0, 1, -1] = 0, 255
    file = saved(tmp_path, mode, pixels, suffix, **LOSSLESS[suffix])
    opacity = pixels[..., -1:] / 255
    expected = opacity * pixels[..., :-1] + (1 - opacity) * 255
    expected = np.broadcast_to(expected, (8, 8, 3))
    result = read_image(file)
    np.testing.assert_allclose(result, expected, atol=1)
    assert result[0, 0].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(result[0, 1], expected[0, 1])


PALETTE = np.array([[250, 10, 20], [30, 240, 40], [50, 60, 230]], "uint8")


def palette_photo(file, **options):
    image = Image.fromarray(np.array([[0, 1, 2]], "uint8"))
    image.putpalette(PALETTE.tobytes())
    image.save(file, **options)
    return file


@pytest.mark.fault(18)
@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
def test_a_palette_photo_shows_its_colours(tmp_path, suffix):
    file = palette_photo(tmp_path / f"photo.{suffix}")
    np.testing.assert_array_equal(read_image(file), PALETTE[None])


@pytest.mark.fault(18)
@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"], ids=["index", "bytes"])
def test_the_transparent_colour_of_a_palette_is_white(tmp_path, transparency):
    file = palette_photo(tmp_path / "photo.png", transparency=transparency)
    expected = [PALETTE[0].tolist(), [255, 255, 255], PALETTE[2].tolist()]
    assert read_image(file).tolist() == [expected]


@pytest.mark.fault(18)
def test_the_transparent_colour_of_an_rgb_image_is_white(tmp_path):
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], "uint8")
    file = saved(tmp_path, "RGB", pixels, transparency=(4, 5, 6))
    assert read_image(file).tolist() == [[[1, 2, 3], [255, 255, 255]]]


@pytest.mark.fault(18)
def test_cmyk_is_converted_ink_by_ink(tmp_path, rng):
    inks = rng.integers(0, 256, (6, 6, 4), "uint8")
    result = read_image(saved(tmp_path, "CMYK", inks, "tif"))
    light = 255 - inks.astype(float)
    np.testing.assert_allclose(result, light[..., :3] * light[..., 3:] / 255, atol=1)


@pytest.mark.fault(18)
def test_ycbcr_is_converted_as_jpeg_defines_it(rng):
    pixels = rng.integers(64, 192, (6, 6, 3), "uint8")
    result = read_image(Image.frombytes("YCbCr", (6, 6), pixels.tobytes()))
    y, cb, cr = np.moveaxis(pixels.astype(float) - [0, 128, 128], -1, 0)
    rgb = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
    np.testing.assert_allclose(result, np.clip(np.stack(rgb, -1), 0, 255), atol=1)


@pytest.mark.fault(18)
@pytest.mark.parametrize("lightness", [20, 50, 80])
def test_a_grey_lab_image_is_as_light_as_cie_says(tmp_path, lightness):
    pixels = np.zeros((3, 4, 3), "uint8")
    pixels[..., 0] = round(lightness * 2.55)
    linear = ((lightness + 16) / 116) ** 3
    grey = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)  # sRGB
    result = read_image(saved(tmp_path, "LAB", pixels, "tif"))
    np.testing.assert_allclose(result, np.full((3, 4, 3), grey), atol=2)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", "<u2"), ("tif", "<u2"), ("tif", ">u2")]
)
def test_16_bit_grey_is_scaled_to_8(tmp_path, suffix, dtype):
    grey = np.array([[0, 128, 129, 257 * 7, 257 * 254 + 128, 65535]], dtype)
    mode = "I;16B" if dtype == ">u2" else "I;16"
    file = saved(tmp_path, mode, grey, suffix)
    assert read_image(file)[..., 0].tolist() == [[0, 0, 1, 7, 254, 255]]


@pytest.mark.fault(18)
@pytest.mark.parametrize(("mode", "dtype"), [("I", "int32"), ("F", "float32")])
def test_32_bits_have_no_range_and_are_refused(tmp_path, mode, dtype):
    file = saved(tmp_path, mode, np.ones((2, 3), dtype), "tif")
    with pytest.raises(ValueError, match=f"{named(file)}, of Pillow mode {mode} "):
        read_image(file)


# Files that are not images

READERS = [read_image, read_label, read_colours, image_size, exif_orientation]


@pytest.mark.fault(10)
@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_and_a_folder_are_named(tmp_path, read):
    for path in (tmp_path / "missing.jpg", tmp_path):
        with pytest.raises(FileNotFoundError, match=named(path)):
            read(path)


def png_chunk(chunk):
    size, checksum = len(chunk) - 4, crc32(chunk)
    return struct.pack(">I", size) + chunk + struct.pack(">I", checksum)


def bomb():
    """A PNG that says it is 60000 pixels a side, and has none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(header) + png_chunk(b"IDAT")


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    "content",
    [b"", b"Dear diary", b"P5\n2 x\n255\n", b"%!PS-Adobe EPSF-3.0\n", bomb()],
    ids=["empty", "text", "bad header", "PostScript", "bomb"],
)
@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_no_image_is_named(tmp_path, read, content):
    file = tmp_path / "diary.jpg"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=named(file)):
        read(file)


@pytest.mark.fault(10)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm"])
@pytest.mark.parametrize("read", [read_image, read_label, read_colours])
def test_a_truncated_image_is_named(tmp_path, rng, read, suffix):
    file = tmp_path / f"cut.{suffix}"
    image = Image.fromarray(rng.integers(0, 256, (40, 40), "uint8"))
    image.save(file)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ValueError, match=named(file)):
        read(file)


# Arrays and Pillow images


def test_a_uint8_array_is_taken_as_it_is(photo):
    np.testing.assert_array_equal(read_image(photo), photo)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint16"])
def test_an_array_of_another_type_becomes_uint8(photo, dtype):
    result = read_image(photo.astype(dtype))
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, photo)


def test_fractions_are_rounded_not_cut():
    grey = np.array([[0.4, 0.6, 254.6]])
    assert read_image(grey)[..., 0].tolist() == [[0, 1, 255]]


def test_a_2d_array_is_grey(rng):
    grey = rng.integers(0, 256, (3, 5), "uint8")
    np.testing.assert_array_equal(read_image(grey), np.stack([grey] * 3, -1))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 4), (2, 2, 1), (1, 2, 2, 3), (0, 2, 3)])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=re.escape(f"shape {shape}")):
        read_image(np.zeros(shape, "uint8"))


@pytest.mark.parametrize("value", [-1, 256, np.nan, np.inf, -np.inf])
def test_an_array_out_of_range_is_refused_with_its_range(value):
    array = np.full((2, 2, 3), 7, "float32")
    array[0, 1, 2] = value
    with pytest.raises(ValueError, match=f"{np.float32(value)}.* of float32"):
        read_image(array)


def test_a_pillow_image_is_read_and_left_as_it_was(photo):
    image = Image.fromarray(photo).convert("RGBA")
    np.testing.assert_array_equal(read_image(image), photo)
    assert image.mode == "RGBA"


def test_a_pillow_image_of_32_bits_is_refused():
    with pytest.raises(ValueError, match="of Pillow mode F"):
        read_image(Image.new("F", (2, 2)))


# Label images


@pytest.mark.fault(18)
@pytest.mark.parametrize("values", [(0, 1), (0, 3), (0, 14), (0, 20, 255)], ids=repr)
def test_a_palette_label_keeps_its_indices_at_every_depth(tmp_path, rng, values):
    label = rng.choice(values, (6, 9)).astype("uint8")
    image = Image.fromarray(label)
    image.putpalette(rng.integers(0, 256, 3 * (max(values) + 1), "uint8").tobytes())
    image.save(tmp_path / "label.png")
    result = read_label(tmp_path / "label.png")
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, label)


def test_a_palette_label_is_not_seen_through_its_transparent_colour(tmp_path):
    file = palette_photo(tmp_path / "label.png", transparency=1)
    assert read_label(file).tolist() == [[0, 1, 2]]


@pytest.mark.fault(18)
def test_a_grey_label_keeps_its_values(tmp_path, rng):
    label = rng.integers(0, 256, (6, 9), "uint8")
    np.testing.assert_array_equal(read_label(saved(tmp_path, "L", label)), label)


@pytest.mark.fault(18)
def test_a_1_bit_label_holds_0_and_1(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "label.png")
    assert read_label(str(tmp_path / "label.png")).tolist() == [[1, 0]]


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [("RGB", (2, 3, 3), "u1"), ("LA", (2, 3, 2), "u1"), ("RGBA", (2, 3, 4), "u1")],
)
def test_a_label_of_colours_is_refused(tmp_path, mode, shape, dtype):
    file = saved(tmp_path, mode, np.zeros(shape, dtype))
    with pytest.raises(ValueError, match=f"{named(file)}' of mode {mode}, colours"):
        read_label(file)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("mode", "dtype", "suffix"),
    [("I;16", "<u2", "png"), ("I;16B", ">u2", "tif"), ("I", "int32", "tif")],
)
def test_a_deep_label_keeps_its_indices(tmp_path, mode, dtype, suffix):
    file = saved(tmp_path, mode, np.array([[0, 1, 20, 255]], dtype), suffix)
    result = read_label(file)
    assert result.dtype == np.uint8
    assert result.tolist() == [[0, 1, 20, 255]]


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("mode", "dtype", "suffix", "value"),
    [("I;16", "<u2", "png", 256), ("I", "int32", "tif", 65536), ("I", "i4", "tif", -1)],
    ids=["256", "65536", "-1"],
)
def test_an_index_that_is_no_byte_is_refused_with_the_range(
    tmp_path, mode, dtype, suffix, value
):
    file = saved(tmp_path, mode, np.array([[3, value]], dtype), suffix)
    low, high = sorted([3, value])
    with pytest.raises(
        ValueError, match=rf"{named(file)}' with values {low}\.\.{high}"
    ):
        read_label(file)


@pytest.mark.fault(18)
def test_a_label_of_fractions_is_refused(tmp_path):
    file = saved(tmp_path, "F", np.ones((2, 3), "float32"), "tif")
    with pytest.raises(ValueError, match=f"{named(file)}', a float image"):
        read_label(file)


def grey_png(file, label, bits):
    """Write a grey PNG of that depth, which Pillow itself never does."""
    height, width = label.shape
    deep = np.unpackbits(label[..., None], axis=-1)[..., -bits:].reshape(height, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + compress(rows), b"IEND")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(map(png_chunk, chunks)))


@pytest.mark.fault(18)
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_grey_label_keeps_its_indices_at_every_depth(tmp_path, rng, bits):
    label = rng.integers(0, 2**bits, (5, 7), "uint8")
    label[0, :2] = 0, 2**bits - 1
    grey_png(tmp_path / "label.png", label, bits)
    np.testing.assert_array_equal(read_label(tmp_path / "label.png"), label)


# Colours and orientation


def test_the_colours_of_a_palette_are_those_that_it_shows(tmp_path):
    for transparency in (1, b"\xff\x00\xff"):
        file = palette_photo(tmp_path / "label.png", transparency=transparency)
        np.testing.assert_array_equal(read_colours(file), PALETTE[None])


def test_the_colours_of_a_transparent_image_are_those_below(tmp_path, rng):
    pixels = rng.integers(0, 256, (4, 5, 4), "uint8")
    file = saved(tmp_path, "RGBA", pixels)
    np.testing.assert_array_equal(read_colours(file), pixels[..., :3])


@pytest.mark.fault(19)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", SIDES)
def test_the_orientation_is_told(tmp_path, photo, suffix, orientation):
    file = tmp_path / f"photo.{suffix}"
    Image.fromarray(photo).save(file, exif=exif(orientation))
    assert exif_orientation(file) == orientation


@pytest.mark.parametrize(
    "options",
    [{}, {"exif": exif(0)}, {"exif": exif(9)}, {"exif": b"Exif\0\0damaged!"}],
    ids=["none", "0", "9", "damaged"],
)
def test_what_tells_no_orientation_is_upright(tmp_path, photo, options):
    file = tmp_path / "photo.webp"
    Image.fromarray(photo).save(file, **options)
    assert exif_orientation(file) == 1
