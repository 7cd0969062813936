"""Mistakes in the labels of huge photos."""

from .mutant import Mutant

MUTANTS = [
    # What reaches into the row below is dropped.
    Mutant(
        fault=16,
        file="keras_fcn/inference/mosaic.py",
        old="        scores[:above] += self.below[:above, left:right]\n",
        new="",
        test="tests/unit/test_tiles.py::"
        "test_what_sees_one_pixel_labels_it_as_in_the_whole_photo",
    ),
    # The whole image at once.
    Mutant(
        fault=16,
        file="keras_fcn/inference/predict.py",
        old="if fits or height * width <= tiles.above:",
        new="if True:",
        test="tests/reliability/test_huge_images.py::"
        "test_the_network_never_sees_more_than_the_limit",
    ),
    # The network as it was loaded, in float32, stays beside the folded one.
    Mutant(
        fault=16,
        file="keras_fcn/cli/predict.py",
        old="    gc.collect()  # what was loaded refers to itself, and is 0.5 GB\n",
        new="",
        test="tests/unit/test_tiles.py::"
        "test_the_network_as_it_was_loaded_is_gone_before_the_first_photo",
    ),
    # Scores of the whole photo are kept.
    Mutant(
        fault=16,
        file="keras_fcn/inference/mosaic.py",
        old="(max(rows), self.upright.shape[1], num_classes)",
        new="(*self.upright.shape, num_classes)",
        test="tests/reliability/test_huge_images.py::"
        "test_scores_of_a_few_tiles_and_of_one_row_are_kept",
    ),
]
