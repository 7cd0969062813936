import numpy as np

from keras_fcn.datasets.batches import draws


def test_numbers_are_spread_evenly_over_0_to_1():
    drawn = np.concatenate([draws.uniform(7, number, 4) for number in range(1000)])
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() < 1
    counts, _ = np.histogram(drawn, 10, (0, 1))
    assert (abs(counts - 400) < 4 * np.sqrt(400 * 0.9)).all()  # 4 deviations


def test_seeds_and_samples_share_no_numbers():
    places = [(seed, number) for seed in (-1, 0, 1, 2**40) for number in range(50)]
    drawn = np.concatenate([draws.uniform(*place, 4) for place in places])
    assert len(np.unique(drawn)) == len(drawn)


def test_the_order_of_an_epoch_says_nothing_of_a_sample():
    """The numbers of sample 3 are not those that ordered epoch 3."""
    assert not np.array_equal(
        np.argsort(draws.uniform(0, 3, 100)), draws.permutation(0, 3, 100)
    )


def test_the_numbers_are_the_same_on_every_machine_and_with_every_numpy():
    """A changed value here means that no run can be taken up or repeated."""
    assert draws.uniform(5, 3, 2).tolist() == [0.7515727286058772, 0.4115104648776108]
    assert draws.permutation(5, 0, 8).tolist() == [6, 5, 1, 7, 4, 0, 3, 2]


def test_each_order_is_as_likely_as_any_other():
    orders = [tuple(draws.permutation(0, epoch, 3)) for epoch in range(1200)]
    counts = [orders.count(order) for order in sorted(set(orders))]
    assert len(counts) == 6
    assert all(abs(count - 200) < 4 * np.sqrt(200 * 5 / 6) for count in counts)


def test_a_larger_set_is_reordered_whole():
    order = draws.permutation(0, 0, 100_000)
    assert np.array_equal(np.sort(order), np.arange(100_000))
    # a random order lifts a number about as often as it lowers it, and far
    assert abs(order - np.arange(100_000)).mean() > 30_000
