"""Mistakes in reading images and weights."""

from .mutant import Mutant

IMAGES = "tests/reliability/test_hostile_images.py::"
WEIGHTS = "tests/reliability/test_hostile_weights.py::"
MUTANTS = [
    Mutant(
        10,
        "keras_fcn/images/files.py",
        "except Exception as error:  # on damaged files Pillow raises whatever it likes",
        "except OSError as error:",
        IMAGES + "test_damaged_images_are_refused_by_name_or_decoded",
    ),
    Mutant(
        10,
        "keras_fcn/images/files.py",
        'f"{str(self.path)!r} is not an image that can be read: {error}."',
        'f"This is not an image that can be read: {error}."',
        IMAGES + "test_the_check_of_a_data_set_names_every_damaged_file",
    ),
    Mutant(
        11,
        "keras_fcn/datasets/manifest.py",
        "if now.get(name) != digest",
        "if name not in now",
        IMAGES + "test_a_flipped_bit_in_any_file_is_told[30]",
    ),
    Mutant(
        11,
        "keras_fcn/cli/data/check.py",
        "together += compare_manifest(",
        "compare_manifest(",
        "tests/unit/test_manifest.py::"
        "test_the_check_of_a_data_set_writes_a_list_and_then_compares",
    ),
    Mutant(
        17,
        "keras_fcn/images/limits.py",
        "width * height > limit:",
        "width * height > 2 * limit:",
        IMAGES + "test_a_bomb_is_refused_before_it_is_decoded",
    ),
    Mutant(
        17,
        "keras_fcn/images/files.py",
        """            require_size(self.path, image)
            if self.decode:
                image.load()
""",
        """            if self.decode:
                image.load()
            require_size(self.path, image)
""",
        IMAGES + "test_a_bomb_is_refused_before_it_is_decoded",
    ),
    Mutant(
        17,
        "keras_fcn/images/files.py",
        "    require_webp_size(path, start)\n",
        "",
        IMAGES + "test_a_bomb_is_refused_before_it_is_decoded",
    ),
    Mutant(
        17,
        "keras_fcn/images/files.py",
        'if name != "GIF":',
        "if name:",
        IMAGES + "test_no_filter_of_warnings_decides_what_is_too_large",
    ),
    Mutant(
        18,
        "keras_fcn/images/photos.py",
        'if image.mode in ("I", "F"):',
        'if image.mode == "F":',
        IMAGES + "test_a_mode_is_converted_as_documented_or_refused_by_name",
    ),
    Mutant(
        18,
        "keras_fcn/images/files.py",
        "for name in FORMATS:",
        'for name in (*FORMATS, "ICO"):',
        IMAGES + "test_another_format_under_a_photos_name_is_refused",
    ),
    Mutant(
        19,
        "keras_fcn/images/orientation.py",
        "6: Image.Transpose.ROTATE_270,",
        "6: Image.Transpose.ROTATE_90,",
        "tests/unit/test_images.py::test_every_orientation_comes_out_upright",
    ),
    Mutant(
        19,
        "keras_fcn/images/orientation.py",
        "        return turned if turned in _UPRIGHT else 1\n",
        "        return turned if turned in (3, 6, 8) else 1\n",
        IMAGES + "test_the_check_of_a_data_set_tells_of_turned_photos",
    ),
    Mutant(
        24,
        "keras_fcn/weights/files.py",
        "except Exception as error:  # on damaged files h5py raises whatever it likes",
        "except (OSError, ValueError) as error:",
        WEIGHTS + "test_damaged_files_crash_nothing_and_change_nothing[150]",
    ),
    Mutant(
        24,
        "keras_fcn/weights/files.py",
        "values = {n: tensors[key].read() for n, (key, _) in wanted.items()}",
        "values = {n: (v.assign(tensors[k].read()), tensors[k].read())[1]"
        " for n, (k, v) in wanted.items()}",
        WEIGHTS + "test_a_tensor_that_cannot_be_read_leaves_all_others_as_they_were",
    ),
    Mutant(
        24,
        "keras_fcn/weights/files.py",
        "elif found[key].dtype not in _FLOATS:",
        "elif not found[key].dtype:",
        WEIGHTS + "test_a_hostile_file_is_refused_with_its_reason",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if not isinstance(link, h5py.HardLink):",
        "if link is None:",
        WEIGHTS + "test_no_other_file_is_opened_and_little_memory_taken",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if how.get_external_count():",
        "if how.get_external_count() < 0:",
        WEIGHTS + "test_no_other_file_is_opened_and_little_memory_taken",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if how.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):",
        "if how.get_layout() is None:",
        WEIGHTS + "test_a_hostile_file_is_refused_with_its_reason",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if how.get_nfilters():",
        "if how.get_nfilters() < 0:",
        WEIGHTS + "test_a_hostile_file_is_refused_with_its_reason",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if dataset.id.get_storage_size() < size or (",
        "if dataset.id.get_storage_size() < 0 or (",
        WEIGHTS + "test_a_hostile_file_is_refused_with_its_reason",
    ),
    Mutant(
        24,
        "keras_fcn/weights/hdf5.py",
        "if _address(item) in seen or depth == DEEPEST:",
        "if _address(item) in seen:",
        WEIGHTS + "test_a_hostile_file_is_refused_with_its_reason",
    ),
]
