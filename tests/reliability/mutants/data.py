"""Mistakes in data sets, downloads and archives."""

from .mutant import Mutant

ROWS = "tests/reliability"

MUTANTS = [
    # What is half unpacked stays.
    Mutant(
        6,
        "keras_fcn/archives.py",
        "        shutil.rmtree(temporary, ignore_errors=True)\n        raise",
        "        raise",
        f"{ROWS}/test_disk_full.py::test_an_archive_that_fills_the_disk_leaves_nothing_"
        "and_is_unpacked_again",
    ),
    # What is half converted stays.
    Mutant(
        6,
        "keras_fcn/datasets/convert.py",
        "        shutil.rmtree(temporary, ignore_errors=True)\n        raise",
        "        raise",
        f"{ROWS}/test_disk_full.py::test_a_conversion_that_fills_the_disk_leaves_no_"
        "folder",
    ),
    # A full disk takes what has come with it.
    Mutant(
        6,
        "keras_fcn/downloads.py",
        "            if kind is not None and not done:\n",
        "            if kind is not None:\n",
        f"{ROWS}/test_disk_full.py::test_a_download_that_fills_the_disk_is_resumed_"
        "where_it_stopped",
    ),
    # A picture is written under its own name at once.
    Mutant(
        6,
        "keras_fcn/storage.py",
        "    with replacing(path) as temporary:\n        temporary.write_bytes(data)",
        "    Path(path).parent.mkdir(parents=True, exist_ok=True)\n"
        "    Path(path).write_bytes(data)",
        f"{ROWS}/test_disk_full.py::test_pictures_that_fill_the_disk_are_whole_or_"
        "missing",
    ),
    # Labels that are no class are not looked for.
    Mutant(
        12,
        "keras_fcn/datasets/sample_check.py",
        "    if not wrong.any():\n",
        "    if True:\n",
        f"{ROWS}/test_broken_data_sets.py::test_a_fault_is_told_before_anything_trains"
        "[label_21-check]",
    ),
    # 255 is taken for void whatever the data set's void label is.
    Mutant(
        12,
        "keras_fcn/datasets/sample_check.py",
        "    wrong[void] = 0\n",
        "    wrong[void] = wrong[VOID] = 0\n",
        f"{ROWS}/test_broken_data_sets.py::test_a_fault_is_told_before_anything_trains"
        "[usual_void_beside_another-check]",
    ),
    # A colour that no class has becomes the nearest one's label.
    Mutant(
        12,
        "keras_fcn/datasets/readers/masks.py",
        "    wrong = known[found] != pixels\n",
        "    wrong = np.zeros(pixels.shape, bool)\n",
        f"{ROWS}/test_broken_data_sets.py::test_a_fault_is_told_before_anything_trains"
        "[colour_that_no_class_has-check]",
    ),
    # An empty list is a data set of no photos.
    Mutant(
        13,
        "keras_fcn/datasets/readers/voc.py",
        "    if not names:\n        raise ValueError(\n"
        '            f"A split must list at least one image.',
        "    if None in names:\n        raise ValueError(\n"
        '            f"A split must list at least one image.',
        f"{ROWS}/test_tiny_data_sets.py::test_a_list_of_nothing_is_refused",
    ),
    # Fewer photos than a batch has make no step.
    Mutant(
        13,
        "keras_fcn/training/fit.py",
        "math.ceil(len(training) / config.batch_size)",
        "len(training) // config.batch_size",
        f"{ROWS}/test_tiny_data_sets.py::test_almost_nothing_is_trained_on_in_steps_"
        "that_count",
    ),
    # Void everywhere is a data set like any other.
    Mutant(
        13,
        "keras_fcn/datasets/check.py",
        "and not counts[:n].any():\n",
        "and not counts.size:\n",
        f"{ROWS}/test_tiny_data_sets.py::test_a_validation_of_void_alone_is_refused",
    ),
    # No number becomes zero.
    Mutant(
        14,
        "keras_fcn/scores.py",
        "out=np.full(len(matrix), np.nan)",
        "out=np.zeros(len(matrix))",
        f"{ROWS}/test_absent_classes.py",
    ),
    # Classes that are absent count in the mean, as zero.
    Mutant(
        14,
        "keras_fcn/scores.py",
        '"mean_iou": mean(iou, union > 0)',
        '"mean_iou": mean(iou, union >= 0)',
        f"{ROWS}/test_absent_classes.py",
    ),
    # One row is cut off too many.
    Mutant(
        15,
        "keras_fcn/layers/cropping.py",
        "crop(maps, self.offset, height, self.offset, width)",
        "crop(maps, self.offset, height - 1, self.offset, width)",
        "tests/property/test_model_sizes.py::test_output_size_is_input_size",
    ),
    # The scores of a skip lie one pixel of theirs off.
    Mutant(
        15,
        "keras_fcn/assembly/steps.py",
        "        cropped = CropTo(offset, ",
        "        cropped = CropTo(offset + 1, ",
        "tests/property/test_model_sizes.py::test_output_size_is_input_size",
    ),
    # Names may lead out of the folder.
    Mutant(
        21,
        "keras_fcn/archives.py",
        '            or ".." in parts\n',
        "",
        f"{ROWS}/test_hostile_archives.py::test_a_hostile_archive_is_refused_and_leaves_"
        "nothing",
    ),
    # Links and devices are taken for files.
    Mutant(
        21,
        "keras_fcn/archives.py",
        "        if not member.isdir() and not member.isreg():\n",
        "        if member.isfifo():\n",
        f"{ROWS}/test_hostile_archives.py::test_a_hostile_archive_is_refused_and_leaves_"
        "nothing",
    ),
    # An archive may unpack to any size.
    Mutant(
        21,
        "keras_fcn/archives.py",
        "        if self.bytes + _end(member) > self.max_bytes:\n",
        "        if self.bytes + _end(member) < 0:\n",
        f"{ROWS}/test_hostile_archives.py::test_a_small_archive_does_not_become_a_large_"
        "folder",
    ),
    # Whatever came is the file.
    Mutant(
        22,
        "keras_fcn/downloads.py",
        "        return checksums_agree(received, self.checksum)",
        "        return True",
        f"{ROWS}/test_downloads.py",
    ),
    # A download has its final name from its first byte on.
    Mutant(
        22,
        "keras_fcn/downloads.py",
        '    part = path.with_name(f".{path.name}.part")',
        "    part = path",
        f"{ROWS}/test_downloads.py::test_without_another_mirror_the_reason_is_told",
    ),
    # A label of no class becomes a mask.
    Mutant(
        23,
        "keras_fcn/datasets/readers/mat_labels.py",
        "        if label.max() >= len(VOC_CLASSES):\n",
        "        if not label.size:\n",
        "tests/unit/test_mat_labels.py::test_a_label_that_is_no_class_is_refused",
    ),
    # The process that a file has killed is asked again.
    Mutant(
        23,
        "keras_fcn/datasets/readers/mat_labels.py",
        "        except DiedError:\n            self._replace()\n            raise",
        "        except DiedError:\n            raise",
        f"{ROWS}/test_hostile_mats.py::test_pixels_of_a_type_that_is_none_crash_no_more_"
        "than_their_reader",
    ),
]
